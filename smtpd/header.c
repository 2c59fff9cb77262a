/* header: hops and size of a passing header; see header.h. */
#include "smtpd/header.h"

#include <string.h>

enum { HOPS_ENOUGH = 1000000 };

static bool
is_hop(struct str start)
{
	return str_starts_nocase(start, str_of("received:")) ||
	       str_starts_nocase(start, str_of("delivered-to:"));
}

/* Bytes of a line, its LF not among them. */
static void
remember(struct header *h, struct str part)
{
	size_t room = sizeof(h->start) - h->line_len;

	if (h->line_len < sizeof(h->start)) {
		if (part.len < room)
			room = part.len;
		memcpy(h->start + h->line_len, part.data, room);
		h->line_len += room;
	}
}

static void
line_ends(struct header *h)
{
	struct str start = {h->start, h->line_len};

	if (h->line_len == 0)
		h->over = true;
	else if (is_hop(start) && h->hops < HOPS_ENOUGH)
		h->hops++;
	h->line_len = 0;
}

bool
header_is_folded(struct str first)
{
	return first.len > 0 && (first.data[0] == ' ' || first.data[0] == '\t');
}

void
header_scan(struct header *h, struct str text)
{
	while (text.len > 0 && !h->over) {
		size_t n = str_find(text, '\n');
		bool ends = n < text.len;

		if (n > 0)
			remember(h, str_slice(text, 0, n));
		if (ends) {
			line_ends(h);
			n++;
		}
		h->bytes += n;
		text = str_slice(text, n, text.len);
	}
}

bool
header_loops(const struct header *h)
{
	return h->hops >= HEADER_HOPS_MAX;
}

bool
header_large(const struct header *h)
{
	return h->bytes > HEADER_BYTES_MAX;
}
