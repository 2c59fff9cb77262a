/* share: the recipients of a message in hand, part by part of its schedule. */
#ifndef SEND_SHARE_H
#define SEND_SHARE_H

#include "lib/attr.h"
#include "send/active.h"
#include "send/schedule.h"
#include <stdbool.h>
#include <stdint.h>

/* Make a's shares of what its recipients' parts are.  None is queued.  False
 * without memory. */
MUST_USE bool share_make(struct active *a);

/* The share of a part; NULL when nobody in a is left for it. */
struct share *share_find(const struct active *a, uint32_t part);

/* The share's turn has come at now, which was due then: a new round of jobs
 * begins at its first recipient.  Their next attempts, which are stamps of a
 * journal perhaps, are brought in line with it (INTERNALS 5, "Time"). */
void share_turn(struct active *a, struct share *sh, int64_t due, int64_t now);

/* Move the cursor on to the next recipient that is to be tried now; force:
 * whatever the time.  False: there is none. */
MUST_USE bool share_next(
    struct active *a, struct share *sh, int64_t now, bool force);

/* When the share's turn is to be: that of its first recipient that is still to
 * be tried, INT64_MAX when there is none. */
int64_t share_due(const struct active *a, const struct share *sh);

/* Put it into the schedule's queues. */
void share_wait(struct schedule *t, struct active *a, struct share *sh,
    int64_t due, int64_t now);

/* The schedule has handed it out, or has forgotten it: it is in no queue. */
void share_taken(struct active *a, struct share *sh);

#endif
