/* checkpw: under a UCSPI server, a child outside the jail that has each password
 * checked by a program, as the patches that give qmail-smtpd AUTH do:
 * "culver-smtpd HOST PROGRAM true".  Its interface is wire/checkpw.h; the third
 * text is the challenge of CRAM-MD5, else empty. */
#ifndef SMTPD_CHECKPW_H
#define SMTPD_CHECKPW_H

#include "lib/account.h"
#include "lib/attr.h"
#include "wire/checkpw.h"

enum { CHECKPW_SECONDS = 40 }; /* for a program, which is killed then */

/* Start it, before the jail is entered; argv is the program and its words, ended
 * by NULL, run as account with our environment.  The socket to ask it by; dies
 * (111) when it cannot be started. */
MUST_USE int checkpw_start(char **argv, enum account account);

/* Ask.  K: the program has exited 0; N: CHECKPW_WRONG, said LOGIN_DELAY seconds
 * after it was asked; Z: anything else, and a warning has said why. */
MUST_USE char checkpw_ask(int s, const struct checkpw *who);

#endif
