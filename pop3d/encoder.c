/* encoder: lines end in CRLF, and dots are doubled; see encoder.h. */
#include "pop3d/encoder.h"

static void
put(struct encoder *e, struct str s)
{
	e->octets += s.len;
	writer_put(e->out, s.data, s.len);
}

/* Bytes without a LF, in one line. */
static void
piece(struct encoder *e, struct str s)
{
	if (s.len == 0)
		return;
	if (e->column == 0 && s.data[0] == '.')
		writer_put(e->out, ".", 1);
	put(e, s);
	e->column += s.len;
	e->cr = s.data[s.len - 1] == '\r';
}

/* A line is full.  The empty line that ends the header is none of the body. */
static void
line_end(struct encoder *e)
{
	bool blank = e->column == 0 || (e->column == 1 && e->cr);

	put(e, e->cr ? (struct str){"\n", 1} : (struct str){"\r\n", 2});
	if (e->body && e->body_lines != ENCODER_ALL)
		e->body_lines--;
	e->body = e->body || blank;
	e->done = e->body && e->body_lines == 0;
	e->column = 0;
	e->cr = false;
}

void
encoder_open(struct encoder *e, struct writer *out, uint64_t body_lines)
{
	*e = (struct encoder){.out = out, .body_lines = body_lines};
}

bool
encoder_put(struct encoder *e, struct str bytes)
{
	while (bytes.len > 0 && !e->done) {
		size_t lf = str_find(bytes, '\n');

		piece(e, str_slice(bytes, 0, lf));
		if (lf == bytes.len)
			break;
		line_end(e);
		bytes = str_slice(bytes, lf + 1, bytes.len);
	}
	return !e->done;
}

void
encoder_end(struct encoder *e)
{
	if (e->column == 0)
		return;
	e->cr = false; /* a CR at the very end is one more byte of the line */
	line_end(e);
}
