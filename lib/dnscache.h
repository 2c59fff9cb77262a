/* dnscache: answers of DNS servers, kept as they came until they are stale. */
#ifndef LIB_DNSCACHE_H
#define LIB_DNSCACHE_H

#include "lib/dnsanswer.h"
#include "lib/str.h"
#include <stdint.h>

enum {
	DNS_CACHE_SETS = 256,
	DNS_CACHE_WAYS = 4,      /* answers of one set */
	DNS_CACHE_PACKET = 4096, /* bytes of the longest that is kept */
};

struct dns_cache; /* at most DNS_CACHE_SETS * DNS_CACHE_WAYS of them: 4 MiB */

/* An empty one, or NULL without memory or randomness.  Freed by
 * dns_cache_free. */
struct dns_cache *dns_cache_new(void);

/* Free it; NULL is fine. */
void dns_cache_free(struct dns_cache *c);

/* Keep packet, the answer for name and type, for so many seconds.  The answer
 * that would be stale first makes room in its set.  What is too long, or for no
 * time, is not kept, and lack of memory is no failure. */
void dns_cache_keep(struct dns_cache *c, const char *name, enum dns_type type,
    struct str packet, uint32_t seconds);

/* The answer for name, in any case of its letters, and type, that is not stale:
 * valid until the next call; *seconds is how long it still holds.  Without one
 * the view is empty. */
struct str dns_cache_find(const struct dns_cache *c, const char *name,
    enum dns_type type, uint32_t *seconds);

#endif
