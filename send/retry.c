/* retry: qmail's quadratic schedule. */
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

int64_t
retry_longest(uint64_t lifetime, enum channel c)
{
	int64_t k = root(bounded(lifetime));

	return (2 * k * step[c] + step[c] * step[c]) * CLOCK_SECOND;
}

int64_t
retry_age(int64_t birth, int64_t now, uint32_t attempts, enum channel c)
{
	uint64_t n;

	if (now >= birth)
		return now - birth;
	n = attempts == 0 ? 0 : (uint64_t)(attempts - 1) * (uint64_t)step[c];
	return bounded(n * n) * CLOCK_SECOND;
}

int64_t
retry_pause(int64_t age, uint64_t lifetime, enum channel c)
{
	int64_t oldest = bounded(lifetime) * CLOCK_SECOND, n;

	if (age > oldest)
		age = oldest;
	n = root(age / CLOCK_SECOND) + step[c];
	return n * n * CLOCK_SECOND - age;
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
