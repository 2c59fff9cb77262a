/* failures: a set-associative table of counts; see failures.h. */
#include "pop3d/failures.h"

#include "lib/clock.h"
#include "lib/ip.h"
#include "lib/rng.h"
#include "wire/login.h"
#include <string.h>

bool
failures_open(struct failures *f)
{
	memset(f->rows, 0, sizeof(f->rows));
	return rng_bytes(f->secret, sizeof(f->secret));
}

static uint64_t
mix(uint64_t h)
{
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

static uint64_t
key_of(const struct failures *f, uint64_t kind, struct str s)
{
	uint64_t h = f->secret[0] ^ kind;

	for (size_t i = 0; i < s.len; i++)
		h = mix(h ^ (unsigned char)str_lower(s.data[i])) + f->secret[1];
	h = mix(h ^ s.len);
	return h == 0 ? 1 : h;
}

struct failures_keys
failures_keys(const struct failures *f, struct str user, struct str address)
{
	enum { NETWORK = 8 }; /* bytes */
	struct ip a;

	if (ip_parse(address, &a) && !ip_is4(&a))
		address = (struct str){(const char *)a.bytes, NETWORK};
	return (struct failures_keys){
	    .user = key_of(f, 1, user), .address = key_of(f, 2, address)};
}

static bool
is_past(const struct failures_row *r, int64_t now)
{
	return r->key == 0 ||
	       now - r->last > (int64_t)FAILURES_WINDOW * CLOCK_SECOND;
}

/* The row of key, else the one to give up for it. */
static struct failures_row *
find(struct failures *f, uint64_t key)
{
	struct failures_row *set = f->rows[key % FAILURES_SETS];
	struct failures_row *oldest = set;

	for (size_t i = 0; i < FAILURES_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0 ||
		    (oldest->key != 0 && set[i].last < oldest->last))
			oldest = &set[i];
	}
	return oldest;
}

/* Count one more; how many there are. */
static uint32_t
count(struct failures *f, uint64_t key, int64_t now)
{
	struct failures_row *r = find(f, key);

	if (r->key != key || is_past(r, now))
		*r = (struct failures_row){.key = key};
	r->last = now;
	if (r->count < UINT32_MAX)
		r->count++;
	return r->count;
}

static int
delay(uint32_t failed, uint32_t allowed)
{
	int seconds = LOGIN_DELAY;

	for (; failed > allowed && seconds < LOGIN_DELAY_MOST; failed--)
		seconds *= 2;
	return seconds < LOGIN_DELAY_MOST ? seconds : LOGIN_DELAY_MOST;
}

int
failures_add(struct failures *f, struct failures_keys k, int64_t now)
{
	int user = delay(count(f, k.user, now), FAILURES_USER);
	int address = delay(count(f, k.address, now), FAILURES_ADDRESS);

	return user > address ? user : address;
}

void
failures_begin(struct failures *f, struct failures_keys k, int64_t now)
{
	(void)failures_add(f, k, now);
}

/* How many there are. */
static uint32_t
counted(struct failures *f, uint64_t key, int64_t now)
{
	const struct failures_row *r = find(f, key);

	return r->key == key && !is_past(r, now) ? r->count : 0;
}

int
failures_delay(struct failures *f, struct failures_keys k, int64_t now)
{
	int user = delay(counted(f, k.user, now), FAILURES_USER);
	int address = delay(counted(f, k.address, now), FAILURES_ADDRESS);

	return user > address ? user : address;
}

static void
one_less(struct failures *f, uint64_t key)
{
	struct failures_row *r = find(f, key);

	if (r->key == key && r->count > 0)
		r->count--;
}

void
failures_undo(struct failures *f, struct failures_keys k)
{
	one_less(f, k.user);
	one_less(f, k.address);
}

void
failures_forgive(struct failures *f, struct failures_keys k)
{
	struct failures_row *r = find(f, k.user);

	if (r->key == k.user)
		*r = (struct failures_row){.key = 0};
}
