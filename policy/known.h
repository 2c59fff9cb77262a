/* known: what was learned of domains lately, in memory: when to ask again, and
 * why there is no policy.  It holds KNOWN_MOST; who is forgotten is asked for
 * again. */
#ifndef POLICY_KNOWN_H
#define POLICY_KNOWN_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/sts.h"
#include <stddef.h>
#include <stdint.h>

enum { KNOWN_MOST = 16384 };

/* What is known of one domain. */
struct known {
	char domain[STS_DOMAIN_MAX + 1]; /* "": nothing */
	int64_t until; /* boot clock: what was learned is good until then */
	/* Why the announced policy was not to be had; STS_SUCCESS: none is
	 * announced, or it is there. */
	enum sts_result failure;
};

struct known_table; /* all of them */

/* An empty table, or NULL without memory.  Freed by known_free. */
MUST_USE struct known_table *known_new(void);

/* Free t; NULL is accepted. */
void known_free(struct known_table *t);

/* What is known of domain; NULL when nothing is.  Valid until known_put. */
const struct known *known_find(const struct known_table *t, struct str domain);

/* Learn it; of those that could have its place the one whose word ends first
 * is forgotten. */
void known_put(struct known_table *t, struct str domain, int64_t until,
    enum sts_result failure);

#endif
