/* schedule: entries in blocks that never move, a hash by number, a heap by due
 * time. */
#include "send/schedule.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct entry) <= 48, "P7: 64 bytes a queued message");

enum {
	BLOCK = 4096,      /* entries of a block */
	HASH_LEAST = 1024, /* places; a power of two */
};

struct schedule {
	struct entry **blocks;
	size_t block_count;
	uint32_t used;  /* entries ever taken from blocks */
	uint32_t free;  /* first of the freed ones, chained by heap */
	uint32_t *hash; /* index + 1 of an entry; 0: empty */
	size_t hash_size;
	uint32_t *heap; /* indices of entries */
	size_t heap_len, heap_cap;
	size_t count;
};

static struct entry *
at(const struct schedule *t, uint32_t index)
{
	return &t->blocks[index / BLOCK][index % BLOCK];
}

/* Fibonacci hashing: inode numbers come in runs. */
static size_t
home(const struct schedule *t, uint64_t ino)
{
	return (size_t)((ino * 0x9e3779b97f4a7c15ULL) >> 20) &
	       (t->hash_size - 1);
}

struct schedule *
schedule_new(void)
{
	struct schedule *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->free = SCHEDULE_NONE;
	t->hash_size = HASH_LEAST;
	t->hash = calloc(t->hash_size, sizeof *t->hash);
	if (t->hash == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
schedule_free(struct schedule *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->block_count; i++)
		free(t->blocks[i]);
	free(t->blocks);
	free(t->hash);
	free(t->heap);
	free(t);
}

/* The place of ino in the hash, or the empty place where it would be. */
static size_t
probe(const struct schedule *t, uint64_t ino)
{
	size_t i = home(t, ino);

	while (t->hash[i] != 0 && at(t, t->hash[i] - 1)->ino != ino)
		i = (i + 1) & (t->hash_size - 1);
	return i;
}

struct entry *
schedule_find(const struct schedule *t, uint64_t ino)
{
	size_t i = probe(t, ino);

	return t->hash[i] == 0 ? NULL : at(t, t->hash[i] - 1);
}

static bool
grow_hash(struct schedule *t)
{
	uint32_t *old = t->hash;
	size_t old_size = t->hash_size;

	if ((t->count + 1) * 3 < old_size * 2)
		return true;
	t->hash = calloc(old_size * 2, sizeof *t->hash);
	if (t->hash == NULL) {
		t->hash = old;
		return false;
	}
	t->hash_size = old_size * 2;
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != 0)
			t->hash[probe(t, at(t, old[i] - 1)->ino)] = old[i];
	free(old);
	return true;
}

static bool
grow_heap(struct schedule *t)
{
	size_t cap = t->heap_cap + t->heap_cap / 2 + 64;
	uint32_t *heap;

	if (t->count + 1 <= t->heap_cap)
		return true;
	heap = realloc(t->heap, cap * sizeof *heap);
	if (heap == NULL)
		return false;
	t->heap = heap;
	t->heap_cap = cap;
	return true;
}

static bool
grow_blocks(struct schedule *t)
{
	struct entry **blocks;
	struct entry *block;

	if (t->free != SCHEDULE_NONE || t->used < t->block_count * BLOCK)
		return true;
	if (t->used >= SCHEDULE_NONE - BLOCK)
		return false;
	block = calloc(BLOCK, sizeof *block);
	blocks = realloc(t->blocks, (t->block_count + 1) * sizeof(void *));
	if (blocks != NULL)
		t->blocks = blocks;
	if (block == NULL || blocks == NULL) {
		free(block);
		return false;
	}
	t->blocks[t->block_count++] = block;
	return true;
}

struct entry *
schedule_add(struct schedule *t, uint64_t ino)
{
	uint32_t index;
	struct entry *e;

	if (!grow_blocks(t) || !grow_hash(t) || !grow_heap(t))
		return NULL;
	index = t->free;
	if (index == SCHEDULE_NONE)
		index = t->used++;
	else
		t->free = at(t, index)->heap;
	e = at(t, index);
	memset(e, 0, sizeof *e);
	e->ino = ino;
	e->heap = SCHEDULE_NONE;
	t->hash[probe(t, ino)] = index + 1;
	t->count++;
	return e;
}

/* Empty place i and move up whatever was put behind it for want of it. */
static void
unhash(struct schedule *t, size_t i)
{
	size_t mask = t->hash_size - 1, j = i;

	for (;;) {
		size_t want;
		j = (j + 1) & mask;
		if (t->hash[j] == 0)
			break;
		want = home(t, at(t, t->hash[j] - 1)->ino);
		if (((j - want) & mask) >= ((j - i) & mask)) {
			t->hash[i] = t->hash[j];
			i = j;
		}
	}
	t->hash[i] = 0;
}

void
schedule_remove(struct schedule *t, struct entry *e)
{
	size_t place = probe(t, e->ino);
	uint32_t index = t->hash[place] - 1;

	schedule_take(t, e);
	unhash(t, place);
	e->heap = t->free;
	t->free = index;
	t->count--;
}

static void
put(struct schedule *t, size_t place, uint32_t index)
{
	t->heap[place] = index;
	at(t, index)->heap = (uint32_t)place;
}

static int64_t
due_at(const struct schedule *t, size_t place)
{
	return at(t, t->heap[place])->due;
}

static void
sift_up(struct schedule *t, size_t i)
{
	uint32_t index = t->heap[i];
	int64_t when = at(t, index)->due;

	while (i > 0 && due_at(t, (i - 1) / 2) > when) {
		put(t, i, t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(t, i, index);
}

static void
sift_down(struct schedule *t, size_t i)
{
	uint32_t index = t->heap[i];
	int64_t when = at(t, index)->due;
	size_t child;

	while ((child = 2 * i + 1) < t->heap_len) {
		if (child + 1 < t->heap_len &&
		    due_at(t, child + 1) < due_at(t, child))
			child++;
		if (due_at(t, child) >= when)
			break;
		put(t, i, t->heap[child]);
		i = child;
	}
	put(t, i, index);
}

void
schedule_put(struct schedule *t, struct entry *e, int64_t due)
{
	e->due = due;
	if (e->heap == SCHEDULE_NONE) {
		put(t, t->heap_len, t->hash[probe(t, e->ino)] - 1);
		t->heap_len++;
	}
	sift_up(t, e->heap);
	sift_down(t, e->heap);
}

void
schedule_take(struct schedule *t, struct entry *e)
{
	size_t place = e->heap;
	uint32_t last;

	if (e->heap == SCHEDULE_NONE)
		return;
	e->heap = SCHEDULE_NONE;
	last = t->heap[--t->heap_len];
	if (place == t->heap_len)
		return;
	put(t, place, last);
	sift_up(t, place);
	sift_down(t, at(t, last)->heap);
}

struct entry *
schedule_first(const struct schedule *t)
{
	return t->heap_len == 0 ? NULL : at(t, t->heap[0]);
}

void
schedule_force(struct schedule *t, int64_t now)
{
	for (size_t i = 0; i < t->heap_len; i++) {
		struct entry *e = at(t, t->heap[i]);
		if (e->due > now)
			e->due = now;
		e->flags |= ENTRY_FORCE;
	}
	for (size_t i = t->heap_len / 2; i-- > 0;)
		sift_down(t, i);
}

size_t
schedule_count(const struct schedule *t)
{
	return t->count;
}

size_t
schedule_waiting(const struct schedule *t)
{
	return t->heap_len;
}

size_t
schedule_bytes(const struct schedule *t)
{
	return t->block_count *
		   (BLOCK * sizeof(struct entry) + sizeof(void *)) +
	       t->hash_size * sizeof *t->hash + t->heap_cap * sizeof *t->heap;
}
