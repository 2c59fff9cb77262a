/* hand: messages in hand, in a list and by entry. */
#include "send/hand.h"
#include <stdlib.h>

enum { GROW = 64 };

struct active *
hand_find(const struct send *s, const struct entry *e)
{
	return (e->flags & ENTRY_ACTIVE) == 0 ? NULL : s->hand[e->hand];
}

bool
hand_take(struct send *s, struct active *a)
{
	struct active **grown;

	if (s->active_count == s->hand_cap) {
		grown = realloc(
		    s->hand, ((size_t)s->hand_cap + GROW) * sizeof(void *));
		if (grown == NULL)
			return false;
		s->hand = grown;
		s->hand_cap += GROW;
	}
	a->before = s->newest;
	a->after = NULL;
	if (s->newest != NULL)
		s->newest->after = a;
	else
		s->oldest = a;
	s->newest = a;
	a->entry->hand = s->active_count;
	s->hand[s->active_count++] = a;
	a->entry->flags |= ENTRY_ACTIVE;
	return true;
}

void
hand_release(struct send *s, struct active *a)
{
	struct active *last = s->hand[s->active_count - 1];
	struct entry *e = a->entry;

	if (a->before != NULL)
		a->before->after = a->after;
	else
		s->oldest = a->after;
	if (a->after != NULL)
		a->after->before = a->before;
	else
		s->newest = a->before;
	s->hand[e->hand] = last;
	last->entry->hand = e->hand;
	s->active_count--;
	e->flags &= ~(unsigned)(ENTRY_ACTIVE | ENTRY_FORCE | ENTRY_STAMPED);
	/* What its journal says of it a look at the journal tells. */
	if (a->tried || a->journal)
		e->flags |= ENTRY_REPEAT;
	if (s->enveloped == a)
		s->enveloped = NULL;
	active_free(a);
}

bool
hand_room(const struct send *s)
{
	uint64_t most =
	    s->spawners[CHANNEL_LOCAL].most + s->spawners[CHANNEL_REMOTE].most;

	return s->active_count < most + SEND_SPARE &&
	       s->active_count < s->hands;
}
