/* drift: steps of the wall clock, as the boot clock shows them.  Pure: no clock
 * is read. */
#ifndef SEND_DRIFT_H
#define SEND_DRIFT_H

#include <stdint.h>

enum { DRIFT_STEP = 60 }; /* seconds; less is the clock being adjusted */

struct drift_era {      /* microseconds */
	int64_t offset; /* of the wall clock from the boot clock */
	int64_t until;  /* what the wall clock said at the end */
};

struct drift {
	struct drift_era first, lowest; /* since drift_start */
	int64_t offset;                 /* at the last look */
};

/* Nothing is known of the time before now. */
void drift_start(struct drift *d, int64_t wall, int64_t boot);

/* See how the clocks stand.  Once a second is often enough. */
void drift_look(struct drift *d, int64_t wall, int64_t boot);

/* When a message stamped birth arrived, by the clock that says wall now: one
 * that was stamped before a leap forward is no older for it.  Where that cannot
 * be known, it is the younger. */
int64_t drift_birth(
    const struct drift *d, int64_t birth, int64_t wall, int64_t boot);

#endif
