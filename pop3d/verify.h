/* verify: is this the password of that user? */
#ifndef POP3D_VERIFY_H
#define POP3D_VERIFY_H

#include "lib/attr.h"
#include "lib/cdb.h"
#include "wire/login.h"
#include <stdbool.h>

enum verdict {
	VERDICT_RIGHT,
	VERDICT_UNKNOWN,  /* no such user */
	VERDICT_PASSWORD, /* not the password, or there is none to log in with */
	VERDICT_REFUSED,  /* the password is right, but flags forbid it */
	VERDICT_LATER     /* the table cannot be read, or memory is short */
};

/* Check by users/passwd.cdb (NULL: there are no users): how is LOGIN_PASS, and
 * who's password; or LOGIN_APOP or LOGIN_CRAM, and the digest that stands in its
 * place (wire/login.h), which is right only where the secret is kept in clear.
 * flags are those of enum user_flag that refuse a login.  A wrong password costs
 * a hash of the method that culver-user takes by itself where there is no such
 * user, no hash, or a password in clear; else one by the user's own. */
MUST_USE enum verdict verify_login(const struct table *passwd,
    const struct checkpw *who, enum login_how how, unsigned flags);

/* The hash that is kept for who, where a login may be remembered (pop3d/recent.h):
 * it is a hash, and flags do not refuse the login.  *hash is valid until
 * table_close. */
MUST_USE bool verify_hash(const struct table *passwd, const struct checkpw *who,
    unsigned flags, struct str *hash);

#endif
