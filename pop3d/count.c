/* count: one more for each LF that has no CR; see count.h. */
#include "pop3d/count.h"

#include <string.h>

void
count_add(struct count *c, struct str bytes)
{
	const char *at = bytes.data, *end = at + bytes.len, *lf;

	if (bytes.len == 0)
		return;
	c->octets += bytes.len;
	while (
	    at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		char before = lf > bytes.data ? lf[-1] : c->last;

		c->octets += before != '\r';
		at = lf + 1;
	}
	c->last = end[-1];
}

uint64_t
count_end(const struct count *c)
{
	enum { CRLF = 2 };

	return c->octets == 0 || c->last == '\n' ? c->octets : c->octets + CRLF;
}
