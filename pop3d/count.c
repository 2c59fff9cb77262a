/* count: one more for each LF that has no CR; see count.h. */
#include "pop3d/count.h"

#include <string.h>

/* LF that no CR precedes. */
static uint64_t
bare(struct str bytes, char last)
{
	const char *at = bytes.data, *end = at + bytes.len, *lf;
	uint64_t n = 0;

	/* As in nearly every Maildir. */
	if (last != '\r' && str_find(bytes, '\r') == bytes.len)
		return str_count(bytes, '\n');
	while (
	    at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		n += (lf > bytes.data ? lf[-1] : last) != '\r';
		at = lf + 1;
	}
	return n;
}

void
count_add(struct count *c, struct str bytes)
{
	if (bytes.len == 0)
		return;
	c->octets += bytes.len + bare(bytes, c->last);
	c->last = bytes.data[bytes.len - 1];
}

uint64_t
count_end(const struct count *c)
{
	enum { CRLF = 2 };

	return c->octets == 0 || c->last == '\n' ? c->octets : c->octets + CRLF;
}
