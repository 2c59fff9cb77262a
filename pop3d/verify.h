/* verify: is this the password of that user? */
#ifndef POP3D_VERIFY_H
#define POP3D_VERIFY_H

#include "lib/attr.h"
#include "lib/cdb.h"
#include "lib/str.h"

enum verdict {
	VERDICT_RIGHT,
	VERDICT_UNKNOWN,  /* no such user */
	VERDICT_PASSWORD, /* not the password, or there is none to log in with */
	VERDICT_REFUSED,  /* the password is right, but flags forbid it */
	VERDICT_LATER     /* the table cannot be read, or memory is short */
};

/* Check by users/passwd.cdb (NULL: there are no users); flags are those of enum
 * user_flag that refuse a login.  An unknown user takes as long as a known one
 * whose hash is of the method that culver-user takes by itself. */
MUST_USE enum verdict verify_password(const struct table *passwd,
    struct str user, struct str password, unsigned flags);

#endif
