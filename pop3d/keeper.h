/* keeper: a culver-pop3d that waits for mailboxes to open, so that a login costs
 * a fork and no exec.  What it is asked comes from culver-authd's checking
 * half; it reads no byte of a client.
 *
 * Request   one packet: the address NUL text of K (wire/login.h), with a stream
 *           socket beside it, the one on which culver-popup waits for it.
 * Answer    there, by the child that has the mailbox: that K, or Z.
 *
 * When a child is ended by a signal the keeper ends, and culver-authd's root
 * half starts another: who tries to guess where things lie in memory does not
 * find the same place twice.
 */
#ifndef POP3D_KEEPER_H
#define POP3D_KEEPER_H

#include "lib/attr.h"
#include "wire/login.h"

enum {
	KEEPER_FD = 3,            /* where culver-authd's root half puts fd */
	KEEPER_USER = CHECKPW_MAX /* most bytes of a user */
};

/* One request, in the child that is to serve it. */
struct kept {
	int popup; /* the stream; the caller's */
	char user[KEEPER_USER + 1];
	char text[LOGIN_TEXT + 1]; /* for culver-popup */
};

/* Fork a child for each request that comes on fd; the child returns, with
 * signals as they were.  Exits 0 when culver-authd has ended. */
void keeper_wait(int fd, struct kept *k);

#endif
