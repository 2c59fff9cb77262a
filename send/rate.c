/* rate: a lane's row of lanerate. */
#include "send/rate.h"
#include "lib/cdb.h"
#include "lib/span.h"
#include <errno.h>

static void
drop_prefix(struct str *s, const char *prefix)
{
	struct str p = str_of(prefix);

	if (str_equal(str_slice(*s, 0, p.len), p))
		*s = str_slice(*s, p.len, s->len);
}

struct str
rate_host(struct str lane)
{
	size_t at;

	drop_prefix(&lane, "lmtp:");
	at = str_rfind(lane, '@');
	if (at < lane.len)
		lane = str_slice(lane, at + 1, lane.len);
	drop_prefix(&lane, "mx:");
	if (lane.len > 0 && lane.data[0] == '[')
		return str_slice(lane, 0, str_find(lane, ']') + 1);
	return str_slice(lane, 0, str_find(lane, ':'));
}

bool
rate_find(const struct controls *c, struct str lane, int64_t *spacing)
{
	struct str value;
	enum found f =
	    control_find_domain(c, C_lanerate, rate_host(lane), &value);

	*spacing = 0;
	if (f == FOUND_YES && !span_parse_rate(value, spacing)) {
		errno = EPROTO;
		return false;
	}
	return f != FOUND_ERROR;
}
