/* opener: the half of culver-authd that runs as root.  It starts mailboxes, and
 * does nothing else.
 *
 * Request   from the checking half, over a SEQPACKET pair: the address of a
 *           mailbox, with a descriptor beside it to answer on.
 * Answer    one packet: 'K' with the mailbox's stream beside it, or 'Z'.
 */
#ifndef POP3D_OPENER_H
#define POP3D_OPENER_H

#include "lib/attr.h"
#include <sys/types.h>

enum { OPENER_ADDRESS = 512 }; /* most bytes of a request */

/* Serve requests that come on fd, for ever.  Dies (111) when the checking half
 * has ended. */
NO_RETURN void opener_run(int fd, pid_t checking_half);

#endif
