/* flow: customers and flows are made when something needs them, and forgotten
 * when nothing does. */
#include "send/inside.h"
#include <stdlib.h>
#include <string.h>

struct pair {
	uint32_t customer, node;
};

char *
key_copy(struct schedule *t, struct str key)
{
	char *s = malloc(key.len + 1);

	if (s == NULL)
		return NULL;
	if (key.len > 0)
		memcpy(s, key.data, key.len);
	s[key.len] = '\0';
	t->keys += key.len + 1;
	return s;
}

void
key_free(struct schedule *t, char *key, uint32_t len)
{
	if (key == NULL)
		return;
	free(key);
	t->keys -= len + 1;
}

static uint32_t
pair_hash(uint64_t seed, struct pair p)
{
	return index_hash_number(seed, (uint64_t)p.customer << 32 | p.node);
}

static uint32_t
flow_hash(const void *owner, uint32_t id)
{
	const struct schedule *t = owner;
	const struct flow *f = inside_flow(t, id);

	return pair_hash(t->seed, (struct pair){f->customer, f->node});
}

static bool
flow_same(const void *owner, uint32_t id, const void *key)
{
	const struct flow *f = inside_flow(owner, id);
	const struct pair *p = key;

	return f->customer == p->customer && f->node == p->node;
}

static uint32_t
customer_hash(const void *owner, uint32_t id)
{
	return inside_customer(owner, id)->hash;
}

static bool
customer_same(const void *owner, uint32_t id, const void *key)
{
	const struct customer *c = inside_customer(owner, id);
	const struct key *k = key;

	return c->channel == k->channel &&
	       str_equal((struct str){c->key, c->len}, k->text);
}

void
flow_indexes(struct schedule *t)
{
	t->by_pair = (struct index){.hash = flow_hash, .same = flow_same};
	t->by_customer =
	    (struct index){.hash = customer_hash, .same = customer_same};
}

static uint32_t
make_customer(
    struct schedule *t, enum channel channel, struct str key, uint32_t hash)
{
	uint32_t id;
	struct customer *c;

	if (key.len > SCHEDULE_KEY || !index_room(&t->by_customer, t))
		return POOL_NONE;
	id = pool_take(&t->customers);
	if (id == POOL_NONE)
		return POOL_NONE;
	c = inside_customer(t, id);
	c->key = key_copy(t, key);
	if (c->key == NULL) {
		pool_give(&t->customers, id);
		return POOL_NONE;
	}
	c->len = (uint32_t)key.len;
	c->hash = hash;
	c->channel = channel;
	ring_init(&c->flows);
	index_add(&t->by_customer, t, id);
	t->sides[channel].customers++;
	return id;
}

static uint32_t
take_customer(struct schedule *t, enum channel channel, struct str key)
{
	const struct key k = {channel, key};
	uint32_t hash = index_hash(t->seed + channel, key);
	uint32_t id = index_find(&t->by_customer, t, hash, &k);

	return id != INDEX_NONE ? id : make_customer(t, channel, key, hash);
}

static void
give_customer(struct schedule *t, uint32_t id)
{
	struct customer *c = inside_customer(t, id);

	if (c->refs > 0)
		return;
	index_remove(&t->by_customer, t, id);
	t->sides[c->channel].customers--;
	key_free(t, c->key, c->len);
	pool_give(&t->customers, id);
}

static uint32_t
make_flow(struct schedule *t, struct pair p)
{
	uint32_t id;
	struct flow *f;

	if (!index_room(&t->by_pair, t))
		return POOL_NONE;
	id = pool_take(&t->flows);
	if (id == POOL_NONE)
		return POOL_NONE;
	f = inside_flow(t, id);
	f->customer = p.customer;
	f->node = p.node;
	f->last = POOL_NONE;
	ring_init(&f->parts);
	index_add(&t->by_pair, t, id);
	inside_customer(t, p.customer)->refs++;
	node_use(t, p.node);
	ring_add(&inside_node(t, p.node)->flows, node_flows, t, id);
	return id;
}

uint32_t
flow_take(
    struct schedule *t, enum channel c, struct str customer, struct str lane)
{
	struct pair p;
	uint32_t id = POOL_NONE;

	p.node = node_take(t, c, lane);
	if (p.node == POOL_NONE)
		return POOL_NONE;
	p.customer = take_customer(t, c, customer);
	if (p.customer != POOL_NONE) {
		id = index_find(&t->by_pair, t, pair_hash(t->seed, p), &p);
		if (id == INDEX_NONE)
			id = make_flow(t, p);
		give_customer(t, p.customer); /* which has no flow */
	}
	node_rest(t, p.node);
	if (id != POOL_NONE)
		inside_flow(t, id)->refs++;
	return id;
}

void
flow_give(struct schedule *t, uint32_t id)
{
	struct flow *f = inside_flow(t, id);
	struct pair p = {f->customer, f->node};

	if (--f->refs > 0)
		return;
	index_remove(&t->by_pair, t, id);
	ring_take(&inside_node(t, p.node)->flows, node_flows, t, id);
	inside_customer(t, p.customer)->refs--;
	pool_give(&t->flows, id);
	give_customer(t, p.customer);
	node_rest(t, p.node);
}

void
flow_free_all(struct schedule *t)
{
	for (size_t i = 0; i < t->by_customer.size; i++)
		if (t->by_customer.slots[i] != 0)
			free(inside_customer(t, t->by_customer.slots[i] - 1)
				 ->key);
	index_free(&t->by_customer);
	index_free(&t->by_pair);
	pool_free(&t->customers);
	pool_free(&t->flows);
}
