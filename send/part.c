/* part: a message's recipients of one flow. */
#include "send/inside.h"

enum { CHAIN = 16 }; /* parts of a message looked at for one that is there */

/* Most often it is the flow's last: parts of a message are made together. */
static uint32_t
existing(const struct schedule *t, uint32_t flow, const struct entry *e)
{
	uint32_t last = inside_flow(t, flow)->last, id = SCHEDULE_NONE;

	if (last != POOL_NONE && part_entry(t, last) == e)
		return last;
	for (int i = 0; i < CHAIN; i++) {
		id = schedule_parts(t, e, id);
		if (id == SCHEDULE_NONE || inside_part(t, id)->flow == flow)
			return id;
	}
	return SCHEDULE_NONE;
}

static uint32_t
further(struct schedule *t, uint32_t entry)
{
	struct entry *e = pool_at(&t->entries, entry);
	struct further *f;
	uint32_t id;

	if (!heap_room(&t->due, t->entries.live + t->parts.live + 1))
		return SCHEDULE_NONE;
	id = pool_take(&t->parts);
	if (id == POOL_NONE)
		return SCHEDULE_NONE;
	f = pool_at(&t->parts, id);
	f->entry = entry;
	f->more = e->more;
	f->part.flow = SCHEDULE_NONE;
	return e->more = id | PART_FURTHER;
}

uint32_t
schedule_part(struct schedule *t, struct entry *e, enum channel c,
    struct str customer, struct str lane)
{
	uint32_t flow = flow_take(t, c, customer, lane), id, entry;

	if (flow == POOL_NONE)
		return SCHEDULE_NONE;
	id = existing(t, flow, e);
	if (id != SCHEDULE_NONE) {
		flow_give(t, flow);
		return id;
	}
	entry = index_find(
	    &t->by_ino, t, index_hash_number(t->seed, e->ino), &e->ino);
	id = e->part.flow == SCHEDULE_NONE ? entry : further(t, entry);
	if (id == SCHEDULE_NONE) {
		flow_give(t, flow);
		return SCHEDULE_NONE;
	}
	inside_part(t, id)->flow = flow;
	inside_flow(t, flow)->last = id;
	return id;
}

static uint32_t
behind(const struct schedule *t, const struct entry *e, uint32_t part)
{
	const struct further *f;

	if ((part & PART_FURTHER) == 0)
		return e->more;
	f = pool_at(&t->parts, part ^ PART_FURTHER);
	return f->more;
}

uint32_t
schedule_parts(const struct schedule *t, const struct entry *e, uint32_t part)
{
	if (part == SCHEDULE_NONE)
		part = index_find(
		    &t->by_ino, t, index_hash_number(t->seed, e->ino), &e->ino);
	else
		part = behind(t, e, part);
	while (part != SCHEDULE_NONE &&
	       inside_part(t, part)->flow == SCHEDULE_NONE)
		part = behind(t, e, part);
	return part;
}

uint32_t
schedule_flying(const struct schedule *t, uint32_t part)
{
	const struct part *p = inside_part(t, part);

	return p->flow == SCHEDULE_NONE ? 0 : p->flying;
}

static uint32_t
node_of(const struct schedule *t, uint32_t part)
{
	return inside_flow(t, inside_part(t, part)->flow)->node;
}

void
schedule_turn(const struct schedule *t, uint32_t part, struct turn *turn)
{
	const struct flow *f = inside_flow(t, inside_part(t, part)->flow);
	const struct customer *c = inside_customer(t, f->customer);
	const struct node *n = inside_node(t, f->node);
	const struct group *g = inside_group(t, n->group);

	*turn = (struct turn){
	    .entry = part_entry(t, part),
	    .part = part,
	    .due = part_due(inside_part(t, part)),
	    .channel = n->channel,
	    .customer = {c->key, c->len},
	    .lane = {n->key, n->len},
	    .group = {n->key, n->len},
	};
	if (g->key != NULL)
		turn->group = (struct str){g->key, g->len};
}

void
schedule_learn(struct schedule *t, uint32_t part, enum lane_fault fault,
    struct str group, int64_t now)
{
	t->now = now;
	group_name(t, node_of(t, part), group);
	group_learn(t, node_of(t, part), fault);
}

void
schedule_end(struct schedule *t, uint32_t part, int64_t now)
{
	struct part *p = inside_part(t, part);

	t->now = now;
	p->flying--;
	flow_end(t, p->flow, now);
	node_sweep(t, 1);
}

void
schedule_rate(struct schedule *t, uint32_t part, int64_t spacing)
{
	uint32_t id = inside_node(t, node_of(t, part))->group;
	struct group *g = inside_group(t, id);

	if (spacing <= g->spacing)
		return;
	g->spacing = spacing;
	group_update(t, id);
}

/* The parts all wait: the least due time; else -1. */
static int64_t
earliest(const struct schedule *t, const struct entry *e)
{
	int64_t least = -1;

	for (uint32_t id = schedule_parts(t, e, SCHEDULE_NONE);
	     id != SCHEDULE_NONE; id = schedule_parts(t, e, id)) {
		const struct part *p = inside_part(t, id);
		if (p->state != PART_WAITING || p->flying > 0)
			return -1;
		if (least == -1 || part_due(p) < least)
			least = part_due(p);
	}
	return least;
}

void
schedule_rest(struct schedule *t, struct entry *e)
{
	int64_t due;

	if (t->nodes.live < SCHEDULE_LANES / 2)
		return;
	due = earliest(t, e);
	if (due != -1)
		schedule_unread(t, e, due, t->now);
}
