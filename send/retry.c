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

static int64_t
next_age(int64_t age, enum channel c)
{
	int64_t n = root(age) + step[c];

	return n * n;
}

int64_t
retry_longest(uint64_t lifetime, enum channel c)
{
	int64_t age = lifetime > UINT32_MAX ? UINT32_MAX : (int64_t)lifetime;

	int64_t k = root(age);

	return (2 * k * step[c] + step[c] * step[c]) * CLOCK_SECOND;
}

int64_t
retry_next(int64_t birth, int64_t now, enum channel c)
{
	int64_t age = now > birth ? (now - birth) / CLOCK_SECOND : 0;

	if (now < birth)
		birth = now;
	return birth + next_age(age, c) * CLOCK_SECOND;
}

bool
retry_expired(int64_t birth, int64_t now, uint32_t attempts, uint64_t lifetime)
{
	return attempts >= RETRY_ATTEMPTS && now > birth &&
	       (uint64_t)((now - birth) / CLOCK_SECOND) > lifetime;
}

int64_t
retry_wait(int64_t next, int64_t now, int64_t longest)
{
	int64_t wait = next > now ? next - now : 0;

	return wait > longest ? 0 : wait;
}
