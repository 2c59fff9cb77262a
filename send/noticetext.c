/* noticetext: foreign text made fit for a notice; see noticetext.h. */
#include "send/noticetext.h"

#include "lib/num.h"
#include "lib/utf8.h"

static char
printable(char c)
{
	return (char)(c >= ' ' && c < 127 ? c : '?');
}

bool
noticetext_report(struct buf *b, struct str report)
{
	bool line_end = true; /* a first line that is blank is one, too */
	size_t line = 0;

	while (report.len > 0 && report.data[report.len - 1] == '\n')
		report.len--;
	for (size_t i = 0; i < report.len; i++) {
		char c = report.data[i];

		if (c == '\n' && line_end)
			c = '/';
		line_end = c == '\n';
		if (line_end)
			line = 0;
		else if (line++ % NOTICE_FIELD == NOTICE_FIELD - 1 &&
			 !buf_append_byte(b, '\n'))
			return false;
		if (!buf_append_byte(b, line_end ? c : printable(c)))
			return false;
	}
	return buf_append_byte(b, '\n');
}

/* Bytes of the character at i that stay as they are; 0: none beyond ASCII. */
static size_t
kept(struct str s, size_t i, bool utf8)
{
	return utf8 ? utf8_length(s, i) : 0;
}

static bool
put_field(struct buf *b, struct str value, const char *line_end, bool utf8)
{
	size_t before = b->len, n;

	value = str_trim(value);
	for (size_t i = 0; i < value.len && b->len - before < NOTICE_FIELD;
	     i += n) {
		char c = value.data[i];
		bool ok;

		n = kept(value, i, utf8);
		if (n > 0)
			ok = buf_append(b, value.data + i, n);
		else if (c == '\n')
			ok = buf_append_text(b, line_end);
		else
			ok = buf_append_byte(b, printable(c));
		if (!ok)
			return false;
		n = n > 0 ? n : 1;
	}
	return true;
}

bool
noticetext_field(struct buf *b, struct str value)
{
	return put_field(b, value, " / ", false);
}

static bool
put_address(struct buf *b, struct str address, bool utf8)
{
	size_t before = b->len;

	if (!put_field(b, address, "?", utf8))
		return false;
	for (size_t i = before; i < b->len; i++)
		if (b->data[i] == ' ')
			b->data[i] = '?';
	return true;
}

bool
noticetext_address(struct buf *b, struct str address)
{
	return put_address(b, address, false);
}

bool
noticetext_utf8_address(struct buf *b, struct str address)
{
	return put_address(b, address, true);
}

static bool
put_xtext(struct buf *b, struct str xtext, bool utf8)
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
	ok = ok && put_field(b, buf_str(&decoded), "?", utf8);
	buf_free(&decoded);
	return ok;
}

bool
noticetext_xtext(struct buf *b, struct str xtext)
{
	return put_xtext(b, xtext, false);
}

bool
noticetext_utf8_xtext(struct buf *b, struct str xtext)
{
	return put_xtext(b, xtext, true);
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

static bool
host_byte(char c)
{
	c = str_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == ':' || c == '[' || c == ']' || c == '_';
}

struct str
noticetext_host(struct str via)
{
	struct str how;
	size_t address;

	if (!str_cut(&via, ' ', &how) || (!str_equal(how, str_of("smtp")) &&
					     !str_equal(how, str_of("lmtp"))))
		return (struct str){"", 0};
	for (size_t i = 0; i < via.len; i++)
		if (!host_byte(via.data[i]))
			return (struct str){"", 0};
	address = str_find(via, '[');
	if (address == 0 && str_find(via, ']') == via.len)
		return (struct str){"", 0};
	return str_slice(
	    via, 0, address > 0 ? address : str_find(via, ']') + 1);
}

struct str
noticetext_status(struct str s, char class)
{
	struct str rest = str_slice(s, 1, s.len);
	/* What is given up after deferrals keeps the last one's status. */
	const char also = class == '5' ? '4' : class;

	/* RFC 3463, 2 */
	if (s.len > 0 && (s.data[0] == class || s.data[0] == also) &&
	    take_dot(&rest) && take_digits(&rest) && take_dot(&rest) &&
	    take_digits(&rest) && rest.len == 0)
		return s;
	return str_of(class == '2'   ? "2.0.0"
		      : class == '4' ? "4.0.0"
				     : "5.0.0");
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

/* Where part begins in s; s.len when it is not there. */
static size_t
place(struct str s, struct str part)
{
	for (size_t i = 0; i < s.len; i++)
		if (str_starts(str_slice(s, i, s.len), part))
			return i;
	return s.len;
}

struct str
noticetext_smtp(struct str report)
{
	const struct str said = str_of("Remote host said: ");
	size_t at = place(report, said);
	struct str reply;

	if (noticetext_is_smtp(report))
		return report;
	if (at == report.len)
		return str_of("");
	reply = str_slice(report, at + said.len, report.len);
	reply.len = place(reply, str_of("\nGiving up on "));
	return noticetext_is_smtp(reply) ? reply : str_of("");
}

bool
noticetext_is_8bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 128)
			return true;
	return false;
}
