/* opener: the half of culver-authd that runs as root.  It keeps a culver-pop3d
 * running that opens the mailboxes of users/passwd (pop3d/keeper.h), starts
 * checkpassword programs, and does nothing else.
 *
 * Request   from the checking half, over a SEQPACKET pair, with a stream socket
 *           beside it to answer on:
 *             P *(variable NUL)    control/checkpassword, which finds the login
 *                                  (wire/checkpw.h) and then the end waiting in
 *                                  that socket; the variables are those of a
 *                                  UCSPI server, "TCPREMOTEIP=192.0.2.1"
 *             Q *(variable NUL)    the same for smtp: the program is to become
 *                                  true(1), found on its PATH, and no mailbox
 * Answer    K with the mailbox's stream beside it, or Z.  When the program has
 *           ended, N: the password was wrong; Y: it exited 0, which says to Q
 *           that the password was right; or Z: it could not tell.  To P it was
 *           right when the mailbox speaks.
 */
#ifndef POP3D_OPENER_H
#define POP3D_OPENER_H

#include "control/control.h"
#include "lib/attr.h"

enum {
	OPENER_PROGRAM = 'P',
	OPENER_TRUE = 'Q',
	OPENER_REQUEST = 512, /* most bytes of a request */
	OPENER_LINE = 1024,   /* of control/checkpassword, end byte included */
	OPENER_WORDS = 64,    /* words of it; with more it is not run */
	OPENER_SECONDS = 40 /* until a mailbox speaks, else its program ends */
};

/* Serve requests that come on fd, for ever, and keep a keeper running that hears
 * its own on the descriptor requests.  c has the rows of CONTROL_AUTHD.  Dies
 * (111) when the checking half has ended. */
NO_RETURN void opener_run(int fd, int requests, struct controls *c);

#endif
