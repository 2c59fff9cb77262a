/* proof: the two steps of SCRAM-SHA-256, as wire/login.h has them. */
#ifndef POP3D_PROOF_H
#define POP3D_PROOF_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "pop3d/secret.h"
#include "pop3d/verify.h"

/* Whose exchange it is, appended; false for a message that is none, and without
 * memory. */
MUST_USE bool proof_user(struct str client_first, struct buf *user);

/* What is said to the first message of user, appended to out: salt and
 * iterations of the verifier of users/passwd.cdb, or, where there is none, the
 * number that a new one has and a salt of the same length, which stays the same
 * as long as secret does.  No key is made for it, whoever it is.  False when it
 * cannot be told now. */
MUST_USE bool proof_first(const struct table *passwd,
    const struct secret *secret, struct str user, struct str client_first,
    struct buf *out);

/* Check the messages of LOGIN_FINAL; flags as for verify_login.  With
 * VERDICT_RIGHT the server-final-message is appended to out.  Whoever is wrong
 * costs SCRAM_ITERATIONS, and so does who is not there. */
MUST_USE enum verdict proof_final(const struct table *passwd,
    const struct secret *secret, struct str user,
    const struct checkpw *messages, unsigned flags, struct buf *out);

#endif
