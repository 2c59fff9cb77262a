/* mailbox: ask culver-authd for the mailbox of a user and password. */
#ifndef POP3D_MAILBOX_H
#define POP3D_MAILBOX_H

#include "lib/attr.h"
#include "wire/login.h"

enum mailbox_result {
	MAILBOX_OPEN,  /* *fd is a stream to its culver-pop3d, the caller's */
	MAILBOX_WAITS, /* the same, and it waits for the client
	                  (wire/handover.h) */
	MAILBOX_STEP,  /* text answers the first step of SCRAM */
	MAILBOX_WRONG, /* no such user, or not the password */
	MAILBOX_LATER  /* cannot tell now; a warning has said why */
};

/* Ask by socket; waits LOGIN_ANSWER seconds at most for each step.  A user or
 * password that no request can hold (a NUL) is wrong.  user and text (NULL: not
 * wanted) get the address of K, in lower case, and what K or C says, appended.
 * *fd is -1 unless it is open. */
MUST_USE enum mailbox_result mailbox_ask(const char *socket,
    const struct login *l, int *fd, struct buf *user, struct buf *text);

#endif
