/* retry: qmail's quadratic schedule, or a list of pauses. */
#include "send/retry.h"
#include "lib/clock.h"

static const int64_t step[CHANNEL_COUNT] = {
    [CHANNEL_LOCAL] = 10,
    [CHANNEL_REMOTE] = 20,
};

/* The largest whole number whose square is at most n. */
static int64_t
root(int64_t n)
{
	int64_t low = 0, high = 1 << 24;

	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		if (middle * middle <= n)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Seconds that can be reckoned with. */
static int64_t
bounded(uint64_t seconds)
{
	return seconds > UINT32_MAX ? UINT32_MAX : (int64_t)seconds;
}

bool
retry_parse(struct retry_plan *p, struct str text)
{
	uint32_t pauses[SPAN_LIST];
	size_t count = 0;

	if (text.len > 0 && !span_parse_list(text, pauses, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		p->pauses[i] = pauses[i];
	p->pause_count = count;
	return true;
}

uint64_t
retry_lifetime(const struct retry_plan *p, struct str sender)
{
	bool bounce = sender.len == 0 || str_equal(sender, str_of("#@[]"));

	return bounce && p->bounce_lifetime < p->lifetime ? p->bounce_lifetime
							  : p->lifetime;
}

/* In seconds: the pause between attempt number attempts and the next. */
static int64_t
listed(const struct retry_plan *p, uint32_t attempts)
{
	size_t i = attempts == 0 ? 0 : attempts - 1;

	return p->pauses[i < p->pause_count ? i : p->pause_count - 1];
}

static int64_t
longest(const struct retry_plan *p, enum channel c)
{
	int64_t k = root(bounded(p->lifetime)), most = 0;

	if (p->pause_count == 0)
		return 2 * k * step[c] + step[c] * step[c];
	for (size_t i = 0; i < p->pause_count; i++)
		if (p->pauses[i] > most)
			most = p->pauses[i];
	return most;
}

int64_t
retry_longest(const struct retry_plan *p, enum channel c)
{
	return longest(p, c) * (100 + p->spread) * (CLOCK_SECOND / 100);
}

/* Of a list that is repeated without end. */
static int64_t
listed_age(const struct retry_plan *p, uint32_t attempts)
{
	size_t n = attempts - 1, few = n < p->pause_count ? n : p->pause_count;
	int64_t sum = 0;

	for (size_t i = 0; i < few; i++)
		sum += p->pauses[i];
	return sum + (int64_t)(n - few) * listed(p, UINT32_MAX);
}

int64_t
retry_age(const struct retry_plan *p, int64_t birth, int64_t now,
    uint32_t attempts, enum channel c)
{
	uint64_t n;

	if (now >= birth)
		return now - birth;
	if (attempts == 0)
		return 0;
	if (p->pause_count > 0)
		return bounded((uint64_t)listed_age(p, attempts)) *
		       CLOCK_SECOND;
	n = (uint64_t)(attempts - 1) * (uint64_t)step[c];
	return bounded(n * n) * CLOCK_SECOND;
}

/* Seconds, and what is left to the microsecond. */
static int64_t
quadratic(const struct retry_plan *p, int64_t age, enum channel c)
{
	int64_t oldest = bounded(p->lifetime) * CLOCK_SECOND, n;

	if (age > oldest)
		age = oldest;
	n = root(age / CLOCK_SECOND) + step[c];
	return n * n * CLOCK_SECOND - age;
}

/* Parts of a million by which pauses are longer, from -spread percent to it.
 * Splitmix64's finish, which is enough to part what arrived together. */
static int64_t
spread(const struct retry_plan *p, uint64_t ino, uint32_t attempts)
{
	uint64_t h = p->seed ^ (ino * 0x9e3779b97f4a7c15ULL + attempts);
	int64_t width = (int64_t)p->spread * 10000;

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ h >> 27) * 0x94d049bb133111ebULL;
	h ^= h >> 31;
	return (int64_t)(h % (uint64_t)(2 * width + 1)) - width;
}

int64_t
retry_pause(const struct retry_plan *p, int64_t age, uint32_t attempts,
    enum channel c, uint64_t ino)
{
	int64_t pause = p->pause_count > 0 ? listed(p, attempts) * CLOCK_SECOND
					   : quadratic(p, age, c);

	pause += pause / CLOCK_SECOND * spread(p, ino, attempts);
	return pause < CLOCK_SECOND ? CLOCK_SECOND : pause;
}

bool
retry_expired(int64_t age, uint32_t attempts, uint64_t lifetime)
{
	return attempts >= RETRY_ATTEMPTS && age > 0 &&
	       (uint64_t)(age / CLOCK_SECOND) > lifetime;
}

int64_t
retry_wait(int64_t next, int64_t now, int64_t longest)
{
	int64_t wait = next > now ? next - now : 0;

	return wait > longest ? 0 : wait;
}
