/* assign: users/cdb made of users/assign, as qmail-newu makes it (wire/assign.h
 * has both forms).  HOME is the current folder. */
#ifndef CONTROL_ASSIGN_H
#define CONTROL_ASSIGN_H

#include "lib/attr.h"
#include "lib/buf.h"
#include <stdbool.h>

enum { ASSIGN_FILE = 1 << 28 }; /* bytes of users/assign */

/* Read users/assign and put users/cdb in place of the last one, at once and
 * durably.  False with "users/assign:3: what" in error (a C string), the old
 * table in place; and *malformed tells whether the text is wrong, or the system
 * failed. */
MUST_USE bool assign_build(bool *malformed, struct buf *error);

/* There is a users/assign, and no users/cdb or an older one. */
bool assign_stale(void);

#endif
