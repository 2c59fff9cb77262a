/* outcome: what one delivery's result means for its recipient. */
#ifndef SEND_OUTCOME_H
#define SEND_OUTCOME_H

#include "send/send.h"

/* Note the result r of a recipient of a: its state, the journal's line, the
 * log.  A deferral of a message that has been in the queue too long becomes a
 * failure. */
void outcome_note(struct send *s, struct active *a, enum channel c,
    const struct flight *f, const struct result *r);

/* The program that had it in hand is gone: it is tried again at once. */
void outcome_lost(struct send *s, struct active *a, const struct flight *f,
    const struct result *r);

/* Likewise, and the death is counted: perhaps a is held for it (P9). */
void outcome_died(struct send *s, struct active *a, const struct flight *f,
    const struct result *r);

#endif
