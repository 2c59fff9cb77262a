/* body: the body of a queued message, by windows; see body.h. */
#include "wire/body.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
body_open(struct body *b, int fd, uint64_t at, uint64_t len)
{
	b->fd = fd;
	b->at = at;
	b->len = len;
	b->shift = 0;
	b->start = 0;
	b->have = 0;
}

/* Fill the window from offset, which is within the body. */
static bool
fill(struct body *b, uint64_t offset)
{
	uint64_t left = b->len - offset;
	size_t most = BODY_WINDOW - (b->shift + offset) % BODY_WINDOW;
	size_t want = left < most ? (size_t)left : most;

	b->start = offset;
	b->have = 0;
	while (b->have < want) {
		ssize_t r = pread(b->fd, b->window + b->have, want - b->have,
		    (off_t)(b->at + offset + b->have));

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = EPIPE;
		if (r <= 0)
			return false;
		b->have += (size_t)r;
	}
	return true;
}

bool
body_get(struct body *b, uint64_t offset, struct str *chunk)
{
	*chunk = (struct str){b->window, 0};
	if (offset >= b->len)
		return true;
	if (offset < b->start || offset - b->start >= b->have) {
		if (!fill(b, offset)) {
			b->have = 0;
			return false;
		}
	}
	*chunk = str_slice((struct str){b->window, b->have},
	    (size_t)(offset - b->start), b->have);
	return true;
}

void
body_align(struct body *b, uint64_t shift)
{
	size_t most = BODY_WINDOW - shift % BODY_WINDOW;

	b->shift = shift;
	if (b->have < b->len && (b->start > 0 || b->have > most))
		b->have = b->start > 0 ? 0 : most;
}

/* A walk over header lines, whatever windows they fall into. */
struct walk {
	struct str want;
	uint64_t line; /* bytes of this line so far, CR counted */
	size_t same;   /* bytes that are want's; want.len + 1: it differs */
	bool cr;       /* the last byte was a CR */
	bool ended, found;
};

static void
end_line(struct walk *w)
{
	if (w->line == (w->cr ? 1 : 0))
		w->ended = true;
	if (w->want.len > 0 && w->same == w->want.len)
		w->found = true;
	w->line = 0;
	w->same = 0;
	w->cr = false;
}

/* Compare one byte more of a line that is want's so far. */
static void
compare(struct walk *w, char c)
{
	if (c == '\r' && w->same == w->want.len)
		return; /* perhaps the line's end */
	if (w->same < w->want.len &&
	    str_lower(c) == str_lower(w->want.data[w->same]))
		w->same++;
	else
		w->same = w->want.len + 1;
}

/* Bytes of a line, without an LF. */
static void
step(struct walk *w, struct str run)
{
	for (size_t i = 0; i < run.len && w->same <= w->want.len; i++)
		compare(w, run.data[i]);
	w->line += run.len;
	if (run.len > 0)
		w->cr = run.data[run.len - 1] == '\r';
}

/* Walk on until the header ends, the line is found, or max bytes have passed;
 * *len is where the line that ended it begins, or max. */
static bool
walk(struct body *b, struct walk *w, uint64_t max, uint64_t *len)
{
	uint64_t offset = 0;
	struct str chunk;

	*len = 0;
	while (offset < max && !w->ended && !w->found) {
		size_t n;

		if (!body_get(b, offset, &chunk))
			return false;
		if (chunk.len == 0)
			break;
		if (chunk.len > max - offset)
			chunk.len = (size_t)(max - offset);
		n = str_find(chunk, '\n');
		step(w, str_slice(chunk, 0, n));
		offset += n;
		if (n == chunk.len)
			continue;
		*len = offset - w->line;
		offset++;
		end_line(w);
	}
	if (!w->ended && !w->found)
		*len = offset;
	return true;
}

bool
body_header(struct body *b, uint64_t max, uint64_t *len)
{
	struct walk w = {
	    .want = {"", 0}
        };

	return walk(b, &w, max, len);
}

bool
body_has_line(struct body *b, struct str line, bool *has)
{
	struct walk w = {.want = line};
	uint64_t len;

	if (!walk(b, &w, BODY_HEADER_MAX, &len))
		return false;
	*has = w.found;
	return true;
}
