/* dnscache: answers of DNS servers; see dnscache.h. */
#include "lib/dnscache.h"

#include "lib/clock.h"
#include "lib/rng.h"
#include <stdlib.h>
#include <string.h>

/* One answer; an empty packet is none. */
struct slot {
	char name[DNS_HOST_SIZE];
	enum dns_type type;
	int64_t until; /* of clock_boot */
	struct buf packet;
};

struct dns_cache {
	uint64_t seed; /* nobody chooses names that share a set */
	struct slot slots[DNS_CACHE_SETS][DNS_CACHE_WAYS];
};

struct dns_cache *
dns_cache_new(void)
{
	struct dns_cache *c = calloc(1, sizeof(*c));

	if (c != NULL && !rng_bytes(&c->seed, sizeof(c->seed))) {
		free(c);
		return NULL;
	}
	return c;
}

void
dns_cache_free(struct dns_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < DNS_CACHE_SETS; i++)
		for (size_t j = 0; j < DNS_CACHE_WAYS; j++)
			buf_free(&c->slots[i][j].packet);
	free(c);
}

/* FNV-1a from a secret start. */
static size_t
set_of(const struct dns_cache *c, const char *name, enum dns_type type)
{
	uint64_t h = (c->seed ^ type) * 0x100000001b3;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)str_lower(*name)) * 0x100000001b3;
	return (size_t)(h >> 32) % DNS_CACHE_SETS;
}

static bool
is_of(const struct slot *s, const char *name, enum dns_type type)
{
	return s->packet.len > 0 && s->type == type &&
	       str_equal_nocase(str_of(s->name), str_of(name));
}

/* The one that name and type have, or else the first to go. */
static struct slot *
choose(struct slot set[DNS_CACHE_WAYS], const char *name, enum dns_type type)
{
	struct slot *best = set;

	for (struct slot *s = set; s < set + DNS_CACHE_WAYS; s++) {
		if (is_of(s, name, type))
			return s;
		if (s->until < best->until)
			best = s;
	}
	return best;
}

void
dns_cache_keep(struct dns_cache *c, const char *name, enum dns_type type,
    struct str packet, uint32_t seconds)
{
	struct slot *s = choose(c->slots[set_of(c, name, type)], name, type);

	if (seconds == 0 || packet.len > DNS_CACHE_PACKET)
		return;
	/* A short answer does not hold on to a long one's room. */
	buf_free(&s->packet);
	s->until = 0;
	if (!str_copy(s->name, sizeof(s->name), str_of(name)) ||
	    !buf_append_str(&s->packet, packet))
		return;
	s->type = type;
	s->until = clock_boot() + (int64_t)seconds * CLOCK_SECOND;
}

struct str
dns_cache_find(const struct dns_cache *c, const char *name, enum dns_type type,
    uint32_t *seconds)
{
	const struct slot *set = c->slots[set_of(c, name, type)];
	int64_t now = clock_boot();

	for (const struct slot *s = set; s < set + DNS_CACHE_WAYS; s++)
		if (is_of(s, name, type) && s->until > now) {
			*seconds = (uint32_t)((s->until - now) / CLOCK_SECOND);
			return buf_str(&s->packet);
		}
	return (struct str){NULL, 0};
}
