/* shares: counted anew each time, for there are few; see shares.h. */
#include "pop3d/shares.h"

/* What one that waits is measured by, the first that differs. */
struct rank {
	size_t of_address, of_service; /* that run */
	int64_t began;
};

static struct rank
rank_of(const struct share *s, size_t n, const struct share *one)
{
	struct rank r = {.began = one->began};

	for (size_t i = 0; i < n; i++) {
		if (s[i].state != SHARE_RUNS)
			continue;
		r.of_address += s[i].address == one->address ? 1 : 0;
		r.of_service += s[i].service == one->service ? 1 : 0;
	}
	return r;
}

static bool
is_before(struct rank a, struct rank b)
{
	if (a.of_address != b.of_address)
		return a.of_address < b.of_address;
	if (a.of_service != b.of_service)
		return a.of_service < b.of_service;
	return a.began < b.began;
}

static size_t
running(const struct share *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += s[i].state == SHARE_RUNS ? 1 : 0;
	return count;
}

size_t
shares_next(const struct share *s, size_t n, size_t places)
{
	size_t best = n, most = places - places / 4;
	struct rank least = {0, 0, 0};

	if (running(s, n) >= places)
		return n;
	for (size_t i = 0; i < n; i++) {
		struct rank r;

		if (s[i].state != SHARE_WAITS)
			continue;
		r = rank_of(s, n, &s[i]);
		if (r.of_address >= most || r.of_service >= most)
			continue;
		if (best == n || is_before(r, least)) {
			best = i;
			least = r;
		}
	}
	return best;
}

bool
shares_crowded(const struct share *s, size_t n, uint64_t address)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count +=
		    s[i].state != SHARE_NONE && s[i].address == address ? 1 : 0;
	return address != 0 && count >= n / 4;
}
