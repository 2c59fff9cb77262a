/* figures: what the tools show of a schedule, and what is rarely asked. */
#include "send/inside.h"

static uint32_t
overdue_in(struct schedule *t, struct group *g)
{
	for (; g->looks > 0 && g->hung.count > 0 && g->lane.since != 0;
	     g->looks--) {
		uint32_t flow = g->hung.first;
		uint32_t part = inside_flow(t, flow)->parts.first;
		t->steps++;
		if (part_due(inside_part(t, part)) + t->set.patience <= t->now)
			return part;
		ring_turn(&g->hung, flow_links, t);
	}
	return POOL_NONE;
}

bool
schedule_overdue(struct schedule *t, int64_t now, struct turn *turn)
{
	part_run(t, now);
	while (t->look.count > 0) {
		struct group *g = inside_group(t, t->look.first);
		uint32_t part = overdue_in(t, g);
		if (part != POOL_NONE) {
			part_take(t, part);
			schedule_turn(t, part, turn);
			return true;
		}
		ring_take(&t->look, group_look, t, t->look.first);
		g->looking = false;
	}
	return false;
}

int64_t
schedule_timer(const struct schedule *t, int64_t until)
{
	uint32_t part = heap_first(&t->due), group = heap_first(&t->wakes);
	int64_t when;

	if (part != HEAP_NONE) {
		when = part_due(inside_part(t, part));
		until = when < until ? when : until;
	}
	if (group != HEAP_NONE) {
		when = inside_group(t, group)->wake;
		until = when < until ? when : until;
	}
	return until;
}

size_t
schedule_bytes(const struct schedule *t)
{
	return sizeof *t + pool_bytes(&t->entries) + pool_bytes(&t->parts) +
	       pool_bytes(&t->flows) + pool_bytes(&t->customers) +
	       pool_bytes(&t->nodes) + pool_bytes(&t->groups) +
	       index_bytes(&t->by_ino) + index_bytes(&t->by_pair) +
	       index_bytes(&t->by_customer) + index_bytes(&t->by_lane) +
	       index_bytes(&t->by_group) + heap_bytes(&t->due) +
	       heap_bytes(&t->wakes) + t->keys;
}

void
schedule_figures(
    const struct schedule *t, enum channel c, struct schedule_figures *out)
{
	const struct side *s = &t->sides[c];

	*out = (struct schedule_figures){
	    .slots = s->slots,
	    .reserve = s->reserve,
	    .flying = s->flying,
	    .peak = s->peak,
	    .waiting = s->waiting,
	    .ready = s->ready,
	    .lanes = s->nodes,
	    .customers = s->customers,
	    .steps = t->steps + t->due.steps + t->wakes.steps,
	};
}

static int64_t
oldest(const struct schedule *t, const struct node *n)
{
	uint32_t id = n->flows.first;
	int64_t least = 0;

	for (uint32_t i = 0; i < n->flows.count; i++) {
		const struct flow *f = inside_flow(t, id);
		int64_t due;
		id = f->mates.next;
		if (f->parts.count == 0)
			continue;
		due = part_due(inside_part(t, f->parts.first));
		if (least == 0 || due < least)
			least = due;
	}
	return least;
}

/* The next full place of a hash from *cursor on, or INDEX_NONE. */
static uint32_t
step(const struct index *x, uint32_t *cursor)
{
	while (*cursor < x->size)
		if (x->slots[(*cursor)++] != 0)
			return x->slots[*cursor - 1] - 1;
	return INDEX_NONE;
}

bool
schedule_each_lane(
    const struct schedule *t, uint32_t *cursor, struct schedule_view *out)
{
	uint32_t id = step(&t->by_lane, cursor);
	const struct node *n;
	const struct group *g;

	if (id == INDEX_NONE)
		return false;
	n = inside_node(t, id);
	g = inside_group(t, n->group);
	*out = (struct schedule_view){
	    .key = {n->key, n->len},
	    .group = {n->key, n->len},
	    .channel = n->channel,
	    .waiting = n->waiting,
	    .ready = n->ready,
	    .flying = n->flying,
	    .peak = n->peak,
	    .oldest = oldest(t, n),
	    .lane = &g->lane,
	};
	if (g->key != NULL)
		out->group = (struct str){g->key, g->len};
	return true;
}

bool
schedule_each_customer(
    const struct schedule *t, uint32_t *cursor, struct schedule_view *out)
{
	uint32_t id = step(&t->by_customer, cursor);
	const struct customer *c;

	if (id == INDEX_NONE)
		return false;
	c = inside_customer(t, id);
	*out = (struct schedule_view){
	    .key = {c->key, c->len},
	    .channel = c->channel,
	    .waiting = c->waiting,
	    .ready = c->ready,
	    .flying = c->flying,
	    .peak = c->peak,
	};
	return true;
}

bool
schedule_shape(struct schedule *t, struct str lane, bool paused, uint32_t fixed,
    int64_t now)
{
	uint32_t id = node_take(t, CHANNEL_REMOTE, lane), group;
	struct group *g;

	if (id == POOL_NONE)
		return false;
	t->now = now;
	group = inside_node(t, id)->group;
	g = inside_group(t, group);
	g->lane.paused = paused;
	g->lane.fixed = fixed;
	group_update(t, group);
	return true;
}
