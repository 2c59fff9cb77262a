/* receive: DATA: a message from the client straight into the queue.  No more
 * of it than a buffer is ever in memory. */
#ifndef SMTPD_RECEIVE_H
#define SMTPD_RECEIVE_H

#include "lib/frame.h"
#include "lib/str.h"
#include "smtpd/session.h"
#include "wire/submit.h"

enum {
	/* A message may take so many seconds, and one more for so many bytes
	 * that have come; one that is not wanted any more, so many from there.
	 */
	RECEIVE_SECONDS = 1800,
	RECEIVE_RATE = 128,
};
_Static_assert(RECEIVE_SECONDS + (int)FRAME_PAYLOAD_MAX / RECEIVE_RATE <=
		   (int)SUBMIT_STALL,
    "a slow client is given up before the queue gives us up");

/* The verb: begins a message in the queue and asks for the client's bytes. */
struct reply do_data(struct session *s, struct str none);

/* Phase PH_DATA: read the message to its end, and say what became of it. */
struct reply receive_message(struct session *s);

#endif
