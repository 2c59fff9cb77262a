/* heap: a binary heap in pieces. */
#include "send/heap.h"
#include <stdlib.h>

enum { PIECE = 4096 }; /* numbers of a piece */

void
heap_free(struct heap *h)
{
	for (uint32_t i = 0; i < h->piece_count; i++)
		free(h->pieces[i]);
	free(h->pieces);
	h->pieces = NULL;
	h->piece_count = h->len = 0;
}

bool
heap_room(struct heap *h, uint32_t count)
{
	while (h->piece_count * (uint32_t)PIECE < count) {
		uint32_t **pieces =
		    realloc(h->pieces, (h->piece_count + 1) * sizeof *pieces);
		if (pieces == NULL)
			return false;
		h->pieces = pieces;
		pieces[h->piece_count] = malloc(PIECE * sizeof **pieces);
		if (pieces[h->piece_count] == NULL)
			return false;
		h->piece_count++;
	}
	return true;
}

uint32_t
heap_at(const struct heap *h, uint32_t place)
{
	return h->pieces[place / PIECE][place % PIECE];
}

static void
set(struct heap *h, const void *owner, uint32_t place, uint32_t id)
{
	h->pieces[place / PIECE][place % PIECE] = id;
	*h->place(owner, id) = place;
	h->steps++;
}

static int64_t
time_at(const struct heap *h, const void *owner, uint32_t place)
{
	return h->time(owner, heap_at(h, place));
}

static void
up(struct heap *h, const void *owner, uint32_t i)
{
	uint32_t id = heap_at(h, i);
	int64_t when = h->time(owner, id);

	while (i > 0 && time_at(h, owner, (i - 1) / 2) > when) {
		set(h, owner, i, heap_at(h, (i - 1) / 2));
		i = (i - 1) / 2;
	}
	set(h, owner, i, id);
}

static void
down(struct heap *h, const void *owner, uint32_t i)
{
	uint32_t id = heap_at(h, i), child;
	int64_t when = h->time(owner, id);

	while ((child = 2 * i + 1) < h->len) {
		if (child + 1 < h->len &&
		    time_at(h, owner, child + 1) < time_at(h, owner, child))
			child++;
		if (time_at(h, owner, child) >= when)
			break;
		set(h, owner, i, heap_at(h, child));
		i = child;
	}
	set(h, owner, i, id);
}

void
heap_put(struct heap *h, const void *owner, uint32_t id)
{
	uint32_t place = h->len++;

	set(h, owner, place, id);
	up(h, owner, place);
}

void
heap_move(struct heap *h, const void *owner, uint32_t id)
{
	up(h, owner, *h->place(owner, id));
	down(h, owner, *h->place(owner, id));
}

void
heap_take(struct heap *h, const void *owner, uint32_t id)
{
	uint32_t place = *h->place(owner, id), last;

	*h->place(owner, id) = HEAP_NONE;
	last = heap_at(h, --h->len);
	if (place == h->len)
		return;
	set(h, owner, place, last);
	heap_move(h, owner, last);
}

uint32_t
heap_first(const struct heap *h)
{
	return h->len == 0 ? HEAP_NONE : heap_at(h, 0);
}

void
heap_sort(struct heap *h, const void *owner)
{
	for (uint32_t i = h->len / 2; i-- > 0;)
		down(h, owner, i);
}

size_t
heap_bytes(const struct heap *h)
{
	return h->piece_count *
	       (PIECE * sizeof **h->pieces + sizeof *h->pieces);
}
