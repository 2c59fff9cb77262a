/* adopt: a message of another queue becomes one of ours; doc/INTERNALS, 12.9.
 * culver-send does not run meanwhile. */
#ifndef QUEUE_ADOPT_H
#define QUEUE_ADOPT_H

#include "lib/attr.h"
#include "queue/draft.h"
#include "queue/modes.h"
#include "queue/past.h"
#include "queue/place.h"
#include "queue/survey.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct adopt_known { /* a message that is in our queue */
	unsigned char token[QUEUE_TOKEN];
	uint64_t ino;
};

struct adopt {
	struct place place;
	struct draft draft;
	const struct modes *modes; /* the caller's */
	const struct survey *survey;
	struct adopt_known *known; /* by token */
	size_t known_count, known_cap;
	bool trouble; /* the list of them is not whole, with errno */
};

/* Open the queue for writing, outside of the jail.  False with errno. */
MUST_USE bool adopt_open(
    struct adopt *a, const struct survey *s, const struct modes *m);

/* Learn which messages are in our queue.  False with errno. */
MUST_USE bool adopt_look(struct adopt *a);

/* Close and free. */
void adopt_close(struct adopt *a);

/* Our queue has the message with the token of p. */
bool adopt_has(const struct adopt *a, const struct past *p);

enum adopt_end {
	ADOPT_DONE,     /* it is in our queue, durably, and may be removed */
	ADOPT_FINISHED, /* nobody waits for it: it may be removed */
	ADOPT_REFUSED,  /* p->why says what our queue cannot hold of it */
	ADOPT_FAILED    /* errno; it may be in our queue: do it again */
};

/* Put a message that past_read has read into our queue, with who waits for it
 * and those of whose failure its sender was not told yet.  One that is there
 * already is only made whole. */
MUST_USE enum adopt_end adopt_message(struct adopt *a, struct past *p);

#endif
