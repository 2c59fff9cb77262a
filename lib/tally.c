/* tally: connections counted; see tally.h.  A table with open addressing, never
 * more than half full. */
#include "lib/tally.h"

#include "lib/die.h"
#include "lib/rng.h"
#include <stdlib.h>
#include <string.h>

enum {
	ROOM = 64, /* slots at first; a power of two, as always */
	HALF = 8   /* bytes of an address, hashed at once */
};

enum scope { ADDRESS, NETWORK };

struct tally_slot {
	struct ip key; /* bits behind its scope's prefix are zero */
	enum scope scope;
	uint32_t count; /* 0: free */
};

static struct ip
key_of(const struct ip *a, enum scope scope)
{
	static const size_t bytes[2][2] = {
	    [ADDRESS] = {8, 16},
	    [NETWORK] = {6, 15},
	};
	size_t keep = bytes[scope][ip_is4(a) ? 1 : 0];
	struct ip key = *a;

	memset(key.bytes + keep, 0, sizeof(key.bytes) - keep);
	return key;
}

/* The finish of MurmurHash3, keyed. */
static uint64_t
mix(uint64_t h)
{
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static size_t
home_of(const struct tally *t, const struct ip *key, enum scope scope)
{
	uint64_t high, low;

	memcpy(&high, key->bytes, HALF);
	memcpy(&low, key->bytes + HALF, HALF);
	return (size_t)(mix(mix(mix(t->seed + scope) ^ high) ^ low)) &
	       (t->room - 1);
}

/* The slot of a key, or the free one where it would be. */
static size_t
find(const struct tally *t, const struct ip *key, enum scope scope)
{
	size_t i = home_of(t, key, scope);

	while (t->slots[i].count > 0 &&
	       (t->slots[i].scope != scope || !ip_equal(&t->slots[i].key, key)))
		i = (i + 1) & (t->room - 1);
	return i;
}

/* Room for two more keys. */
static bool
make_room(struct tally *t)
{
	struct tally bigger = *t;

	if (2 * (t->used + 2) <= t->room)
		return true;
	bigger.room = t->room == 0 ? ROOM : 2 * t->room;
	if (t->room == 0 && !rng_bytes(&bigger.seed, sizeof(bigger.seed)))
		return false;
	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].count > 0)
			bigger.slots[find(&bigger, &t->slots[i].key,
			    t->slots[i].scope)] = t->slots[i];
	free(t->slots);
	*t = bigger;
	return true;
}

static void
add(struct tally *t, const struct ip *a, enum scope scope)
{
	struct ip key = key_of(a, scope);
	struct tally_slot *s = &t->slots[find(t, &key, scope)];

	if (s->count == 0) {
		s->key = key;
		s->scope = scope;
		t->used++;
	}
	s->count++;
}

bool
tally_add(struct tally *t, const struct ip *a)
{
	if (!make_room(t))
		return false;
	add(t, a, ADDRESS);
	add(t, a, NETWORK);
	return true;
}

/* Free slot i: what was put behind it because it was taken moves up. */
static void
release(struct tally *t, size_t i)
{
	size_t mask = t->room - 1, gap = i;

	t->used--;
	for (size_t j = (i + 1) & mask; t->slots[j].count > 0;
	     j = (j + 1) & mask) {
		size_t home = home_of(t, &t->slots[j].key, t->slots[j].scope);

		if (((j - home) & mask) < ((j - gap) & mask))
			continue;
		t->slots[gap] = t->slots[j];
		gap = j;
	}
	t->slots[gap].count = 0;
}

static void
take_away(struct tally *t, const struct ip *a, enum scope scope)
{
	struct ip key = key_of(a, scope);
	size_t i = find(t, &key, scope);

	if (t->slots[i].count == 0)
		bug("a connection is counted away that was not counted");
	if (t->slots[i].count == 1)
		release(t, i);
	else
		t->slots[i].count--;
}

void
tally_remove(struct tally *t, const struct ip *a)
{
	if (t->room == 0)
		bug("a connection is counted away that was not counted");
	take_away(t, a, ADDRESS);
	take_away(t, a, NETWORK);
}

static size_t
count(const struct tally *t, const struct ip *a, enum scope scope)
{
	struct ip key = key_of(a, scope);

	return t->room == 0 ? 0 : t->slots[find(t, &key, scope)].count;
}

size_t
tally_address(const struct tally *t, const struct ip *a)
{
	return count(t, a, ADDRESS);
}

size_t
tally_network(const struct tally *t, const struct ip *a)
{
	return count(t, a, NETWORK);
}

void
tally_free(struct tally *t)
{
	free(t->slots);
	*t = (struct tally){.slots = NULL};
}
