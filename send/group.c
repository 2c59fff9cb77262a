/* group: lanes by their keys, and the groups of those that lead to the same
 * hosts. */
#include "lib/clock.h"
#include "send/inside.h"
#include <stdlib.h>

struct links *
group_opens(const void *t, uint32_t id)
{
	return &inside_group(t, id)->opens;
}

struct links *
group_look(const void *t, uint32_t id)
{
	return &inside_group(t, id)->look;
}

struct links *
node_flows(const void *t, uint32_t id)
{
	return &inside_flow(t, id)->mates;
}

static struct links *
node_mates(const void *t, uint32_t id)
{
	return &inside_node(t, id)->mates;
}

static struct links *
node_idle(const void *t, uint32_t id)
{
	return &inside_node(t, id)->idle;
}

static uint32_t
node_hash(const void *owner, uint32_t id)
{
	return inside_node(owner, id)->hash;
}

static bool
node_same(const void *owner, uint32_t id, const void *key)
{
	const struct node *n = inside_node(owner, id);
	const struct key *k = key;

	return n->channel == k->channel &&
	       str_equal((struct str){n->key, n->len}, k->text);
}

static uint32_t
group_hash(const void *owner, uint32_t id)
{
	return inside_group(owner, id)->hash;
}

static bool
group_same(const void *owner, uint32_t id, const void *key)
{
	const struct group *g = inside_group(owner, id);
	const struct key *k = key;

	return g->channel == k->channel &&
	       str_equal((struct str){g->key, g->len}, k->text);
}

static int64_t
group_time(const void *owner, uint32_t id)
{
	return inside_group(owner, id)->wake;
}

static uint32_t *
group_place(const void *owner, uint32_t id)
{
	return &inside_group(owner, id)->place;
}

void
group_indexes(struct schedule *t)
{
	t->by_lane = (struct index){.hash = node_hash, .same = node_same};
	t->by_group = (struct index){.hash = group_hash, .same = group_same};
	t->wakes = (struct heap){.time = group_time, .place = group_place};
}

struct lane_rules
group_rules(const struct schedule *t, const struct group *g)
{
	if (g->channel == CHANNEL_LOCAL)
		return (struct lane_rules){.spacing = g->spacing};
	return (struct lane_rules){
	    .initial = t->set.lane_initial,
	    .most = t->set.lane_most,
	    .spacing = g->spacing,
	};
}

uint32_t
group_room(const struct schedule *t, const struct group *g)
{
	struct lane_rules rules = group_rules(t, g);

	return lane_room(&g->lane, &rules, t->now);
}

bool
group_strange(const struct group *g)
{
	return g->channel == CHANNEL_REMOTE && !g->lane.served;
}

static int64_t
look_pause(const struct schedule *t)
{
	int64_t least = LANE_DEAD * (int64_t)CLOCK_SECOND;

	return t->set.patience / 16 > least ? t->set.patience / 16 : least;
}

static int64_t
wake_of(struct schedule *t, struct group *g, bool open)
{
	struct lane_rules rules = group_rules(t, g);
	int64_t when = open ? INT64_MAX : lane_opens(&g->lane, &rules);

	if (g->lane.since == 0)
		g->look_at = 0;
	else if (g->look_at == 0)
		g->look_at = t->now + look_pause(t);
	if (g->hung.count == 0)
		return INT64_MAX;
	if (g->look_at != 0 && g->look_at < when)
		when = g->look_at;
	return when;
}

static void
set_wake(struct schedule *t, uint32_t id, int64_t when)
{
	struct group *g = inside_group(t, id);
	bool before = g->place != HEAP_NONE;

	if (before && when == g->wake)
		return;
	if (before && when == INT64_MAX) {
		heap_take(&t->wakes, t, id);
	} else if (before) {
		g->wake = when;
		heap_move(&t->wakes, t, id);
	} else if (when != INT64_MAX) {
		g->wake = when;
		heap_put(&t->wakes, t, id);
	}
}

static struct ring *
ring_of(struct side *s, const struct group *g)
{
	if (group_strange(g))
		return g->lane.flying == 0 ? &s->strange_idle
					   : &s->strange_busy;
	return g->lane.flying == 0 ? &s->idle : &s->busy;
}

void
group_update(struct schedule *t, uint32_t id)
{
	struct group *g = inside_group(t, id);
	struct side *s = &t->sides[g->channel];
	bool open = g->hung.count > 0 && group_room(t, g) > 0;
	struct ring *ring = open ? ring_of(s, g) : NULL;

	s->strange -= g->strange;
	g->strange = group_strange(g) ? g->lane.flying : 0;
	s->strange += g->strange;
	if (ring != g->open) {
		if (g->open != NULL)
			ring_take(g->open, group_opens, t, id);
		if (ring != NULL)
			ring_add(ring, group_opens, t, id);
		g->open = ring;
	}
	set_wake(t, id, wake_of(t, g, open));
}

void
group_run(struct schedule *t)
{
	uint32_t id;

	while ((id = heap_first(&t->wakes)) != HEAP_NONE) {
		struct group *g = inside_group(t, id);
		if (g->wake > t->now)
			break;
		if (g->look_at != 0 && g->look_at <= t->now) {
			g->look_at = t->now + look_pause(t);
			g->looks = g->hung.count;
			if (!g->looking)
				ring_add(&t->look, group_look, t, id);
			g->looking = true;
		}
		group_update(t, id);
	}
}

static uint32_t
make_group(struct schedule *t, enum channel channel)
{
	uint32_t id;
	struct group *g;
	struct lane_rules rules;

	if (!heap_room(&t->wakes, t->groups.live + 1) ||
	    !index_room(&t->by_group, t))
		return POOL_NONE;
	id = pool_take(&t->groups);
	if (id == POOL_NONE)
		return POOL_NONE;
	g = inside_group(t, id);
	g->channel = channel;
	rules = group_rules(t, g);
	lane_init(&g->lane, &rules);
	g->lane.used = t->now;
	g->place = HEAP_NONE;
	ring_init(&g->nodes);
	ring_init(&g->hung);
	return id;
}

static void
unname(struct schedule *t, uint32_t id)
{
	struct group *g = inside_group(t, id);

	if (g->key == NULL)
		return;
	index_remove(&t->by_group, t, id);
	key_free(t, g->key, g->len);
	g->key = NULL;
	g->len = 0;
}

/* Nothing hangs on it, and it has no node. */
static void
free_group(struct schedule *t, uint32_t id)
{
	struct group *g = inside_group(t, id);

	unname(t, id);
	group_update(t, id);
	if (g->looking)
		ring_take(&t->look, group_look, t, id);
	pool_give(&t->groups, id);
}

static void
leave_group(struct schedule *t, uint32_t node)
{
	uint32_t id = inside_node(t, node)->group;
	struct group *g = inside_group(t, id);

	ring_take(&g->nodes, node_mates, t, node);
	if (g->nodes.count == 0)
		free_group(t, id);
}

static void
free_node(struct schedule *t, uint32_t id)
{
	struct node *n = inside_node(t, id);

	index_remove(&t->by_lane, t, id);
	ring_take(&t->idle, node_idle, t, id);
	t->sides[n->channel].nodes--;
	leave_group(t, id);
	key_free(t, n->key, n->len);
	pool_give(&t->nodes, id);
}

/* An idle node is forgotten when what is known of its hosts is old.  One of a
 * group that others use is as old as the group's last delivery, too. */
void
node_sweep(struct schedule *t, uint32_t looks)
{
	while (looks-- > 0 && t->idle.count > 0) {
		uint32_t id = t->idle.first;
		const struct node *n = inside_node(t, id);
		if (lane_stale(&inside_group(t, n->group)->lane, t->now))
			free_node(t, id);
		else
			ring_turn(&t->idle, node_idle, t);
	}
}

/* A lane too many: the one that was idle longest goes, unless somebody has set
 * it by hand. */
static bool
make_room(struct schedule *t, enum channel channel)
{
	node_sweep(t, 2);
	if (t->sides[channel].nodes < SCHEDULE_LANES)
		return true;
	for (uint32_t i = 0; i < 16 && t->idle.count > 0; i++) {
		uint32_t id = t->idle.first;
		const struct node *n = inside_node(t, id);
		const struct lane *l = &inside_group(t, n->group)->lane;
		if (n->channel == channel && !l->paused && l->fixed == 0) {
			free_node(t, id);
			return true;
		}
		ring_turn(&t->idle, node_idle, t);
	}
	return false;
}

static void
join(struct schedule *t, uint32_t node, uint32_t group)
{
	inside_node(t, node)->group = group;
	ring_add(&inside_group(t, group)->nodes, node_mates, t, node);
}

static uint32_t
make_node(
    struct schedule *t, enum channel channel, struct str key, uint32_t hash)
{
	uint32_t id, group;
	struct node *n;

	if (key.len > SCHEDULE_KEY || !make_room(t, channel) ||
	    !index_room(&t->by_lane, t))
		return POOL_NONE;
	id = pool_take(&t->nodes);
	if (id == POOL_NONE)
		return POOL_NONE;
	n = inside_node(t, id);
	n->key = key_copy(t, key);
	group = n->key == NULL ? POOL_NONE : make_group(t, channel);
	if (group == POOL_NONE) {
		key_free(t, n->key, (uint32_t)key.len);
		pool_give(&t->nodes, id);
		return POOL_NONE;
	}
	n->len = (uint32_t)key.len;
	n->hash = hash;
	n->channel = channel;
	n->in_idle = true;
	ring_init(&n->flows);
	join(t, id, group);
	index_add(&t->by_lane, t, id);
	ring_add(&t->idle, node_idle, t, id);
	t->sides[channel].nodes++;
	return id;
}

static uint32_t
key_hash(const struct schedule *t, enum channel c, struct str text)
{
	return index_hash(t->seed + c, text);
}

uint32_t
node_find(const struct schedule *t, enum channel c, struct str lane)
{
	const struct key k = {c, lane};

	return index_find(&t->by_lane, t, key_hash(t, c, lane), &k);
}

uint32_t
node_take(struct schedule *t, enum channel c, struct str lane)
{
	uint32_t id = node_find(t, c, lane);

	return id != INDEX_NONE ? id
				: make_node(t, c, lane, key_hash(t, c, lane));
}

void
node_use(struct schedule *t, uint32_t id)
{
	struct node *n = inside_node(t, id);

	if (n->in_idle)
		ring_take(&t->idle, node_idle, t, id);
	n->in_idle = false;
}

void
node_rest(struct schedule *t, uint32_t id)
{
	struct node *n = inside_node(t, id);

	if (n->flows.count > 0 || n->in_idle)
		return;
	n->in_idle = true;
	ring_add(&t->idle, node_idle, t, id);
}

/* Its flows have turns again, and hang where they belong. */
static void
unhang_all(struct schedule *t, uint32_t node)
{
	const struct node *n = inside_node(t, node);
	uint32_t id = n->flows.first;

	for (uint32_t i = 0; i < n->flows.count; i++) {
		if (inside_flow(t, id)->place == PLACE_HUNG)
			flow_unhang(t, id);
		id = inside_flow(t, id)->mates.next;
	}
}

static void
withdraw_offers(struct schedule *t, uint32_t node)
{
	const struct node *n = inside_node(t, node);
	uint32_t id = n->flows.first;

	for (uint32_t i = 0; i < n->flows.count; i++) {
		struct flow *f = inside_flow(t, id);
		if (f->offered)
			inside_group(t, n->group)->offered--;
		f->offered = false;
		id = f->mates.next;
	}
}

/* The node goes to another group, with what is under way for it. */
static void
move(struct schedule *t, uint32_t node, uint32_t to)
{
	struct node *n = inside_node(t, node);
	uint32_t from = n->group;
	struct group *old = inside_group(t, from), *new = inside_group(t, to);
	struct lane mine = old->lane;

	unhang_all(t, node);
	withdraw_offers(t, node);
	mine.flying = n->flying;
	lane_merge(&new->lane, &mine);
	if (old->spacing > new->spacing)
		new->spacing = old->spacing;
	old->lane.flying -= n->flying;
	old->lane.probing &= old->lane.flying > 0;
	old->ready -= n->ready;
	new->ready += n->ready;
	leave_group(t, node);
	join(t, node, to);
	if (old->nodes.count > 0)
		group_update(t, from);
	group_update(t, to);
}

/* False without memory. */
static bool
rename_group(struct schedule *t, uint32_t id, struct str name)
{
	struct group *g = inside_group(t, id);
	char *key = index_room(&t->by_group, t) ? key_copy(t, name) : NULL;

	if (key == NULL)
		return false;
	unname(t, id);
	g->key = key;
	g->len = (uint32_t)name.len;
	g->hash = key_hash(t, g->channel, name);
	index_add(&t->by_group, t, id);
	return true;
}

/* A group of its own, which knows what the node's knew. */
static void
split(struct schedule *t, uint32_t node, struct str name)
{
	struct node *n = inside_node(t, node);
	uint32_t id = make_group(t, n->channel);
	struct lane known;

	if (id == POOL_NONE)
		return;
	if (!rename_group(t, id, name)) {
		free_group(t, id);
		return;
	}
	known = inside_group(t, n->group)->lane;
	known.flying = 0;
	inside_group(t, id)->lane = known;
	move(t, node, id);
}

void
group_name(struct schedule *t, uint32_t node, struct str name)
{
	const struct node *n = inside_node(t, node);
	const struct group *g = inside_group(t, n->group);
	const struct key k = {n->channel, name};
	uint32_t other;

	if (name.len == 0 || name.len > SCHEDULE_KEY ||
	    (g->key != NULL && str_equal((struct str){g->key, g->len}, name)))
		return;
	other = index_find(&t->by_group, t, key_hash(t, n->channel, name), &k);
	if (other != INDEX_NONE)
		move(t, node, other);
	else if (g->nodes.count == 1)
		(void)rename_group(t, n->group, name);
	else
		split(t, node, name);
}

void
group_learn(struct schedule *t, uint32_t node, enum lane_fault fault)
{
	uint32_t id = inside_node(t, node)->group;
	struct group *g = inside_group(t, id);
	struct lane_rules rules = group_rules(t, g);

	lane_learn(&g->lane, &rules, fault, g->ready, t->now);
	group_update(t, id);
}

/* Each group once, by its first node. */
static uint32_t
group_in(const struct schedule *t, size_t slot)
{
	uint32_t node = t->by_lane.slots[slot] - 1, id;

	if (t->by_lane.slots[slot] == 0)
		return POOL_NONE;
	id = inside_node(t, node)->group;
	return inside_group(t, id)->nodes.first == node ? id : POOL_NONE;
}

void
group_settings(struct schedule *t)
{
	for (size_t i = 0; i < t->by_lane.size; i++) {
		uint32_t id = group_in(t, i);
		if (id == POOL_NONE)
			continue;
		inside_group(t, id)->spacing = 0;
		group_update(t, id);
	}
}

void
group_force(struct schedule *t)
{
	for (size_t i = 0; i < t->by_lane.size; i++) {
		uint32_t id = group_in(t, i);
		if (id == POOL_NONE)
			continue;
		if (inside_group(t, id)->lane.since != 0)
			inside_group(t, id)->lane.until = t->now;
		group_update(t, id);
	}
}

void
group_free_all(struct schedule *t)
{
	for (size_t i = 0; i < t->by_lane.size; i++)
		if (t->by_lane.slots[i] != 0)
			free(inside_node(t, t->by_lane.slots[i] - 1)->key);
	for (size_t i = 0; i < t->by_group.size; i++)
		if (t->by_group.slots[i] != 0)
			free(inside_group(t, t->by_group.slots[i] - 1)->key);
	index_free(&t->by_lane);
	index_free(&t->by_group);
	heap_free(&t->wakes);
	pool_free(&t->nodes);
	pool_free(&t->groups);
}
