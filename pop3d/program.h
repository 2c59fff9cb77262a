/* program: have a checkpassword program check a login and open the mailbox. */
#ifndef POP3D_PROGRAM_H
#define POP3D_PROGRAM_H

#include "lib/attr.h"
#include "wire/login.h"

enum program_result {
	/* *stream is its mailbox, which has spoken; for smtp there is none, and
	 * it has exited 0. */
	PROGRAM_RIGHT,
	PROGRAM_WRONG, /* it ended with CHECKPW_WRONG */
	PROGRAM_LATER  /* it could not tell, or not in OPENER_SECONDS */
};

/* Ask over opener, the pair to the half that runs it (pop3d/opener.h).  *stream
 * is the caller's, -1 unless right. */
MUST_USE enum program_result program_ask(
    int opener, const struct login *l, int *stream);

#endif
