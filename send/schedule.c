/* schedule: entries by number, parts by due time. */
#include "lib/clock.h"
#include "send/inside.h"
#include <stdlib.h>

enum {
	ENTRIES = 4096, /* of a block of memory */
	OTHERS = 256,
	HOUR = 3600,
	WEEK = 604800,
	FOURTH = 4,
	NEW = 0, /* of t->reads */
	REPEATS = 1,
};

static struct entry *
entry_at(const struct schedule *t, uint32_t id)
{
	return pool_at(&t->entries, id);
}

static struct further *
further_at(const struct schedule *t, uint32_t id)
{
	return pool_at(&t->parts, id ^ PART_FURTHER);
}

struct entry *
part_entry(const struct schedule *t, uint32_t id)
{
	if ((id & PART_FURTHER) == 0)
		return entry_at(t, id);
	return entry_at(t, further_at(t, id)->entry);
}

int64_t
part_due(const struct part *p)
{
	return (int64_t)((uint64_t)p->due_high << 32 | p->due_low) * 1000;
}

static void
set_due(struct part *p, int64_t due)
{
	const int64_t most = ((int64_t)1 << 45) - 1;
	int64_t ms = due <= 0 ? 0 : due / 1000 + (due % 1000 != 0);

	if (ms > most)
		ms = most;
	p->due_low = (uint32_t)(ms & UINT32_MAX);
	p->due_high = (uint32_t)(ms >> 32) & 0x1fff;
}

static int64_t
time_of(const void *owner, uint32_t id)
{
	return part_due(inside_part(owner, id));
}

static uint32_t *
place_of(const void *owner, uint32_t id)
{
	return &inside_part(owner, id)->queue.next;
}

struct links *
part_links(const void *t, uint32_t id)
{
	return &inside_part(t, id)->queue;
}

static uint32_t
ino_hash(const void *owner, uint32_t id)
{
	const struct schedule *t = owner;

	return index_hash_number(t->seed, entry_at(t, id)->ino);
}

static bool
ino_same(const void *owner, uint32_t id, const void *key)
{
	const uint64_t *ino = key;

	return entry_at(owner, id)->ino == *ino;
}

static void
set_up(struct schedule *t, uint64_t seed)
{
	t->seed = seed;
	t->set = (struct schedule_settings){
	    .lane_initial = LANE_INITIAL,
	    .lane_most = LANE_MOST,
	    .patience = schedule_patience(WEEK),
	};
	pool_init(&t->entries, sizeof(struct entry), ENTRIES);
	pool_init(&t->parts, sizeof(struct further), ENTRIES);
	pool_init(&t->flows, sizeof(struct flow), OTHERS);
	pool_init(&t->customers, sizeof(struct customer), OTHERS);
	pool_init(&t->nodes, sizeof(struct node), OTHERS);
	pool_init(&t->groups, sizeof(struct group), OTHERS);
	t->by_ino = (struct index){.hash = ino_hash, .same = ino_same};
	t->due = (struct heap){.time = time_of, .place = place_of};
	flow_indexes(t);
	group_indexes(t);
	ring_init(&t->reads[NEW]);
	ring_init(&t->reads[REPEATS]);
	ring_init(&t->idle);
	ring_init(&t->look);
}

struct schedule *
schedule_new(uint64_t seed)
{
	struct schedule *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	set_up(t, seed);
	for (int c = 0; c < CHANNEL_COUNT; c++) {
		ring_init(&t->sides[c].turns);
		ring_init(&t->sides[c].fresh);
		ring_init(&t->sides[c].idle);
		ring_init(&t->sides[c].busy);
		ring_init(&t->sides[c].strange_idle);
		ring_init(&t->sides[c].strange_busy);
	}
	return t;
}

void
schedule_free(struct schedule *t)
{
	if (t == NULL)
		return;
	flow_free_all(t);
	group_free_all(t);
	pool_free(&t->entries);
	pool_free(&t->parts);
	index_free(&t->by_ino);
	heap_free(&t->due);
	free(t);
}

int64_t
schedule_patience(uint64_t lifetime)
{
	int64_t least = 60, most = 12 * (int64_t)HOUR;
	int64_t seconds =
	    lifetime / 16 > (uint64_t)most ? most : (int64_t)(lifetime / 16);

	return (seconds < least ? least : seconds) * CLOCK_SECOND;
}

void
schedule_set(struct schedule *t, const struct schedule_settings *s)
{
	t->set = *s;
	group_settings(t);
}

void
schedule_slots(
    struct schedule *t, enum channel c, uint32_t slots, uint32_t reserve)
{
	t->sides[c].slots = slots;
	t->sides[c].reserve = reserve;
}

static uint32_t
id_of(const struct schedule *t, uint64_t ino)
{
	return index_find(&t->by_ino, t, index_hash_number(t->seed, ino), &ino);
}

struct entry *
schedule_find(const struct schedule *t, uint64_t ino)
{
	uint32_t id = id_of(t, ino);

	return id == INDEX_NONE ? NULL : entry_at(t, id);
}

static bool
room(struct schedule *t)
{
	return heap_room(&t->due, t->entries.live + t->parts.live + 1);
}

struct entry *
schedule_add(struct schedule *t, uint64_t ino)
{
	uint32_t id;
	struct entry *e;

	if (!room(t) || !index_room(&t->by_ino, t))
		return NULL;
	id = pool_take(&t->entries);
	if (id == POOL_NONE)
		return NULL;
	e = entry_at(t, id);
	e->ino = ino;
	e->part.flow = SCHEDULE_NONE;
	e->more = SCHEDULE_NONE;
	index_add(&t->by_ino, t, id);
	return e;
}

/* What is to be read does not fly: there flying says in which queue it is, for
 * the caller's flags may change meanwhile. */
static void
make_readable(struct schedule *t, uint32_t id, struct part *p)
{
	bool repeat = (entry_at(t, id)->flags & ENTRY_REPEAT) != 0;

	p->flying = repeat ? REPEATS : NEW;
	ring_add(&t->reads[p->flying], part_links, t, id);
}

static void
make_ready(struct schedule *t, uint32_t id)
{
	struct part *p = inside_part(t, id);

	p->state = PART_READY;
	if (p->flow == SCHEDULE_NONE)
		make_readable(t, id, p);
	else
		flow_add(t, p->flow, id);
}

void
part_take(struct schedule *t, uint32_t id)
{
	struct part *p = inside_part(t, id);

	if (p->state == PART_WAITING) {
		heap_take(&t->due, t, id);
		if (p->flow != SCHEDULE_NONE)
			flow_waits(t, p->flow, false);
	} else if (p->state == PART_READY && p->flow == SCHEDULE_NONE) {
		ring_take(&t->reads[p->flying], part_links, t, id);
		p->flying = 0;
	} else if (p->state == PART_READY) {
		flow_remove(t, p->flow, id);
	}
	p->state = PART_HAND;
}

void
schedule_wait(struct schedule *t, uint32_t part, int64_t due, int64_t now)
{
	struct part *p = inside_part(t, part);

	part_take(t, part);
	set_due(p, due <= now ? due - due % 1000 : due);
	if (due <= now) {
		make_ready(t, part);
		return;
	}
	p->state = PART_WAITING;
	heap_put(&t->due, t, part);
	if (p->flow != SCHEDULE_NONE)
		flow_waits(t, p->flow, true);
}

void
part_run(struct schedule *t, int64_t now)
{
	uint32_t id;

	t->now = now;
	while ((id = heap_first(&t->due)) != HEAP_NONE &&
	       part_due(inside_part(t, id)) <= now) {
		part_take(t, id);
		make_ready(t, id);
	}
	group_run(t);
}

void
part_forget(struct schedule *t, uint32_t id)
{
	struct part *p = inside_part(t, id);
	uint32_t flow = p->flow;

	part_take(t, id);
	p->state = (id & PART_FURTHER) != 0 ? PART_DONE : PART_HAND;
	p->flow = SCHEDULE_NONE;
	if (flow == SCHEDULE_NONE)
		return;
	if (inside_flow(t, flow)->last == id)
		inside_flow(t, flow)->last = POOL_NONE;
	flow_give(t, flow);
}

static void
free_further(struct schedule *t, struct entry *e)
{
	while (e->more != SCHEDULE_NONE) {
		uint32_t id = e->more;
		e->more = further_at(t, id)->more;
		part_forget(t, id);
		pool_give(&t->parts, id ^ PART_FURTHER);
	}
}

void
parts_forget(struct schedule *t, struct entry *e)
{
	part_forget(t, id_of(t, e->ino));
	free_further(t, e);
}

void
schedule_remove(struct schedule *t, struct entry *e)
{
	uint32_t id = id_of(t, e->ino);

	parts_forget(t, e);
	index_remove(&t->by_ino, t, id);
	pool_give(&t->entries, id);
}

void
schedule_unread(struct schedule *t, struct entry *e, int64_t due, int64_t now)
{
	parts_forget(t, e);
	schedule_wait(t, id_of(t, e->ino), due, now);
}

struct entry *
schedule_read(struct schedule *t, int64_t now)
{
	struct ring *new = &t->reads[NEW], *repeats = &t->reads[REPEATS];
	bool fourth = t->read_turn % FOURTH == 0;
	const struct ring *r;
	uint32_t id;

	part_run(t, now);
	r = new->count > 0 && (!fourth || repeats->count == 0) ? new : repeats;
	if (r->count == 0)
		return NULL;
	t->read_turn++;
	id = r->first;
	part_take(t, id);
	return entry_at(t, id);
}

int64_t
schedule_due(const struct entry *e)
{
	return part_due(&e->part);
}

size_t
schedule_readable(const struct schedule *t)
{
	return (size_t)t->reads[NEW].count + t->reads[REPEATS].count;
}

void
schedule_take(struct schedule *t, struct entry *e)
{
	uint32_t first = id_of(t, e->ino);
	bool flies = e->part.flow != SCHEDULE_NONE && e->part.flying > 0;

	if (flies)
		part_take(t, first);
	else
		part_forget(t, first);
	for (uint32_t id = e->more; id != SCHEDULE_NONE;
	     id = further_at(t, id)->more) {
		if (inside_part(t, id)->flying > 0) {
			part_take(t, id);
			flies = true;
		} else {
			part_forget(t, id);
		}
	}
	if (!flies)
		free_further(t, e);
}

void
schedule_again(struct schedule *t, struct entry *e)
{
	uint32_t id, *link = &e->more;

	if (e->part.flow != SCHEDULE_NONE)
		inside_flow(t, e->part.flow)->last = id_of(t, e->ino);
	while ((id = *link) != SCHEDULE_NONE) {
		struct further *f = further_at(t, id);
		if (f->part.flow != SCHEDULE_NONE) {
			inside_flow(t, f->part.flow)->last = id;
			link = &f->more;
			continue;
		}
		*link = f->more;
		pool_give(&t->parts, id ^ PART_FURTHER);
	}
}

void
schedule_drop(struct schedule *t, uint32_t part)
{
	part_forget(t, part);
}

void
schedule_force(struct schedule *t, int64_t now)
{
	for (uint32_t i = 0; i < t->due.len; i++) {
		uint32_t id = heap_at(&t->due, i);
		struct part *p = inside_part(t, id);
		if (part_due(p) > now)
			set_due(p, now);
		part_entry(t, id)->flags |= ENTRY_FORCE;
	}
	heap_sort(&t->due, t);
	t->now = now;
	group_force(t);
}

size_t
schedule_count(const struct schedule *t)
{
	return t->entries.live;
}
