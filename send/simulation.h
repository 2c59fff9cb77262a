/* simulation: the scheduler at work on a described load, with a clock of its
 * own and destinations that only answer. */
#ifndef SEND_SIMULATION_H
#define SEND_SIMULATION_H

#include "lib/attr.h"
#include "send/load.h"
#include "send/schedule.h"

struct simulation_row { /* of a destination, or a row of mail */
	uint64_t messages, delivered, bounced, waiting;
	uint64_t deferrals; /* attempts, and looks at parts of a dead lane */
	uint64_t attempts;  /* deliveries begun */
	uint64_t dead;      /* of them, while no host could be reached */
	uint64_t slowed;    /* of them, answered by 421 */
	uint32_t flying, peak;
	int64_t first;                /* longest wait for the first attempt */
	int64_t median, ninety, most; /* from arrival to delivery; 0: none */
	int64_t recovered; /* of a destination: from the end of its last dead
			    * time until as many flew as a lane may have, or all
			    * that were left; -1: that was not seen, or it
			    * was never dead */
};

struct simulation {
	struct simulation_row *destinations; /* as load's */
	struct simulation_row *mail;         /* as load's */
	int64_t end;    /* when nothing was left to do, or the duration */
	uint64_t steps; /* schedule_figures */
	size_t bytes;   /* most that the schedule took */
	size_t known;   /* most messages that it held */
	uint64_t lanes; /* most that it knew */
};

/* Run l from its first message until its duration is over or all is delivered
 * or bounced.  The same for the same l.  False without memory.  Either way s is
 * the caller's to simulation_free. */
MUST_USE bool simulation_run(struct simulation *s, const struct load *l);

/* Free what s holds. */
void simulation_free(struct simulation *s);

#endif
