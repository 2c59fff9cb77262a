/* crowd: whether one more connection of an address is too many, and what the
 * log says of those that were: one line a second, however many they are. */
#ifndef LIB_CROWD_H
#define LIB_CROWD_H

#include "lib/ip.h"
#include "lib/tally.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most connections at once; 0 of address or network: no such limit, and of
 * network, nothing is kept for others. */
struct crowd_limits {
	uint64_t all, address, network;
};

/* With busy connections, as tally counts them, one more of a may come in: both
 * limits leave room for it, and while no more than a quarter of all is free,
 * its network has none yet. */
bool crowd_admits(const struct crowd_limits *l, const struct tally *t,
    size_t busy, const struct ip *a);

/* Those who were refused since the log said so.  All zero bytes: nobody. */
struct crowd {
	uint64_t refused;
	struct ip last;
	size_t address, network; /* connections that the last one had */
	int64_t said;            /* boot clock */
	bool begun;
};

/* One of a was refused at now, on the boot clock. */
void crowd_refused(
    struct crowd *c, const struct tally *t, const struct ip *a, int64_t now);

/* Say it, if there is something to say and a second has passed since the last
 * line.  Returns when to call again, -1: when the next one is refused. */
int64_t crowd_say(struct crowd *c, int64_t now);

#endif
