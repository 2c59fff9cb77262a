/* credential: have culver-authd check who logs in (wire/login.h). */
#ifndef SMTPD_CREDENTIAL_H
#define SMTPD_CREDENTIAL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "smtpd/session.h"
#include "wire/login.h"

/* Ask; user (NULL: not wanted) gets the address of K, and text (likewise) what K
 * or C says, appended.  What is said to the client before is sent first.  The
 * letter of the answer: K, C or N, or Z for any trouble, of which a warning has
 * told. */
MUST_USE char credential_ask(struct session *s, enum login_how how,
    const struct checkpw *who, struct buf *user, struct buf *text);

#endif
