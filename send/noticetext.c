/* noticetext: foreign text made fit for a notice; see noticetext.h. */
#include "send/noticetext.h"

#include "lib/num.h"

static char
printable(char c)
{
	return (char)(c >= ' ' && c < 127 ? c : '?');
}

bool
noticetext_report(struct buf *b, struct str report)
{
	bool line_end = true; /* a first line that is blank is one, too */

	while (report.len > 0 && report.data[report.len - 1] == '\n')
		report.len--;
	for (size_t i = 0; i < report.len; i++) {
		char c = report.data[i];

		if (c == '\n' && line_end)
			c = '/';
		line_end = c == '\n';
		if (!buf_append_byte(b, line_end ? c : printable(c)))
			return false;
	}
	return buf_append_byte(b, '\n');
}

static bool
put_field(struct buf *b, struct str value, const char *line_end)
{
	size_t before = b->len;

	value = str_trim(value);
	for (size_t i = 0; i < value.len && b->len - before < NOTICE_FIELD;
	     i++) {
		char c = value.data[i];

		if (c == '\n' ? !buf_append_text(b, line_end)
			      : !buf_append_byte(b, printable(c)))
			return false;
	}
	return true;
}

bool
noticetext_field(struct buf *b, struct str value)
{
	return put_field(b, value, " / ");
}

bool
noticetext_address(struct buf *b, struct str address)
{
	size_t before = b->len;

	if (!put_field(b, address, "?"))
		return false;
	for (size_t i = before; i < b->len; i++)
		if (b->data[i] == ' ')
			b->data[i] = '?';
	return true;
}

bool
noticetext_xtext(struct buf *b, struct str xtext)
{
	struct buf decoded = {.max = NOTICE_FIELD};
	bool ok = true;

	for (size_t i = 0; i < xtext.len && ok; i++) {
		char c = xtext.data[i];
		unsigned char byte;

		if (c == '+' &&
		    num_unhex(str_slice(xtext, i + 1, i + 3), &byte, 1)) {
			c = (char)byte;
			i += 2;
		}
		ok = decoded.len == decoded.max || buf_append_byte(&decoded, c);
	}
	ok = ok && put_field(b, buf_str(&decoded), "?");
	buf_free(&decoded);
	return ok;
}

/* Up to three digits of *s, which moves behind them. */
static bool
take_digits(struct str *s)
{
	size_t n = 0;

	while (n < s->len && n < 4 && s->data[n] >= '0' && s->data[n] <= '9')
		n++;
	*s = str_slice(*s, n, s->len);
	return n > 0 && n < 4;
}

static bool
take_dot(struct str *s)
{
	bool dot = s->len > 0 && s->data[0] == '.';

	*s = str_slice(*s, 1, s->len);
	return dot;
}

struct str
noticetext_status(struct str s)
{
	struct str rest = str_slice(s, 1, s.len);

	/* RFC 3463, 2 */
	if (s.len > 0 && (s.data[0] == '4' || s.data[0] == '5') &&
	    take_dot(&rest) && take_digits(&rest) && take_dot(&rest) &&
	    take_digits(&rest) && rest.len == 0)
		return s;
	return str_of("5.0.0");
}

bool
noticetext_is_smtp(struct str reply)
{
	struct str rest = reply;

	return reply.len > 3 &&
	       (reply.data[0] == '4' || reply.data[0] == '5') &&
	       take_digits(&rest) && reply.len - rest.len == 3 &&
	       (rest.data[0] == ' ' || rest.data[0] == '-');
}

bool
noticetext_is_8bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 128)
			return true;
	return false;
}
