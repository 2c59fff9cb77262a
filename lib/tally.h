/* tally: how many connections each address and each network has now.  An
 * address is one of IPv4 or 64 bits of IPv6, which is what one client has; a
 * network is 24 bits of IPv4 or 48 of IPv6. */
#ifndef LIB_TALLY_H
#define LIB_TALLY_H

#include "lib/attr.h"
#include "lib/ip.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero bytes: nothing is counted. */
struct tally {
	struct tally_slot *slots; /* owned; ended by tally_free */
	size_t room, used;
	uint64_t seed; /* strangers do not choose who shares a slot */
};

/* Count one more of a.  False with errno, nothing counted, without memory. */
MUST_USE bool tally_add(struct tally *t, const struct ip *a);

/* One less; a has been added. */
void tally_remove(struct tally *t, const struct ip *a);

/* How many there are of the address that a is. */
size_t tally_address(const struct tally *t, const struct ip *a);

/* How many there are of its network. */
size_t tally_network(const struct tally *t, const struct ip *a);

/* Free t; it is empty then. */
void tally_free(struct tally *t);

#endif
