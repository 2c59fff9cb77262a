/* attempt: what culver-send does of itself: messages are read, parts whose turn
 * has come become jobs, results are noted, and at the end a message waits, is
 * bounced, or is removed. */
#ifndef SEND_ATTEMPT_H
#define SEND_ATTEMPT_H

#include "lib/attr.h"
#include "send/send.h"

/* Read what is to be read, begin what has its turn, go on with what is in hand.
 * Call it after anything that may have freed something. */
void attempt_run(struct send *s, int64_t now);

/* A result of a delivery.  False: it makes no sense. */
MUST_USE bool attempt_result(
    struct send *s, enum channel c, const struct result *r);

/* The spawner is gone, and its deliveries with it. */
void attempt_lost(struct send *s, enum channel c);

/* culver-bounce has answered about a. */
void attempt_bounced(
    struct send *s, struct active *a, const struct bounce_answer *answer);

/* Count what the last run died with, and hold what is held for it (P9). */
void attempt_suspects(struct send *s);

/* Nothing is under way. */
bool attempt_idle(const struct send *s);

/* The moment on the boot clock when attempt_run has something to do, at most
 * until. */
int64_t attempt_next(const struct send *s, int64_t until);

#endif
