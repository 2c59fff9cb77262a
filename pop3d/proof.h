/* proof: the two steps of SCRAM-SHA-256, as wire/login.h has them. */
#ifndef POP3D_PROOF_H
#define POP3D_PROOF_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "pop3d/recent.h"
#include "pop3d/verify.h"

/* Whose exchange it is, appended; false for a message that is none, and without
 * memory. */
MUST_USE bool proof_user(struct str client_first, struct buf *user);

/* What is said to the first message of user, appended to out: by the verifier of
 * users/passwd.cdb, by one made of a password that is kept in clear, or, as for
 * anybody else, by a salt that leads to nothing.  False when it cannot be told
 * now. */
MUST_USE bool proof_first(const struct table *passwd, const struct recent *r,
    struct str user, struct str client_first, struct buf *out);

/* Check the messages of LOGIN_FINAL; flags as for verify_login.  With
 * VERDICT_RIGHT the server-final-message is appended to out. */
MUST_USE enum verdict proof_final(const struct table *passwd,
    const struct recent *r, struct str user, const struct checkpw *messages,
    unsigned flags, struct buf *out);

#endif
