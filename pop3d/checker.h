/* checker: the half of culver-authd that checks passwords.  Each login has a
 * child of its own, for crypt(3) is slow; who is next is told by shares.h, and a
 * failure is answered by the parent when its time has come, so that it delays
 * nobody else. */
#ifndef POP3D_CHECKER_H
#define POP3D_CHECKER_H

#include "control/control.h"
#include "pop3d/ledger.h"
#include "pop3d/secret.h"
#include <sys/types.h>

enum {
	CHECKER_LOGINS = 256, /* at once, those that wait for a failure, too */
	CHECKER_HASHING = 8,  /* of them, children; each may take 8 MiB */
	CHECKER_WAIT = 30,    /* seconds until one of these has been found */
	CHECKER_LIFE = 60     /* seconds; a child that takes longer is ended */
};

struct checker {
	int listening; /* LOGIN_SOCKET */
	int opener;    /* the pair to the half that runs programs */
	int keeper;    /* the pair to who opens mailboxes, pop3d/keeper.h; never
	                  waited for */
	uid_t pop3, smtp;          /* who may ask for these services */
	struct controls *controls; /* the rows of CONTROL_AUTHD */
	struct secret secret;
	struct ledger *ledger;
};

/* Serve until the other half has ended. */
void checker_run(const struct checker *c);

#endif
