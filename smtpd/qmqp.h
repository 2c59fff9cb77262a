/* qmqp: one client that speaks QMQP: a message from a host that we trust with
 * any sender and any recipients. */
#ifndef SMTPD_QMQP_H
#define SMTPD_QMQP_H

#include "lib/listener.h"
#include "smtpd/package.h"

/* Take one message, answer, and be done; the descriptors stay open. */
void qmqp_serve(struct package *p, const struct connection *peer);

#endif
