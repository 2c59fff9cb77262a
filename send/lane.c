/* lane: up by ones, down by halves, and probes. */
#include "send/lane.h"
#include "lib/clock.h"

static const int64_t keep = (int64_t)LANE_KEEP * CLOCK_SECOND;

void
lane_init(struct lane *l, const struct lane_rules *rules)
{
	*l = (struct lane){.limit = rules->initial};
}

static uint32_t
at_once(const struct lane *l, const struct lane_rules *rules)
{
	if (l->fixed != 0)
		return l->fixed;
	if (rules->most == 0)
		return UINT32_MAX;
	return l->limit < rules->most ? l->limit : rules->most;
}

static uint32_t
at_any_time(const struct lane *l, const struct lane_rules *rules)
{
	uint32_t most = l->since != 0 ? 1 : at_once(l, rules);

	return l->paused || l->flying >= most ? 0 : most - l->flying;
}

int64_t
lane_opens(const struct lane *l, const struct lane_rules *rules)
{
	int64_t rate = rules->spacing == 0 ? 0 : l->rate_next;

	if (at_any_time(l, rules) == 0)
		return INT64_MAX;
	return l->until > rate ? l->until : rate;
}

uint32_t
lane_room(const struct lane *l, const struct lane_rules *rules, int64_t now)
{
	uint32_t room = at_any_time(l, rules);

	if (room == 0 || lane_opens(l, rules) > now)
		return 0;
	return rules->spacing != 0 ? 1 : room;
}

void
lane_begin(struct lane *l, const struct lane_rules *rules, int64_t now)
{
	l->flying++;
	if (l->flying > l->peak)
		l->peak = l->flying;
	l->probing = l->since != 0;
	if (l->rate_next < now)
		l->rate_next = now;
	lane_charge(l, rules, 1);
}

void
lane_charge(struct lane *l, const struct lane_rules *rules, uint32_t recipients)
{
	l->rate_next += rules->spacing * (int64_t)recipients;
}

void
lane_end(struct lane *l, int64_t now)
{
	l->flying--;
	l->probing = false;
	l->used = now;
}

/* More deliveries at once; back to what it was, by doubling. */
static void
grow(struct lane *l, const struct lane_rules *rules)
{
	if (l->limit < l->target)
		l->limit = l->limit < l->target / 2 ? 2 * l->limit : l->target;
	else if (l->limit < rules->most)
		l->limit++;
	if (l->limit > l->ceiling)
		l->ceiling = 0;
	if (l->limit >= l->target)
		l->target = 0;
	l->window = 0;
}

static void
served(struct lane *l, const struct lane_rules *rules)
{
	l->served = true;
	if (l->since != 0) {
		l->since = l->until = l->pause = 0;
		l->failures = 0;
		l->limit = rules->initial;
		l->window = 0;
		return;
	}
	l->window++;
	if (l->window >= (uint64_t)at_once(l, rules) *
			     (l->limit == l->ceiling ? LANE_TRIES : 1))
		grow(l, rules);
}

static void
slowed(struct lane *l, int64_t now)
{
	if (l->since == 0 && now < l->until)
		return;
	l->ceiling = l->since != 0 || l->limit < 2 ? 1 : l->limit - 1;
	l->limit = (l->ceiling + 1) / 2;
	l->since = l->pause = 0;
	l->failures = 0;
	l->target = l->window = 0;
	l->until = now + LANE_SLOW * (int64_t)CLOCK_SECOND;
}

static int64_t
longest(uint32_t waiting)
{
	int64_t most = LANE_DEAD_MOST / (1 + (int64_t)waiting / LANE_CROWD);

	return (most > LANE_DEAD ? most : LANE_DEAD) * CLOCK_SECOND;
}

static void
died(struct lane *l, const struct lane_rules *rules, uint32_t waiting,
    int64_t now)
{
	if (l->since != 0 && !l->probing)
		return; /* begun while it lived */
	if (l->since == 0) {
		if (l->limit > l->target)
			l->target = l->limit;
		if (l->target > rules->most)
			l->target = rules->most;
		l->since = now;
		l->pause = LANE_DEAD * (int64_t)CLOCK_SECOND;
	} else {
		l->failures++;
		l->pause += l->pause / 2;
	}
	if (l->pause > longest(waiting))
		l->pause = longest(waiting);
	l->window = 0;
	l->until = now + l->pause;
}

void
lane_learn(struct lane *l, const struct lane_rules *rules,
    enum lane_fault fault, uint32_t waiting, int64_t now)
{
	if (rules->most == 0)
		return;
	switch (fault) {
	case LANE_SERVED:
		served(l, rules);
		break;
	case LANE_SLOWED:
		slowed(l, now);
		break;
	case LANE_DIED:
		died(l, rules, waiting, now);
		break;
	}
}

void
lane_merge(struct lane *into, const struct lane *other)
{
	into->flying += other->flying;
	if (other->peak > into->peak)
		into->peak = other->peak;
	if (into->flying > into->peak)
		into->peak = into->flying;
	if (other->fixed != 0)
		into->fixed = other->fixed;
	if (other->rate_next > into->rate_next)
		into->rate_next = other->rate_next;
	if (other->used > into->used)
		into->used = other->used;
	into->probing |= other->probing;
	into->paused |= other->paused;
	into->served |= other->served;
}

bool
lane_stale(const struct lane *l, int64_t now)
{
	return l->flying == 0 && !l->paused && l->fixed == 0 &&
	       now > l->used + keep && now > l->until + keep &&
	       now > l->rate_next;
}
