/* relay: qmail-queue's interface: a message on one descriptor, its envelope on
 * another, handed to culver-queued. */
#ifndef QUEUE_RELAY_H
#define QUEUE_RELAY_H

#include "lib/attr.h"

/* Read the message to its end, then the envelope, "F" sender NUL, "T" recipient
 * NUL any number of times, NUL; what follows is not read.  Returns 0 when the
 * message is queued, or has no recipients; else an enum queue_code:
 *   11 an address is too long       54 a read failed, or the envelope ended
 *   91 the envelope is malformed    any other: what culver-queued answered */
MUST_USE int relay_run(int message_fd, int envelope_fd);

#endif
