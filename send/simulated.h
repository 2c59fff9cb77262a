/* simulated: the messages and hosts of a simulation, and what is counted of
 * them. */
#ifndef SEND_SIMULATED_H
#define SEND_SIMULATED_H

#include "lib/attr.h"
#include "send/simulation.h"

enum outcome {
	OUTCOME_OK,
	OUTCOME_FAILED,   /* 5xx */
	OUTCOME_DEFERRED, /* 4xx of this message alone */
	OUTCOME_SLOWED,   /* 421 */
	OUTCOME_DEAD
};

struct simulated_message {
	int64_t birth;
	int64_t delay;   /* until it was delivered; -1: it is not */
	uint32_t row;    /* of mail */
	uint32_t number; /* in its row */
	uint32_t attempts;
};

struct simulated {
	const struct load *load;
	struct simulation *out;
	struct simulated_message *messages;
	uint32_t *flying; /* of each destination's domains, one behind the
			   * other; those of one group share the first */
	uint64_t dice;
	uint64_t *left; /* of each destination: not delivered or bounced */
	size_t *first_domain; /* of each destination, in flying */
	uint64_t arrived;
};

/* Set up for l; counts go to out.  False without memory. */
MUST_USE bool simulated_init(
    struct simulated *a, const struct load *l, struct simulation *out);

/* Free the memory. */
void simulated_free(struct simulated *a);

/* The message with this number, which has arrived. */
struct simulated_message *simulated_at(struct simulated *a, uint64_t ino);

/* Message number of a row arrives; ino counts from 1. */
void simulated_arrive(struct simulated *a, uint64_t ino, size_t row,
    uint64_t number, int64_t now);

/* A delivery begins: how it will end, and how long it lasts. */
enum outcome simulated_begin(struct simulated *a, struct simulated_message *m,
    int64_t now, int64_t *lasts);

/* It ended. */
void simulated_end(struct simulated *a, struct simulated_message *m,
    enum outcome o, int64_t now);

/* The message is given up. */
void simulated_bounce(struct simulated *a, const struct simulated_message *m);

/* Or tried later. */
void simulated_defer(struct simulated *a, const struct simulated_message *m);

/* Reckon delays.  False without memory. */
MUST_USE bool simulated_finish(struct simulated *a);

#endif
