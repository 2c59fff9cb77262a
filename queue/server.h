/* server: the listener of queue/submit; each connection has its own writer. */
#ifndef QUEUE_SERVER_H
#define QUEUE_SERVER_H

#include "lib/attr.h"

/* Accept on the listening socket until SIGTERM, then let the writers finish
 * what they have in hand, and return.  Called within the listener's jail.
 * enter_jail is the writer's: called after its fork, with open what it needs.
 * Dies (111) when it cannot begin; after that it goes on whatever fails. */
void server_run(int listener, void (*enter_jail)(void));

#endif
