/* flight: jobs, from a part's turn to the last result. */
#ifndef SEND_FLIGHT_H
#define SEND_FLIGHT_H

#include "lib/attr.h"
#include "send/send.h"
#include <stdbool.h>

/* A job of the share of a whose turn it is leaves for its channel, and where
 * one does not hold all of its recipients the share waits for its next turn.
 * Without a job its slot is given back; perhaps a is to be held, or to be read
 * anew. */
void flight_begin(struct send *s, struct active *a, struct share *sh,
    const struct turn *turn, int64_t now);

/* A result of a job: of one recipient, or the end of it.  False: it makes no
 * sense. */
MUST_USE bool flight_result(
    struct send *s, enum channel c, const struct result *r, int64_t now);

/* The spawner is gone, and all its jobs with it. */
void flight_lost(struct send *s, enum channel c, int64_t now);

/* The turn of a share has come to no job, since no host of its lane can be
 * reached: an attempt of it has failed. */
void flight_overdue(struct send *s, struct active *a, struct share *sh,
    const struct turn *turn, int64_t now);

/* Nothing of the share flies or is queued: put it where it belongs now. */
void flight_settle(
    struct send *s, struct active *a, struct share *sh, int64_t now);

#endif
