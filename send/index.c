/* index: open addressing, at most three quarters full. */
#include "send/index.h"
#include <stdlib.h>
#include <string.h>

enum { LEAST = 64 };

void
index_free(struct index *x)
{
	free(x->slots);
	x->slots = NULL;
	x->size = x->count = 0;
}

static size_t
home(const struct index *x, uint32_t hash)
{
	return (size_t)((uint64_t)hash * x->size >> 32);
}

static size_t
after(const struct index *x, size_t i)
{
	return i + 1 == x->size ? 0 : i + 1;
}

static void
place(struct index *x, uint32_t hash, uint32_t slot)
{
	size_t i = home(x, hash);

	while (x->slots[i] != 0)
		i = after(x, i);
	x->slots[i] = slot;
}

bool
index_room(struct index *x, const void *owner)
{
	uint32_t *old = x->slots;
	size_t old_size = x->size;
	size_t size = old_size == 0 ? LEAST : old_size + old_size / 2;

	if ((x->count + 1) * 4 <= old_size * 3)
		return true;
	x->slots = calloc(size, sizeof *x->slots);
	if (x->slots == NULL) {
		x->slots = old;
		return false;
	}
	x->size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != 0)
			place(x, x->hash(owner, old[i] - 1), old[i]);
	free(old);
	return true;
}

uint32_t
index_find(
    const struct index *x, const void *owner, uint32_t hash, const void *key)
{
	if (x->size == 0)
		return INDEX_NONE;
	for (size_t i = home(x, hash); x->slots[i] != 0; i = after(x, i))
		if (x->same(owner, x->slots[i] - 1, key))
			return x->slots[i] - 1;
	return INDEX_NONE;
}

void
index_add(struct index *x, const void *owner, uint32_t id)
{
	place(x, x->hash(owner, id), id + 1);
	x->count++;
}

/* From one place to another, going forward. */
static size_t
way(const struct index *x, size_t from, size_t to)
{
	return to >= from ? to - from : to + x->size - from;
}

/* Empty the place and move up whatever was put behind it for want of it. */
void
index_remove(struct index *x, const void *owner, uint32_t id)
{
	size_t i = home(x, x->hash(owner, id)), j;

	while (x->slots[i] != id + 1)
		i = after(x, i);
	for (j = after(x, i); x->slots[j] != 0; j = after(x, j)) {
		size_t want = home(x, x->hash(owner, x->slots[j] - 1));
		if (way(x, want, j) >= way(x, i, j)) {
			x->slots[i] = x->slots[j];
			i = j;
		}
	}
	x->slots[i] = 0;
	x->count--;
}

size_t
index_bytes(const struct index *x)
{
	return x->size * sizeof *x->slots;
}

static uint64_t
mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 29;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 32;
}

uint32_t
index_hash_number(uint64_t seed, uint64_t n)
{
	return (uint32_t)mix(mix(seed ^ n) + seed);
}

uint32_t
index_hash(uint64_t seed, struct str s)
{
	uint64_t h = mix(seed + s.len), piece;

	for (size_t i = 0; i < s.len; i += sizeof piece) {
		size_t n = s.len - i;
		piece = 0;
		memcpy(&piece, s.data + i, n < sizeof piece ? n : sizeof piece);
		h = mix(h ^ piece) + seed;
	}
	return (uint32_t)mix(h);
}
