/* intake: a message as it comes in from a program; see intake.h. */
#include "queue/intake.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum line {
	LINE_NONE, /* the message has ended */
	LINE_EMPTY,
	LINE_FIELD,
	LINE_GOES_ON, /* of the field before it */
	LINE_MBOX,    /* "From " */
	LINE_BODY
};

void
intake_open(struct intake *in, int fd)
{
	in->fd = fd;
	in->eof = in->cr = in->unfinished = false;
	in->error = 0;
	in->pos = in->len = 0;
}

static void
put(struct intake *in, char c)
{
	in->data[in->len++] = c;
	in->unfinished = c != '\n';
}

/* The bytes of one read, moved down where a CR is left out. */
static void
take(struct intake *in, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (in->cr && from[i] != '\n')
			put(in, '\r');
		in->cr = from[i] == '\r';
		if (!in->cr)
			put(in, from[i]);
	}
}

static void
take_end(struct intake *in)
{
	in->eof = true;
	if (in->cr)
		put(in, '\r');
	in->cr = false;
	if (in->unfinished)
		put(in, '\n');
}

/* Read on behind what is not yet used; false when nothing more comes or fits.
 * One CR may be kept back, and one LF be added at the end. */
static bool
fill(struct intake *in)
{
	enum { SPARE = 4 };
	char more[INTAKE_SIZE / 4];
	size_t room;
	ssize_t n;

	if (in->eof || in->error != 0)
		return false;
	memmove(in->data, in->data + in->pos, in->len - in->pos);
	in->len -= in->pos;
	in->pos = 0;
	room = INTAKE_SIZE - in->len;
	if (room <= SPARE)
		return false;
	room -= SPARE;
	do
		n = read(
		    in->fd, more, room < sizeof(more) ? room : sizeof(more));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		in->error = errno;
	else if (n == 0)
		take_end(in);
	else
		take(in, more, (size_t)n);
	return n >= 0;
}

bool
intake_bytes(struct intake *in, struct str *bytes)
{
	while (in->pos == in->len)
		if (!fill(in))
			return false;
	*bytes = (struct str){in->data + in->pos, in->len - in->pos};
	return true;
}

void
intake_use(struct intake *in, size_t n)
{
	in->pos += n;
}

/* The name of a field and its colon: their length; 0: there is none. */
static size_t
find_name(struct str line)
{
	size_t colon = str_find(line, ':'), end = colon;

	if (colon == line.len)
		return 0;
	while (end > 0 &&
	       (line.data[end - 1] == ' ' || line.data[end - 1] == '\t'))
		end--;
	for (size_t i = 0; i < end; i++) {
		unsigned char c = (unsigned char)line.data[i];

		if (c <= ' ' || c >= 127)
			return 0;
	}
	return end == 0 ? 0 : colon + 1;
}

/* What the next line is, by as much of it as a name is long. */
static enum line
look(struct intake *in, bool in_field)
{
	struct str s;
	size_t end;

	while (in->len - in->pos < INTAKE_NAME &&
	       memchr(in->data + in->pos, '\n', in->len - in->pos) == NULL)
		if (!fill(in))
			break;
	s = (struct str){in->data + in->pos, in->len - in->pos};
	if (s.len == 0)
		return LINE_NONE;
	end = str_find(s, '\n');
	if (end == 0)
		return LINE_EMPTY;
	s = str_slice(s, 0, end < INTAKE_NAME ? end : INTAKE_NAME);
	if (in_field && (s.data[0] == ' ' || s.data[0] == '\t'))
		return LINE_GOES_ON;
	if (str_starts(s, str_of("From ")))
		return LINE_MBOX;
	return find_name(s) > 0 ? LINE_FIELD : LINE_BODY;
}

/* The rest of the line, its LF included. */
static bool
take_line(struct intake *in, struct buf *out)
{
	struct str s;
	bool whole = false;

	while (!whole && intake_bytes(in, &s)) {
		size_t n = str_find(s, '\n');

		whole = n < s.len;
		if (whole)
			n++;
		if (!buf_append(out, s.data, n))
			return false;
		intake_use(in, n);
	}
	return true;
}

bool
intake_header(struct intake *in, struct buf *out, bool *blank)
{
	bool in_field = false;
	enum line line;

	out->max = INTAKE_HEADER;
	for (;;) {
		line = look(in, in_field);
		if (in->error != 0) {
			errno = in->error;
			return false;
		}
		if (line == LINE_NONE || line == LINE_EMPTY ||
		    line == LINE_BODY)
			break;
		if (line == LINE_MBOX && !buf_append_text(out, "MBOX-Line: "))
			return false;
		if (!take_line(in, out))
			return false;
		in_field = true;
	}
	*blank = line == LINE_EMPTY;
	return true;
}

bool
intake_field(struct str *rest, struct str *name, struct str *contents)
{
	size_t colon = str_find(*rest, ':'), end = colon + 1;

	if (rest->len == 0)
		return false;
	do
		end += str_find(str_slice(*rest, end, rest->len), '\n') + 1;
	while (end < rest->len &&
	       (rest->data[end] == ' ' || rest->data[end] == '\t'));
	*name = str_trim(str_slice(*rest, 0, colon));
	*contents = str_slice(*rest, colon + 1, end - 1);
	*rest = str_slice(*rest, end, rest->len);
	return true;
}
