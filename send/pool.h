/* pool: things of one size that never move, known by numbers. */
#ifndef SEND_POOL_H
#define SEND_POOL_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_NONE UINT32_MAX

struct pool {
	size_t size;    /* of a thing, bytes, at least 4 */
	uint32_t block; /* things of a block of memory */
	void **blocks;
	uint32_t block_count;
	uint32_t used; /* things ever taken from blocks */
	uint32_t free; /* the first that was given back */
	uint32_t live; /* things taken now */
};

/* An empty pool. */
void pool_init(struct pool *p, size_t size, uint32_t block);

/* Free all memory. */
void pool_free(struct pool *p);

/* Take one, all zero bytes; its number.  POOL_NONE without memory, or when
 * there are 2^31 of them. */
MUST_USE uint32_t pool_take(struct pool *p);

/* Give it back. */
void pool_give(struct pool *p, uint32_t id);

/* Where it is. */
void *pool_at(const struct pool *p, uint32_t id);

/* The memory that it takes, bytes. */
size_t pool_bytes(const struct pool *p);

#endif
