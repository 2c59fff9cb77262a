/* sending: the text of a message to a host, after DATA or within BDAT. */
#ifndef REMOTE_SENDING_H
#define REMOTE_SENDING_H

#include "lib/attr.h"
#include "remote/outgoing.h"
#include "remote/session.h"

enum sending_result {
	SENDING_SENT,      /* all of it; s->reply is the answer */
	SENDING_REFUSED,   /* not all of it; s->reply says why, s is broken */
	SENDING_LOST,      /* s broke; the host cannot have it whole */
	SENDING_DUPLICATE, /* s broke behind the end: it may have it */
	SENDING_UNREADABLE /* our file; s is broken, so that nobody takes part of
			    * a message for all of it */
};

/* The message as it was measured, behind the 354 of DATA: dots are stuffed, and
 * there is exactly one end of data (RFC 5321, 4.1.1.4). */
MUST_USE enum sending_result sending_data(
    struct session *s, struct outgoing *o);

/* The message in one chunk, the last (RFC 3030, 2). */
MUST_USE enum sending_result sending_bdat(
    struct session *s, struct outgoing *o);

#endif
