/* checkpw: the checkpassword interface: user, password and a third text, each
 * NUL-ended, at most CHECKPW_MAX bytes in all, on descriptor 3 of a program
 * that exits 0 by running what follows it, 1 for a wrong password, 2 when it
 * was misused, 111 for temporary trouble.
 * https://cr.yp.to/checkpwd/interface.html
 */
#ifndef WIRE_CHECKPW_H
#define WIRE_CHECKPW_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

enum { CHECKPW_MAX = 512 };

/* Exit codes of the program. */
enum { CHECKPW_WRONG = 1, CHECKPW_MISUSED = 2, CHECKPW_LATER = 111 };

struct checkpw {
	struct str user, password, extra;
};

/* Append; fails as buf_append, and with EMSGSIZE over CHECKPW_MAX or EINVAL
 * for a NUL within a text.  Matched by checkpw_read, which is false for
 * anything else; its texts point into in. */
MUST_USE bool checkpw_write(struct buf *b, const struct checkpw *c);

/* Matched by checkpw_write. */
MUST_USE bool checkpw_read(struct str in, struct checkpw *c);

#endif
