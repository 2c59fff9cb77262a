/* bouncer: the connection to culver-bounce; one question at a time. */
#ifndef SEND_BOUNCER_H
#define SEND_BOUNCER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/bounce.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BOUNCER_PATIENCE = 5 }; /* seconds until it counts as stuck */

struct active;

struct bouncer {
	uid_t owner; /* who must answer */
	int fd;      /* -1: not connected */
	struct buf in, out;
	struct active *asked; /* about whom; NULL: nobody */
	int64_t again;        /* boot clock: when to connect next */
	int64_t deadline;     /* boot clock: the answer is late after it */
};

/* A bouncer that is not connected; who answers must run as owner. */
void bouncer_init(struct bouncer *b, uid_t owner);

/* The connection is of no use any more; the question is open again. */
void bouncer_close(struct bouncer *b);

/* Ask r about a, if nobody else is asked about.  False when it must wait: try
 * again after a while. */
MUST_USE bool bouncer_ask(struct bouncer *b, struct active *a,
    const struct bounce_request *r, int64_t now);

/* It is connected, and no answer takes long: whoever must wait for it need not
 * wait long. */
bool bouncer_well(const struct bouncer *b, int64_t now);

/* Write and read what the socket takes and gives.  False: it is gone. */
MUST_USE bool bouncer_move(struct bouncer *b, bool readable);

/* The answer, when it has come; it points into b until bouncer_taken.
 * *broken: the connection is to be given up. */
MUST_USE bool bouncer_answer(
    struct bouncer *b, struct bounce_answer *answer, bool *broken);

/* The answer was used: forget it, and the question. */
void bouncer_taken(struct bouncer *b);

#endif
