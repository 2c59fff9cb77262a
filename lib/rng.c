/* rng: random bytes from the kernel; see rng.h. */
#include "lib/rng.h"

#include <errno.h>
#include <sys/random.h>

bool
rng_bytes(void *out, size_t n)
{
	char *to = out;

	while (n > 0) {
		ssize_t r = getrandom(to, n, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return false;
		to += r;
		n -= (size_t)r;
	}
	return true;
}
