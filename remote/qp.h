/* qp: text as quoted-printable (RFC 2045, 6.7). */
#ifndef REMOTE_QP_H
#define REMOTE_QP_H

#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* Bytes that qp_put stores at most for n bytes given. */
#define QP_ROOM(n) (6 * (n) + 8)

enum {
	QP_LINE = 76, /* bytes of an encoded line, without its end */
	QP_END = 4    /* bytes that qp_end stores at most */
};

struct qp {
	size_t column;
	char held; /* a blank that may end the line, or a CR; 0: none */
};

/* Store in, whose lines end in LF (CR LF, or a CR alone, count as one), as
 * encoded lines that end in LF.  Returns the bytes stored. */
size_t qp_put(struct qp *q, struct str in, char *out);

/* Store what is held at the end of a part; the line's end is not added.
 * Returns the bytes stored; q is as at its start (all zero) then. */
size_t qp_end(struct qp *q, char *out);

#endif
