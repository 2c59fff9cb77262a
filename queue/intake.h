/* intake: a message as it comes in from a program, its line ends made LF.  A CR
 * before an LF is left out, and a last line without an LF gets one. */
#ifndef QUEUE_INTAKE_H
#define QUEUE_INTAKE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum {
	INTAKE_SIZE = 65536,
	INTAKE_NAME = 998,      /* bytes in which a field's name has ended */
	INTAKE_HEADER = 1 << 20 /* bytes of a whole header; more is refused */
};

struct intake {
	int fd;
	bool eof;
	int error;       /* errno of a read that failed */
	bool cr;         /* the last byte was a CR; it may yet be left out */
	bool unfinished; /* the last line has no LF so far */
	size_t pos, len;
	char data[INTAKE_SIZE];
};

/* Begin to read fd, which stays the caller's. */
void intake_open(struct intake *in, int fd);

/* What has come and is not yet used, after reading if nothing was.  False at
 * the end, and, in->error set, when a read failed. */
MUST_USE bool intake_bytes(struct intake *in, struct str *bytes);

/* Take n of these bytes. */
void intake_use(struct intake *in, size_t n);

/* Append the header to out: whole fields, each line ended by LF; "From " at the
 * front of a line becomes "MBOX-Line: From ".  It ends before the first line
 * that is neither a field nor goes on with one; *blank tells that this line is
 * the empty one, which is still to be read.  False with EMSGSIZE for a header
 * over INTAKE_HEADER, or errno. */
MUST_USE bool intake_header(struct intake *in, struct buf *out, bool *blank);

/* Cut the first field off *rest: its name, without blanks at the end, and its
 * contents up to its last LF, which is left out.  False at the end. */
MUST_USE bool intake_field(
    struct str *rest, struct str *name, struct str *contents);

#endif
