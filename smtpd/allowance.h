/* allowance: what culver-authd counts for this door (wire/login.h): recipients of
 * who has logged in, and from where mail has been read. */
#ifndef SMTPD_ALLOWANCE_H
#define SMTPD_ALLOWANCE_H

#include "smtpd/reply.h"
#include "smtpd/session.h"

/* One recipient more of who has logged in, where control/authrate limits him;
 * code 0: it may come. */
struct reply allowance_take(struct session *s);

/* r refuses a recipient because the client may not relay.  Where
 * control/popbeforesmtp lets it, it may from now on, and code is 0; else r, or
 * that it cannot be known. */
struct reply allowance_relay(struct session *s, struct reply r);

#endif
