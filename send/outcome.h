/* outcome: what a result means for its recipient. */
#ifndef SEND_OUTCOME_H
#define SEND_OUTCOME_H

#include "send/send.h"

struct landing {           /* the recipient of a delivery that has ended */
	uint32_t number;   /* in the envelope */
	uint32_t delivery; /* in the log */
};

/* Note the result r of a recipient of a: its state, the journal's line, the
 * log.  A deferral of a message that has been in the queue too long becomes a
 * failure. */
void outcome_note(struct send *s, struct active *a, enum channel c,
    const struct landing *f, const struct result *r);

/* The program that had it in hand is gone: it is tried again at once. */
void outcome_lost(struct send *s, struct active *a, const struct landing *f,
    const struct result *r);

/* A program died with a in hand, by signal (0: it vanished), however many
 * recipients it had: perhaps a is held for it (P9). */
void outcome_died(struct send *s, struct active *a, int signal);

#endif
