/* passage: one message on its way from a client to the queue, by DATA or by
 * BDAT.  No more of it than a buffer is ever in memory. */
#ifndef SMTPD_PASSAGE_H
#define SMTPD_PASSAGE_H

#include "lib/attr.h"
#include "lib/frame.h"
#include "smtpd/data.h"
#include "smtpd/header.h"
#include "smtpd/stream.h"
#include "wire/submit.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	/* A message may take so many seconds, and one more for so many bytes
	 * that have come; one that is not wanted any more, so many from there.
	 */
	PASSAGE_SECONDS = 1800,
	PASSAGE_RATE = 128,
};
_Static_assert(PASSAGE_SECONDS + (int)FRAME_PAYLOAD_MAX / PASSAGE_RATE <=
		   (int)SUBMIT_STALL,
    "a slow client is given up before the queue gives us up");

struct session;

/* Zero is none. */
struct passage {
	struct data data;
	struct header header;
	uint64_t limit; /* databytes */
	uint64_t taken; /* bytes from the client, dots and all */
	int64_t began;  /* clock_boot */
	int trouble;    /* enum queue_code: the queue could not be reached */
	bool open;      /* the queue waits for more of it */
	bool large;     /* the client has announced more than limit */
	bool draining;  /* only its end is still looked for */
};

/* Begin a message in the queue, our trace field on top.  counted: it comes in
 * chunks.  False, the passage then being one that keeps nothing, when the queue
 * cannot be reached; passage_state says what to tell the client. */
bool passage_begin(struct session *s, bool counted);

/* size more bytes are to come.  What passes limit is drained at once. */
void passage_announce(struct session *s, uint64_t size);

/* Read up to size bytes, and not beyond the message's end.  STREAM_OK when they
 * have come, whatever is wrong with them. */
MUST_USE enum stream_result passage_read(struct session *s, uint64_t size);

/* Read size bytes that belong to no message. */
MUST_USE enum stream_result passage_swallow(struct session *s, uint64_t size);

/* What forbids the message as far as it has come; code 0: nothing. */
struct reply passage_state(struct session *s);

/* The message has come to its end, or r says why not: it is queued or
 * forgotten, and the transaction is over.  What to tell the client. */
struct reply passage_finish(struct session *s, enum stream_result r);

/* Forget the message, if there is one. */
void passage_forget(struct session *s);

#endif
