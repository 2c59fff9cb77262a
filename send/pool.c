/* pool: blocks that stay, and a chain of what was given back. */
#include "send/pool.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 30 }; /* of numbers below 2^31 */

void
pool_init(struct pool *p, size_t size, uint32_t block)
{
	*p = (struct pool){.size = size, .block = block, .free = POOL_NONE};
}

void
pool_free(struct pool *p)
{
	for (uint32_t i = 0; i < p->block_count; i++)
		free(p->blocks[i]);
	free(p->blocks);
	pool_init(p, p->size, p->block);
}

void *
pool_at(const struct pool *p, uint32_t id)
{
	return (char *)p->blocks[id / p->block] + id % p->block * p->size;
}

static bool
grow(struct pool *p)
{
	void **blocks, *block;

	if (p->used < p->block_count * p->block)
		return true;
	if (p->used >= (uint32_t)MOST)
		return false;
	block = malloc(p->block * p->size);
	blocks = realloc(p->blocks, (p->block_count + 1) * sizeof *blocks);
	if (blocks != NULL)
		p->blocks = blocks;
	if (block == NULL || blocks == NULL) {
		free(block);
		return false;
	}
	p->blocks[p->block_count++] = block;
	return true;
}

uint32_t
pool_take(struct pool *p)
{
	uint32_t id = p->free;

	if (id != POOL_NONE)
		memcpy(&p->free, pool_at(p, id), sizeof p->free);
	else if (grow(p))
		id = p->used++;
	else
		return POOL_NONE;
	p->live++;
	memset(pool_at(p, id), 0, p->size);
	return id;
}

void
pool_give(struct pool *p, uint32_t id)
{
	memcpy(pool_at(p, id), &p->free, sizeof p->free);
	p->free = id;
	p->live--;
}

size_t
pool_bytes(const struct pool *p)
{
	return p->block_count * (p->block * p->size + sizeof *p->blocks);
}
