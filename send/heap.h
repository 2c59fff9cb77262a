/* heap: numbers of things in the order of a time of theirs, the earliest first.
 * Its owner says what a thing's time is, and keeps its place. */
#ifndef SEND_HEAP_H
#define SEND_HEAP_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_NONE UINT32_MAX

struct heap {
	int64_t (*time)(const void *owner, uint32_t id);
	uint32_t *(*place)(const void *owner, uint32_t id);
	uint32_t **pieces; /* of memory: they grow without being moved */
	uint32_t piece_count, len;
	uint64_t steps; /* places looked at, ever */
};

/* Free the memory. */
void heap_free(struct heap *h);

/* Room for so many in all, so that heap_put does not fail.  False without
 * memory. */
MUST_USE bool heap_room(struct heap *h, uint32_t count);

/* Put in a thing that is not in it; there is room. */
void heap_put(struct heap *h, const void *owner, uint32_t id);

/* The time of a thing that is in it has changed. */
void heap_move(struct heap *h, const void *owner, uint32_t id);

/* Take out a thing that is in it. */
void heap_take(struct heap *h, const void *owner, uint32_t id);

/* The first, or HEAP_NONE. */
uint32_t heap_first(const struct heap *h);

/* The one at a place below len, in no order. */
uint32_t heap_at(const struct heap *h, uint32_t place);

/* All times have changed. */
void heap_sort(struct heap *h, const void *owner);

/* The memory that it takes, bytes. */
size_t heap_bytes(const struct heap *h);

#endif
