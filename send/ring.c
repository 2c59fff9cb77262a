/* ring: doubly linked. */
#include "send/ring.h"

void
ring_init(struct ring *r)
{
	*r = (struct ring){.first = RING_NONE};
}

void
ring_add(struct ring *r, ring_links *at, const void *owner, uint32_t id)
{
	struct links *l = at(owner, id), *first;

	if (r->count++ == 0) {
		*l = (struct links){id, id};
		r->first = id;
		return;
	}
	first = at(owner, r->first);
	*l = (struct links){.next = r->first, .prev = first->prev};
	at(owner, first->prev)->next = id;
	first->prev = id;
}

void
ring_push(struct ring *r, ring_links *at, const void *owner, uint32_t id)
{
	ring_add(r, at, owner, id);
	r->first = id;
}

void
ring_take(struct ring *r, ring_links *at, const void *owner, uint32_t id)
{
	const struct links *l = at(owner, id);

	at(owner, l->prev)->next = l->next;
	at(owner, l->next)->prev = l->prev;
	if (r->first == id)
		r->first = l->next;
	if (--r->count == 0)
		r->first = RING_NONE;
}

void
ring_turn(struct ring *r, ring_links *at, const void *owner)
{
	if (r->first != RING_NONE)
		r->first = at(owner, r->first)->next;
}
