/* qmtp: one client that speaks QMTP, for whom the rules of SMTP hold. */
#ifndef SMTPD_QMTP_H
#define SMTPD_QMTP_H

#include "lib/attr.h"
#include "lib/listener.h"
#include "smtpd/package.h"

struct qmtp;

/* One of its own memory for the clients of a package, which it uses; NULL
 * without memory. */
MUST_USE struct qmtp *qmtp_new(struct package *p);

/* Free it, not the package. */
void qmtp_free(struct qmtp *q);

/* Take messages until the client has gone; the descriptors stay open. */
void qmtp_serve(struct qmtp *q, const struct connection *peer);

#endif
