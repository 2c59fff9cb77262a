/* porter: under a UCSPI server, a child outside the jail that gives each message
 * to $QMAILQUEUE, a program with qmail-queue's interface (wire/program.h).  To
 * the jailed process it is what culver-queued would be: wire/submit.h. */
#ifndef SMTPD_PORTER_H
#define SMTPD_PORTER_H

#include "lib/account.h"
#include "wire/submit.h"

/* Start it, before the jail is entered: s is connected to it, and to nothing
 * else ever.  path is $QMAILQUEUE, run as account.  Dies (111) when it cannot be
 * started. */
void porter_start(struct submit *s, const char *path, enum account account);

#endif
