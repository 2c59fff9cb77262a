/* stamp: what a greeting says for APOP; RFC 1939, 7. */
#ifndef POP3D_STAMP_H
#define POP3D_STAMP_H

#include "lib/str.h"

enum { STAMP_SIZE = 320 };

/* Write "<PID.TIME.RANDOM@me>", which is no other connection's and nobody
 * guesses, as a string to out.  An empty string, errno set, when there are no
 * random bytes or it is too long: APOP cannot be offered then. */
void stamp_make(char out[STAMP_SIZE], struct str me);

#endif
