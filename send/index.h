/* index: numbers of things, found by a hash of theirs.  What a thing's hash is,
 * and whether it is the one sought, its owner says. */
#ifndef SEND_INDEX_H
#define SEND_INDEX_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE UINT32_MAX

struct index {
	uint32_t (*hash)(const void *owner, uint32_t id);
	bool (*same)(const void *owner, uint32_t id, const void *key);
	uint32_t *slots; /* id + 1; 0: empty */
	size_t size, count;
};

/* Free the memory. */
void index_free(struct index *x);

/* Room for one more, so that the next index_add does not fail.  False without
 * memory. */
MUST_USE bool index_room(struct index *x, const void *owner);

/* The thing of this hash that is key's, or INDEX_NONE. */
uint32_t index_find(
    const struct index *x, const void *owner, uint32_t hash, const void *key);

/* Add a thing that is not there; there is room. */
void index_add(struct index *x, const void *owner, uint32_t id);

/* Remove a thing that is there. */
void index_remove(struct index *x, const void *owner, uint32_t id);

/* The memory that it takes, bytes. */
size_t index_bytes(const struct index *x);

/* A hash of bytes that nobody foresees who does not know the seed. */
uint32_t index_hash(uint64_t seed, struct str s);

/* Likewise of a number. */
uint32_t index_hash_number(uint64_t seed, uint64_t n);

#endif
