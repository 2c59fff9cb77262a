/* guesses: who has named recipients that do not exist; see guesses.h. */
#include "smtpd/guesses.h"

#include <stdbool.h>

static bool
is_same(const struct ip *a, const struct ip *b)
{
	enum { PREFIX = 64 }; /* of IPv6 */

	return ip_is4(a) || ip_is4(b) ? ip_equal(a, b)
				      : ip_within(a, b, PREFIX);
}

static bool
is_old(const struct guesses_row *row, int64_t now)
{
	return now - row->last > (int64_t)GUESSES_KEPT * 1000000;
}

/* The client's own row, else the one to be had for it. */
static struct guesses_row *
find(struct guesses *g, const struct ip *client)
{
	struct guesses_row *best = &g->rows[0];

	for (size_t i = 0; i < GUESSES_CLIENTS; i++) {
		struct guesses_row *row = &g->rows[i];

		if (row->count > 0 && is_same(&row->client, client))
			return row;
		if (best->count > 0 &&
		    (row->count == 0 || row->last < best->last))
			best = row;
	}
	best->count = 0;
	return best;
}

uint64_t
guesses_add(struct guesses *g, const struct ip *client, int64_t now)
{
	struct guesses_row *row = find(g, client);

	if (is_old(row, now))
		row->count = 0;
	row->client = *client;
	row->last = now;
	return ++row->count;
}
