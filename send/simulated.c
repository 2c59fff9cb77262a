/* simulated: hosts that serve, defer, slow, and die. */
#include "send/simulated.h"
#include "lib/clock.h"
#include <stdlib.h>
#include <string.h>

static uint32_t
dice(struct simulated *a, uint32_t sides)
{
	a->dice = a->dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((a->dice >> 33) % sides);
}

bool
simulated_init(
    struct simulated *a, const struct load *l, struct simulation *out)
{
	size_t domains = 0;

	*a = (struct simulated){.load = l, .out = out, .dice = l->seed};
	a->first_domain =
	    calloc(l->destination_count + 1, sizeof *a->first_domain);
	a->left = calloc(l->destination_count + 1, sizeof *a->left);
	a->messages = calloc(l->messages + 1, sizeof *a->messages);
	if (a->first_domain == NULL || a->left == NULL || a->messages == NULL)
		return false;
	for (size_t i = 0; i < l->destination_count; i++) {
		a->first_domain[i] = domains;
		domains += l->destinations[i].domains;
		out->destinations[i].recovered = -1;
	}
	for (size_t i = 0; i < l->mail_count; i++)
		a->left[l->mail[i].destination] += l->mail[i].count;
	a->flying = calloc(domains + 1, sizeof *a->flying);
	return a->flying != NULL;
}

void
simulated_free(struct simulated *a)
{
	free(a->messages);
	free(a->flying);
	free(a->first_domain);
	free(a->left);
	*a = (struct simulated){0};
}

struct simulated_message *
simulated_at(struct simulated *a, uint64_t ino)
{
	return &a->messages[ino - 1];
}

static size_t
destination_of(const struct simulated *a, const struct simulated_message *m)
{
	return a->load->mail[m->row].destination;
}

static struct simulation_row *
row_of(const struct simulated *a, const struct simulated_message *m)
{
	return &a->out->mail[m->row];
}

static struct simulation_row *
host_of(const struct simulated *a, const struct simulated_message *m)
{
	return &a->out->destinations[destination_of(a, m)];
}

void
simulated_arrive(
    struct simulated *a, uint64_t ino, size_t row, uint64_t number, int64_t now)
{
	struct simulated_message *m = &a->messages[ino - 1];

	*m = (struct simulated_message){.birth = now,
	    .delay = -1,
	    .row = (uint32_t)row,
	    .number = (uint32_t)number};
	a->arrived = ino;
	row_of(a, m)->messages++;
	host_of(a, m)->messages++;
}

static bool
within(const struct load_span *spans, size_t n, int64_t now, size_t *which)
{
	for (*which = 0; *which < n; ++*which)
		if (now >= spans[*which].from && now < spans[*which].to)
			return true;
	return false;
}

/* Hosts of one group are one. */
static uint32_t *
flying_at(struct simulated *a, const struct simulated_message *m)
{
	size_t to = destination_of(a, m);
	const struct load_destination *d = &a->load->destinations[to];

	if (d->group[0] == '\0')
		return &a->flying[a->first_domain[to] + m->number % d->domains];
	for (size_t i = 0; i < to; i++)
		if (strcmp(a->load->destinations[i].group, d->group) == 0)
			return &a->flying[a->first_domain[i]];
	return &a->flying[a->first_domain[to]];
}

static void
more(struct simulation_row *row, const struct simulated_message *m, int64_t now)
{
	row->attempts++;
	if (++row->flying > row->peak)
		row->peak = row->flying;
	if (m->attempts == 0 && now - m->birth > row->first)
		row->first = now - m->birth;
}

/* All that a lane may have flies again, or all that is left.  Of the slots the
 * reserve is not its own. */
static void
see_recovery(struct simulated *a, size_t to, int64_t now)
{
	const struct load_destination *d = &a->load->destinations[to];
	struct simulation_row *row = &a->out->destinations[to];
	const struct load *l = a->load;
	uint32_t full = l->slots - l->slots * l->reserve / 100;
	int64_t up = 0;

	for (size_t i = 0; i < d->dead_count; i++)
		if (d->dead[i].to > up)
			up = d->dead[i].to;
	if (full > l->lane_most)
		full = l->lane_most;
	if (full > a->left[to])
		full = (uint32_t)a->left[to];
	if (d->dead_count > 0 && row->recovered == -1 && now >= up &&
	    row->flying >= full)
		row->recovered = now - up;
}

static enum outcome
answer(struct simulated *a, const struct load_destination *d, uint32_t flying)
{
	if (d->limit != 0 && flying > d->limit)
		return OUTCOME_SLOWED;
	if (dice(a, 100) < d->fail)
		return OUTCOME_FAILED;
	if (dice(a, 100) < d->defer)
		return OUTCOME_DEFERRED;
	return OUTCOME_OK;
}

/* A fifth more or less. */
static int64_t
about(struct simulated *a, int64_t time)
{
	return time - time / 5 + time / 1000 * dice(a, 401) + 1;
}

enum outcome
simulated_begin(struct simulated *a, struct simulated_message *m, int64_t now,
    int64_t *lasts)
{
	size_t to = destination_of(a, m), which;
	const struct load_destination *d = &a->load->destinations[to];
	uint32_t flying = ++*flying_at(a, m);
	enum outcome o;

	more(row_of(a, m), m, now);
	more(host_of(a, m), m, now);
	m->attempts++;
	if (within(d->dead, d->dead_count, now, &which)) {
		row_of(a, m)->dead++;
		host_of(a, m)->dead++;
		*lasts = about(a, d->timeout);
		return OUTCOME_DEAD;
	}
	see_recovery(a, to, now);
	o = answer(a, d, flying);
	if (o == OUTCOME_SLOWED) {
		*lasts = about(a, CLOCK_SECOND / 10);
		return o;
	}
	*lasts = within(d->slow, d->slow_count, now, &which)
		     ? about(a, d->slow[which].latency)
		     : about(a, d->latency);
	return o;
}

void
simulated_bounce(struct simulated *a, const struct simulated_message *m)
{
	row_of(a, m)->bounced++;
	host_of(a, m)->bounced++;
	a->left[destination_of(a, m)]--;
}

void
simulated_defer(struct simulated *a, const struct simulated_message *m)
{
	row_of(a, m)->deferrals++;
	host_of(a, m)->deferrals++;
}

void
simulated_end(struct simulated *a, struct simulated_message *m, enum outcome o,
    int64_t now)
{
	--*flying_at(a, m);
	row_of(a, m)->flying--;
	host_of(a, m)->flying--;
	switch (o) {
	case OUTCOME_OK:
		m->delay = now - m->birth;
		row_of(a, m)->delivered++;
		host_of(a, m)->delivered++;
		a->left[destination_of(a, m)]--;
		break;
	case OUTCOME_FAILED:
		simulated_bounce(a, m);
		break;
	case OUTCOME_SLOWED:
		row_of(a, m)->slowed++;
		host_of(a, m)->slowed++;
		break;
	case OUTCOME_DEFERRED:
	case OUTCOME_DEAD:
		break;
	}
}

static int
compare(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static void
reckon(struct simulation_row *row, int64_t *delays, size_t n)
{
	row->waiting = row->messages - row->delivered - row->bounced;
	if (n == 0)
		return;
	qsort(delays, n, sizeof *delays, compare);
	row->median = delays[(n - 1) / 2];
	row->ninety = delays[(n - 1) * 9 / 10];
	row->most = delays[n - 1];
}

/* The delays of those messages that are in one row, or go to one host. */
static void
reckon_one(struct simulated *a, size_t which, bool host, int64_t *delays)
{
	size_t n = 0;

	for (uint64_t i = 0; i < a->arrived; i++) {
		const struct simulated_message *m = &a->messages[i];
		size_t is = host ? destination_of(a, m) : m->row;
		if (is == which && m->delay >= 0)
			delays[n++] = m->delay;
	}
	reckon(host ? &a->out->destinations[which] : &a->out->mail[which],
	    delays, n);
}

bool
simulated_finish(struct simulated *a)
{
	int64_t *delays = calloc(a->arrived + 1, sizeof *delays);

	if (delays == NULL)
		return false;
	for (size_t i = 0; i < a->load->destination_count; i++)
		reckon_one(a, i, true, delays);
	for (size_t i = 0; i < a->load->mail_count; i++)
		reckon_one(a, i, false, delays);
	free(delays);
	return true;
}
