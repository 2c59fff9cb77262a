/* inside: the schedule's own structs, for schedule.c, turn.c and group.c.
 *
 * A flow with something ready is in its customer's ring, where it has turns, or
 * hung on its group: it goes there when a turn of it shows that the lane can
 * take no delivery now (or, in the reserve, has one under way), and is pulled
 * back, one at a time, once the lane can.  So every step towards a turn is paid
 * by an arrival, an end, or a turn before it, and none looks at what hangs. */
#ifndef SEND_INSIDE_H
#define SEND_INSIDE_H

#include "send/heap.h"
#include "send/index.h"
#include "send/pool.h"
#include "send/schedule.h"

enum part_state { PART_HAND, PART_WAITING, PART_READY, PART_DONE };

#define PART_FURTHER ((uint32_t)1 << 31) /* of a part's number: not in entry */

struct further {
	struct part part;
	uint32_t entry, more;
};
_Static_assert(sizeof(struct entry) <= 48, "P7: 64 bytes with hash and heap");
_Static_assert(sizeof(struct further) <= 28, "P7: 32 bytes with the heap");

enum place { PLACE_NONE, PLACE_RING, PLACE_HUNG };

struct flow {
	uint32_t customer, node;
	uint32_t refs;      /* parts of it */
	uint32_t last;      /* the part made last */
	int32_t debt;       /* recipients */
	struct ring parts;  /* ready */
	struct links at;    /* in the customer's ring, or the group's */
	struct links mates; /* flows of the node */
	enum place place;
	bool offered; /* pulled back, and not looked at since */
};

struct customer {
	char *key;
	uint32_t len, hash;
	enum channel channel;
	uint32_t refs; /* flows */
	uint32_t waiting, ready, flying, peak;
	int32_t debt;
	struct ring flows;
	struct links turns, fresh; /* in the channel's rings */
	bool in_turns, in_fresh;
};

struct node { /* a lane's key */
	char *key;
	uint32_t len, hash;
	enum channel channel;
	uint32_t group;
	uint32_t waiting, ready, flying, peak;
	struct ring flows;
	struct links mates, idle;
	bool in_idle;
};

struct group {
	struct lane lane;
	int64_t spacing;
	int64_t wake, look_at;
	char *key; /* NULL: that of its node */
	uint32_t len, hash;
	enum channel channel;
	uint32_t ready;
	struct ring nodes, hung;
	struct ring *open;  /* of those four of the channel; NULL: none */
	struct links opens; /* in it */
	struct links look;
	uint32_t looks;   /* flows still to be looked at */
	uint32_t offered; /* flows */
	uint32_t strange; /* deliveries of it that count among the side's */
	uint32_t place;   /* in the heap */
	bool looking;
};

struct key { /* what is sought among customers, nodes and groups */
	enum channel channel;
	struct str text;
};

struct side { /* a channel */
	uint32_t slots, reserve, flying, peak, waiting, ready;
	uint32_t strange; /* deliveries under way in lanes that never served */
	bool closed;      /* to more of those, for now */
	uint32_t nodes, customers;
	struct ring turns; /* customers with flows in their rings */
	struct ring fresh; /* of them: nothing under way */
	struct ring idle; /* groups with hung flows that can begin one, and have
			    * none under way */
	struct ring busy; /* likewise, and have */
	/* The same two, of lanes that have never served a delivery. */
	struct ring strange_idle, strange_busy;
};

struct schedule {
	struct schedule_settings set;
	uint64_t seed;
	int64_t now; /* the last that was heard */
	struct pool entries, parts, flows, customers, nodes, groups;
	struct index by_ino, by_pair, by_customer, by_lane, by_group;
	struct heap due, wakes; /* of parts; of groups */
	struct ring reads[2];   /* to be read now: new, repeats */
	unsigned read_turn;
	struct side sides[CHANNEL_COUNT];
	struct ring idle; /* nodes without flows, longest first */
	struct ring look; /* groups in which something may be overdue */
	size_t keys;      /* bytes */
	uint64_t steps;
};

static inline struct part *
inside_part(const struct schedule *t, uint32_t id)
{
	if ((id & PART_FURTHER) == 0)
		return &((struct entry *)pool_at(&t->entries, id))->part;
	return &((struct further *)pool_at(&t->parts, id ^ PART_FURTHER))->part;
}

static inline struct flow *
inside_flow(const struct schedule *t, uint32_t id)
{
	return pool_at(&t->flows, id);
}

static inline struct customer *
inside_customer(const struct schedule *t, uint32_t id)
{
	return pool_at(&t->customers, id);
}

static inline struct node *
inside_node(const struct schedule *t, uint32_t id)
{
	return pool_at(&t->nodes, id);
}

static inline struct group *
inside_group(const struct schedule *t, uint32_t id)
{
	return pool_at(&t->groups, id);
}

/* The due time of a part, microseconds. */
int64_t part_due(const struct part *p);

/* Whose part it is. */
struct entry *part_entry(const struct schedule *t, uint32_t id);

/* Take a part out of the queue it is in. */
void part_take(struct schedule *t, uint32_t id);

/* Move what has become due, and lanes that time has opened. */
void part_run(struct schedule *t, int64_t now);

/* Links of a part in its flow. */
struct links *part_links(const void *t, uint32_t id);

/* The flow of customer and lane, which is made if need be, with one reference
 * more.  POOL_NONE without memory or lanes. */
MUST_USE uint32_t flow_take(
    struct schedule *t, enum channel c, struct str customer, struct str lane);

/* Give a reference back; the last forgets the flow. */
void flow_give(struct schedule *t, uint32_t id);

/* A part has become ready: it is the flow's last. */
void flow_add(struct schedule *t, uint32_t id, uint32_t part);

/* A part that was ready is no more. */
void flow_remove(struct schedule *t, uint32_t id, uint32_t part);

/* One more part, or less, waits. */
void flow_waits(struct schedule *t, uint32_t id, bool more);

/* A delivery of the flow begins, or has ended. */
void flow_begin(struct schedule *t, uint32_t id, int64_t now);

/* Matched by flow_begin. */
void flow_end(struct schedule *t, uint32_t id, int64_t now);

/* Make a hung flow one that has turns. */
void flow_unhang(struct schedule *t, uint32_t id);

/* Links of a flow in its customer's or group's ring. */
struct links *flow_links(const void *t, uint32_t id);

/* The node of a lane, or POOL_NONE. */
uint32_t node_find(const struct schedule *t, enum channel c, struct str lane);

/* The same, made if need be.  POOL_NONE without memory or lanes. */
MUST_USE uint32_t node_take(
    struct schedule *t, enum channel c, struct str lane);

/* The node has no flow any more. */
void node_rest(struct schedule *t, uint32_t id);

/* The node has one (again). */
void node_use(struct schedule *t, uint32_t id);

/* Forget idle nodes that are stale; at most so many are looked at. */
void node_sweep(struct schedule *t, uint32_t looks);

/* A copy of a key, counted in t->keys; NULL without memory. */
MUST_USE char *key_copy(struct schedule *t, struct str key);

/* Free a copy; NULL is accepted. */
void key_free(struct schedule *t, char *key, uint32_t len);

/* The hashes of flows and customers, and of nodes and groups. */
void flow_indexes(struct schedule *t);

/* Likewise. */
void group_indexes(struct schedule *t);

/* Free the memory of flows and customers, and of nodes and groups. */
void flow_free_all(struct schedule *t);

/* Likewise. */
void group_free_all(struct schedule *t);

/* The settings have changed. */
void group_settings(struct schedule *t);

/* All lanes may be tried at now. */
void group_force(struct schedule *t);

/* All parts of e are dropped; none flies. */
void parts_forget(struct schedule *t, struct entry *e);

/* A part has no recipients any more, and no job. */
void part_forget(struct schedule *t, uint32_t id);

/* The rules of a group. */
struct lane_rules group_rules(const struct schedule *t, const struct group *g);

/* Nothing says that its hosts exist. */
bool group_strange(const struct group *g);

/* How many deliveries of the group may begin. */
uint32_t group_room(const struct schedule *t, const struct group *g);

/* Something about a group has changed: its timer and its place among those that
 * can begin what hangs on them. */
void group_update(struct schedule *t, uint32_t id);

/* Lanes that time has opened, or that are to be looked at. */
void group_run(struct schedule *t);

/* What a delivery of the node taught. */
void group_learn(struct schedule *t, uint32_t node, enum lane_fault fault);

/* The node's host set is called so. */
void group_name(struct schedule *t, uint32_t node, struct str name);

/* Links of a group among those that can begin something. */
struct links *group_opens(const void *t, uint32_t id);

/* Links of a group among those that are looked at. */
struct links *group_look(const void *t, uint32_t id);

/* Links of a flow in its node's ring. */
struct links *node_flows(const void *t, uint32_t id);

#endif
