/* transaction: MAIL and RCPT: who a message is from and for. */
#ifndef SMTPD_TRANSACTION_H
#define SMTPD_TRANSACTION_H

#include "lib/str.h"
#include "smtpd/session.h"

/* The verbs, run by verbs_run with what stands behind them. */
struct reply do_mail(struct session *s, struct str argument);

/* RCPT. */
struct reply do_rcpt(struct session *s, struct str argument);

#endif
