/* handing: a parcel over to one QMQP server. */
#ifndef QUEUE_HANDING_H
#define QUEUE_HANDING_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "queue/parcel.h"
#include <stdint.h>

enum {
	HANDING_PORT = 628,
	HANDING_CONNECT = 10, /* seconds */
	HANDING_WRITE = 60,   /* without a byte taken */
	/* From the last byte sent: the server may be syncing its disk, and to
	 * go to another one now is to send the message twice. */
	HANDING_ANSWER = 300,
};

/* Send the parcel and hear the answer.  Returns an enum queue_code: 0 the
 * server has it; 31 it never will; 71 it will not now; 72 and 73 it cannot be
 * reached; 74 it went away, or did not answer in time or in QMQP, and may have
 * the message. */
MUST_USE int handing_try(
    const struct ip *server, uint16_t port, const struct parcel *p);

#endif
