/* reply: what a host answers; see reply.h. */
#include "remote/reply.h"

#include "lib/clock.h"
#include <string.h>

enum { CODE = 3, DIGITS = 3 };

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "250", "250 text", "250-text": its code, and whether more lines follow. */
static bool
parse(struct str line, unsigned *code, bool *more, struct str *text)
{
	if (line.len < CODE || line.data[0] < '2' || line.data[0] > '5' ||
	    !digit(line.data[1]) || !digit(line.data[2]) ||
	    memchr(line.data, '\0', line.len) != NULL)
		return false;
	if (line.len > CODE && line.data[CODE] != ' ' && line.data[CODE] != '-')
		return false;
	*code = (unsigned)(line.data[0] - '0') * 100 +
		(unsigned)(line.data[1] - '0') * 10 +
		(unsigned)(line.data[2] - '0');
	*more = line.len > CODE && line.data[CODE] == '-';
	*text = str_slice(line, CODE + 1, line.len);
	return true;
}

/* The digits of one part of an enhanced code at *at. */
static bool
part(struct str s, size_t *at)
{
	size_t from = *at;

	while (*at < s.len && *at - from < DIGITS && digit(s.data[*at]))
		(*at)++;
	return *at > from;
}

/* "4.7.1 text" (RFC 2034), of the code's class. */
static void
find_status(struct reply *r, struct str text)
{
	size_t at = 1;

	if (r->status[0] != '\0' || text.len == 0 ||
	    (unsigned)(text.data[0] - '0') != reply_class(r))
		return;
	for (size_t i = 0; i < 2; i++) {
		if (at >= text.len || text.data[at++] != '.' ||
		    !part(text, &at))
			return;
	}
	if (at < text.len && text.data[at] != ' ')
		return;
	memcpy(r->status, text.data, at);
	r->status[at] = '\0';
}

static void
keep(struct reply *r, struct str line)
{
	if (line.len + 1 > JOB_TEXT - r->len)
		return;
	memcpy(r->text + r->len, line.data, line.len);
	r->len += line.len;
	r->text[r->len++] = '\n';
	r->text[r->len] = '\0';
}

static enum reply_result
failure(enum stream_result from)
{
	switch (from) {
	case STREAM_CLOSED:
		return REPLY_CLOSED;
	case STREAM_TIMEOUT:
		return REPLY_TIMEOUT;
	case STREAM_ERROR:
		return REPLY_ERROR;
	case STREAM_OK:
	case STREAM_LONG:
		break;
	}
	return REPLY_GARBLED;
}

static enum reply_result
none(struct reply *r, enum reply_result why)
{
	r->code = 0;
	return why;
}

enum reply_result
reply_read(struct stream *s, int64_t deadline, struct reply *r,
    reply_line *each, void *context)
{
	size_t lines = 0, bytes = 0;
	bool more = true;

	*r = (struct reply){.code = 0};
	while (more) {
		struct str line, text;
		enum stream_result got = stream_line(s, deadline, &line);

		if (got != STREAM_OK)
			return none(r, failure(got));
		bytes += line.len;
		if (++lines > REPLY_LINES || bytes > REPLY_BYTES ||
		    !parse(line, &r->code, &more, &text))
			return none(r, REPLY_GARBLED);
		find_status(r, text);
		keep(r, line);
		if (each != NULL)
			each(context, text);
		if (lines == 1 &&
		    clock_boot() + REPLY_SECONDS * INT64_C(1000000) < deadline)
			deadline =
			    clock_boot() + REPLY_SECONDS * INT64_C(1000000);
	}
	if (r->status[0] != '\0' && r->status[0] != (char)(r->code / 100 + '0'))
		r->status[0] = '\0';
	return REPLY_OK;
}

unsigned
reply_class(const struct reply *r)
{
	return r->code / 100;
}
