/* parcel: a message and its envelope as QMQP sends them, in memory: a server
 * wants to know the length first, and the next one the same bytes again. */
#ifndef QUEUE_PARCEL_H
#define QUEUE_PARCEL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include <stdint.h>

enum { PARCEL_MAX = 1 << 30 }; /* bytes of a message, and of an envelope */

struct parcel {
	struct buf head;    /* up to the first byte of the message */
	struct buf message; /* as it was read */
	struct buf tail;    /* all that follows it */
	uint64_t recipients;
};

/* Read the message to its end, then the envelope, "F" sender NUL, "T" recipient
 * NUL any number of times, NUL; what follows is not read.  p is all zero
 * before.  Returns 0 or an enum queue_code:
 *   11 an address is too long       51 it is too large for memory
 *   54 a read failed, or the envelope ended
 *   91 the envelope is malformed */
MUST_USE int parcel_read(struct parcel *p, int message_fd, int envelope_fd);

/* Free what p holds. */
void parcel_free(struct parcel *p);

#endif
