/* turn: customers, their flows, and whose turn it is. */
#include "send/inside.h"

enum {
	PULLS = 2,   /* hung flows that a turn brings back, of two kinds */
	DEBT = 1000, /* recipients of a job that count */
};

struct links *
flow_links(const void *t, uint32_t id)
{
	return &inside_flow(t, id)->at;
}

static struct links *
turn_links(const void *t, uint32_t id)
{
	return &inside_customer(t, id)->turns;
}

static struct links *
fresh_links(const void *t, uint32_t id)
{
	return &inside_customer(t, id)->fresh;
}

static struct side *
side_of(struct schedule *t, const struct customer *c)
{
	return &t->sides[c->channel];
}

static struct group *
group_of(const struct schedule *t, const struct flow *f)
{
	return inside_group(t, inside_node(t, f->node)->group);
}

/* Bring a customer's places in the rings in line with what is so. */
static void
update(struct schedule *t, uint32_t id)
{
	struct customer *c = inside_customer(t, id);
	struct side *s = side_of(t, c);
	bool turns = c->flows.count > 0, fresh = turns && c->flying == 0;

	if (turns && !c->in_turns)
		ring_add(&s->turns, turn_links, t, id);
	if (!turns && c->in_turns)
		ring_take(&s->turns, turn_links, t, id);
	if (fresh && !c->in_fresh)
		ring_add(&s->fresh, fresh_links, t, id);
	if (!fresh && c->in_fresh)
		ring_take(&s->fresh, fresh_links, t, id);
	c->in_turns = turns;
	c->in_fresh = fresh;
}

static void
withdraw_offer(struct schedule *t, struct flow *f)
{
	if (f->offered)
		group_of(t, f)->offered--;
	f->offered = false;
}

static void
leave(struct schedule *t, uint32_t id)
{
	struct flow *f = inside_flow(t, id);
	uint32_t group = inside_node(t, f->node)->group;

	if (f->place == PLACE_RING) {
		withdraw_offer(t, f);
		ring_take(
		    &inside_customer(t, f->customer)->flows, flow_links, t, id);
		update(t, f->customer);
	}
	if (f->place == PLACE_HUNG) {
		ring_take(&inside_group(t, group)->hung, flow_links, t, id);
		group_update(t, group);
	}
	f->place = PLACE_NONE;
}

static void
enter(struct schedule *t, uint32_t id)
{
	struct flow *f = inside_flow(t, id);

	f->place = PLACE_RING;
	ring_add(&inside_customer(t, f->customer)->flows, flow_links, t, id);
	update(t, f->customer);
}

void
flow_unhang(struct schedule *t, uint32_t id)
{
	leave(t, id);
	enter(t, id);
}

/* One that had been pulled back keeps its place before the others. */
static void
hang(struct schedule *t, uint32_t id)
{
	struct flow *f = inside_flow(t, id);
	uint32_t group = inside_node(t, f->node)->group;
	bool first = f->offered;

	leave(t, id);
	f->place = PLACE_HUNG;
	(first ? ring_push : ring_add)(
	    &inside_group(t, group)->hung, flow_links, t, id);
	group_update(t, group);
}

void
flow_add(struct schedule *t, uint32_t id, uint32_t part)
{
	struct flow *f = inside_flow(t, id);
	struct customer *c = inside_customer(t, f->customer);
	struct node *n = inside_node(t, f->node);

	if (c->ready == 0 && c->flying == 0)
		c->debt = 0;
	if (f->parts.count == 0)
		f->debt = 0;
	ring_add(&f->parts, part_links, t, part);
	c->ready++;
	n->ready++;
	inside_group(t, n->group)->ready++;
	side_of(t, c)->ready++;
	if (f->place == PLACE_NONE)
		enter(t, id);
}

void
flow_remove(struct schedule *t, uint32_t id, uint32_t part)
{
	struct flow *f = inside_flow(t, id);
	struct customer *c = inside_customer(t, f->customer);
	struct node *n = inside_node(t, f->node);

	ring_take(&f->parts, part_links, t, part);
	c->ready--;
	n->ready--;
	inside_group(t, n->group)->ready--;
	side_of(t, c)->ready--;
	if (f->parts.count == 0)
		leave(t, id);
}

void
flow_waits(struct schedule *t, uint32_t id, bool more)
{
	const struct flow *f = inside_flow(t, id);
	struct customer *c = inside_customer(t, f->customer);
	struct node *n = inside_node(t, f->node);
	uint32_t one = more ? 1 : UINT32_MAX;

	c->waiting += one;
	n->waiting += one;
	side_of(t, c)->waiting += one;
}

static void
higher(uint32_t *peak, uint32_t n)
{
	if (n > *peak)
		*peak = n;
}

void
flow_begin(struct schedule *t, uint32_t id, int64_t now)
{
	const struct flow *f = inside_flow(t, id);
	struct customer *c = inside_customer(t, f->customer);
	struct node *n = inside_node(t, f->node);
	struct group *g = inside_group(t, n->group);
	struct side *s = side_of(t, c);
	struct lane_rules rules = group_rules(t, g);

	lane_begin(&g->lane, &rules, now);
	higher(&n->peak, ++n->flying);
	higher(&c->peak, ++c->flying);
	higher(&s->peak, ++s->flying);
	update(t, f->customer);
	group_update(t, n->group);
}

void
flow_end(struct schedule *t, uint32_t id, int64_t now)
{
	const struct flow *f = inside_flow(t, id);
	struct customer *c = inside_customer(t, f->customer);
	struct node *n = inside_node(t, f->node);

	lane_end(&inside_group(t, n->group)->lane, now);
	n->flying--;
	c->flying--;
	side_of(t, c)->flying--;
	update(t, f->customer);
	group_update(t, n->group);
}

/* Where all local mail is for one domain there is nobody to keep a reserve for
 * but other customers. */
static bool
is_alone(const struct schedule *t, const struct side *s)
{
	return s == &t->sides[CHANNEL_LOCAL] && s->nodes == 1;
}

static bool
may_begin(const struct schedule *t, const struct flow *f, bool reserve)
{
	const struct group *g = group_of(t, f);

	if (group_room(t, g) == 0 ||
	    (t->sides[g->channel].closed && group_strange(g)))
		return false;
	return !reserve || g->lane.flying == 0 ||
	       is_alone(t, &t->sides[g->channel]);
}

/* The flow of a customer whose turn it is; the others' come behind.  Flows that
 * cannot begin leave the ring for their groups. */
static uint32_t
flow_turn(struct schedule *t, uint32_t customer, bool reserve)
{
	struct customer *c = inside_customer(t, customer);

	while (c->flows.count > 0) {
		uint32_t id = c->flows.first;
		struct flow *f = inside_flow(t, id);
		t->steps++;
		if (!may_begin(t, f, reserve)) {
			hang(t, id);
			continue;
		}
		ring_turn(&c->flows, flow_links, t);
		if (c->flows.count == 1 || reserve)
			f->debt = 0;
		if (f->debt <= 0)
			return id;
		f->debt--;
	}
	return POOL_NONE;
}

static uint32_t
reserve_turn(struct schedule *t, struct side *s)
{
	while (s->fresh.count > 0) {
		uint32_t flow = flow_turn(t, s->fresh.first, true);
		if (flow != POOL_NONE)
			return flow;
	}
	return POOL_NONE;
}

static uint32_t
customer_turn(struct schedule *t, struct side *s)
{
	while (s->turns.count > 0) {
		uint32_t id = s->turns.first, flow;
		struct customer *c = inside_customer(t, id);
		t->steps++;
		if (s->turns.count == 1)
			c->debt = 0;
		if (c->debt > 0) {
			c->debt--;
			ring_turn(&s->turns, turn_links, t);
			continue;
		}
		flow = flow_turn(t, id, false);
		if (flow == POOL_NONE)
			continue;
		ring_turn(&s->turns, turn_links, t);
		return flow;
	}
	return POOL_NONE;
}

/* Bring back what hangs longest on the group that can begin something and has
 * waited longest.  More than the group can begin are brought back only for the
 * reserve, where the flow may be the wrong customer's. */
static bool
pull(struct schedule *t, struct ring *open, bool reserve)
{
	uint32_t id = open->first, flow;
	struct group *g;

	if (open->count == 0)
		return false;
	g = inside_group(t, id);
	t->steps++;
	ring_turn(open, group_opens, t);
	if (!reserve && g->offered >= group_room(t, g))
		return false;
	flow = g->hung.first;
	flow_unhang(t, flow);
	inside_flow(t, flow)->offered = true;
	g->offered++;
	return true;
}

/* Bring back one more. */
static bool
pull_any(struct schedule *t, struct side *s, bool reserve)
{
	bool busy = !reserve || is_alone(t, s);

	return pull(t, &s->idle, reserve) ||
	       (busy && pull(t, &s->busy, reserve)) ||
	       (!s->closed &&
		   (pull(t, &s->strange_idle, reserve) ||
		       (busy && pull(t, &s->strange_busy, reserve))));
}

static uint32_t
search(struct schedule *t, struct side *s, bool reserve)
{
	uint32_t flow;

	do {
		flow = reserve ? reserve_turn(t, s) : customer_turn(t, s);
	} while (flow == POOL_NONE && pull_any(t, s, reserve));
	return flow;
}

/* No more now in lanes that have never served a delivery: they have half of the
 * slots while others' mail waits, and half of the reserve never. */
static bool
is_closed(const struct side *s, bool reserve)
{
	return s->strange >=
	       (reserve ? s->slots - s->reserve / 2 : (s->slots + 1) / 2);
}

static uint32_t
find(struct schedule *t, struct side *s)
{
	bool reserve = s->slots - s->flying <= s->reserve;
	uint32_t flow;

	s->closed = is_closed(s, reserve);
	for (int i = 0; !reserve && i < PULLS; i++) {
		(void)pull(t, &s->idle, false);
		(void)pull(t, &s->busy, false);
		if (s->closed)
			continue;
		(void)pull(t, &s->strange_idle, false);
		(void)pull(t, &s->strange_busy, false);
	}
	flow = search(t, s, reserve);
	if (flow != POOL_NONE || reserve || !s->closed)
		return flow;
	s->closed = false;
	return search(t, s, false);
}

bool
schedule_next(
    struct schedule *t, enum channel c, int64_t now, struct turn *turn)
{
	struct side *s = &t->sides[c];
	uint32_t flow, part;

	part_run(t, now);
	if (s->flying >= s->slots)
		return false;
	flow = find(t, s);
	if (flow == POOL_NONE)
		return false;
	part = inside_flow(t, flow)->parts.first;
	part_take(t, part);
	inside_part(t, part)->flying++;
	flow_begin(t, flow, now);
	schedule_turn(t, part, turn);
	return true;
}

void
schedule_charge(struct schedule *t, uint32_t part, uint32_t recipients)
{
	struct flow *f = inside_flow(t, inside_part(t, part)->flow);
	struct customer *c = inside_customer(t, f->customer);
	struct group *g = group_of(t, f);
	struct lane_rules rules = group_rules(t, g);
	uint32_t more = recipients > 0 ? recipients - 1 : 0;

	if (more > DEBT)
		more = DEBT;
	f->debt += (int32_t)more;
	c->debt += (int32_t)more;
	lane_charge(&g->lane, &rules, more);
	group_update(t, inside_node(t, f->node)->group);
}

int64_t
schedule_starved(const struct schedule *t, enum channel c)
{
	const struct side *s = &t->sides[c];
	const struct ring *const open[] = {
	    &s->idle, &s->busy, &s->strange_idle, &s->strange_busy};
	uint32_t flow = POOL_NONE;

	if (s->turns.count > 0)
		flow = inside_customer(t, s->turns.first)->flows.first;
	for (size_t i = 0; flow == POOL_NONE && i < 4; i++)
		if (open[i]->count > 0)
			flow = inside_group(t, open[i]->first)->hung.first;
	if (flow == POOL_NONE)
		return 0;
	return part_due(inside_part(t, inside_flow(t, flow)->parts.first));
}
