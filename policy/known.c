/* known: a table of domains with few places for each; see known.h. */
#include "policy/known.h"

#include <stdlib.h>
#include <zlib.h>

enum { WAYS = 8, SETS = KNOWN_MOST / WAYS };

struct known_table {
	struct known rows[SETS][WAYS];
};

struct known_table *
known_new(void)
{
	return calloc(1, sizeof(struct known_table));
}

void
known_free(struct known_table *t)
{
	free(t);
}

static size_t
set_of(struct str domain)
{
	return crc32(0, (const unsigned char *)domain.data,
		   (unsigned)domain.len) %
	       SETS;
}

const struct known *
known_find(const struct known_table *t, struct str domain)
{
	const struct known *set = t->rows[set_of(domain)];

	for (size_t i = 0; i < WAYS; i++)
		if (str_equal(str_of(set[i].domain), domain))
			return &set[i];
	return NULL;
}

void
known_put(struct known_table *t, struct str domain, int64_t until,
    enum sts_result failure)
{
	struct known *set = t->rows[set_of(domain)], *place = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (str_equal(str_of(set[i].domain), domain)) {
			place = &set[i];
			break;
		}
		if (set[i].until < place->until)
			place = &set[i];
	}
	if (!str_copy(place->domain, sizeof(place->domain), domain))
		return;
	place->until = until;
	place->failure = failure;
}
