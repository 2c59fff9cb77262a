/* rule: one line of an access list; see rule.h. */
#include "control/rule.h"

#include "lib/num.h"
#include <stdint.h>
#include <string.h>

enum {
	HEAD = 12, /* lengths of key and value, number of the line */
	BYTE_MAX = 255,
	BITS4 = 32,
	BITS6 = 128,
	MAPPED = BITS6 - BITS4 /* bits before an IPv4 address in struct ip */
};

/* A line on its way. */
struct making {
	struct buf *out;
	size_t line;
	struct str value;
};

static bool
faulty(struct fault *f, const char *what, struct str near)
{
	f->what = what;
	f->near = near;
	return false;
}

static bool
is_letter(char c)
{
	return (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
name_ok(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_letter(s.data[i]) && (i == 0 || !is_digit(s.data[i])))
			return false;
	return s.len > 0;
}

/* One ",NAME="VALUE"" from the front of *rest, which begins with the comma. */
static bool
add_variable(struct buf *value, struct str *rest, struct fault *f)
{
	struct str all = *rest, name, text;
	size_t equal = str_find(all, '=');

	name = str_slice(all, 1, equal);
	if (all.data[0] != ',' || equal == all.len || !name_ok(name))
		return faulty(f,
		    "neither a comma and NAME=\"VALUE\" nor the "
		    "end",
		    all);
	if (equal + 1 == all.len)
		return faulty(f, "no quotation mark behind", name);
	text = str_slice(all, equal + 2, all.len);
	text.len = str_find(text, all.data[equal + 1]);
	if (equal + 2 + text.len == all.len)
		return faulty(f, "the value has no second quotation mark", all);
	*rest = str_slice(all, equal + 2 + text.len + 1, all.len);
	return (buf_append_byte(value, '+') && buf_append_str(value, name) &&
		   buf_append_byte(value, '=') && buf_append_str(value, text) &&
		   buf_append_byte(value, '\0')) ||
	       faulty(f, "out of memory", (struct str){0});
}

static bool
compile_value(struct buf *value, struct str rest, struct fault *f)
{
	struct str allow = str_of("allow"), deny = str_of("deny");

	if (str_starts(rest, allow))
		rest = str_slice(rest, allow.len, rest.len);
	else if (!str_starts(rest, deny))
		return faulty(f, "neither allow nor deny", rest);
	else if (!buf_append(value, "D", 2))
		return faulty(f, "out of memory", (struct str){0});
	else
		rest = str_slice(rest, deny.len, rest.len);
	while (rest.len > 0)
		if (!add_variable(value, &rest, f))
			return false;
	return true;
}

static bool
add_pair(struct making *m, struct str key)
{
	unsigned char head[HEAD];
	size_t before = m->out->len;

	num_put32(head, (uint32_t)key.len);
	num_put32(head + 4, (uint32_t)m->value.len);
	num_put32(head + 8, (uint32_t)m->line);
	if (buf_append(m->out, head, HEAD) && buf_append_lower(m->out, key) &&
	    buf_append_str(m->out, m->value))
		return true;
	m->out->len = before;
	return false;
}

bool
rule_next(struct str *compiled, struct rule *r)
{
	const unsigned char *head = (const unsigned char *)compiled->data;
	size_t key, value;

	if (compiled->len < HEAD)
		return false;
	key = num_get32(head);
	value = num_get32(head + 4);
	*compiled = str_slice(*compiled, HEAD, compiled->len);
	r->line = num_get32(head + 8);
	r->key = str_slice(*compiled, 0, key);
	r->value = str_slice(*compiled, key, key + value);
	*compiled = str_slice(*compiled, key + value, compiled->len);
	return true;
}

size_t
rule_line(struct str key)
{
	return num_get32((const unsigned char *)key.data - 4);
}

bool
rule_key(struct buf *b, const struct ip *a)
{
	char text[IP_SIZE];

	ip_format(text, a);
	if (ip_is4(a))
		return buf_append_text(b, text);
	return buf_append_byte(b, '[') && buf_append_text(b, text) &&
	       buf_append_byte(b, ']');
}

/* a without what is behind its first bits, of 128. */
static struct ip
masked(const struct ip *a, unsigned bits)
{
	struct ip m = *a;

	for (unsigned i = 0; i < sizeof(m.bytes); i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8
				: bits > 8 * i      ? bits - 8 * i
						    : 0;

		m.bytes[i] &= (unsigned char)(0xff00U >> keep);
	}
	return m;
}

/* "10." or "192.168.", of whole numbers. */
static bool
add_prefix(struct buf *b, const struct ip *a, unsigned numbers)
{
	for (unsigned i = 0; i < numbers; i++)
		if (!buf_append_number(b, a->bytes[MAPPED / 8 + i]) ||
		    !buf_append_byte(b, '.'))
			return false;
	return true;
}

bool
rule_network(struct buf *b, const struct ip *a, unsigned bits)
{
	bool four = ip_is4(a);
	struct ip net = masked(a, four ? bits + MAPPED : bits);

	if (bits == (four ? BITS4 : BITS6))
		return rule_key(b, a);
	if (four && bits > 0 && bits % 8 == 0)
		return add_prefix(b, a, bits / 8);
	return rule_key(b, &net) && buf_append_byte(b, '/') &&
	       buf_append_number(b, bits);
}

/* An address of either family as rules write it. */
static bool
parse_ip(struct str s, struct ip *a)
{
	bool brackets =
	    s.len > 2 && s.data[0] == '[' && s.data[s.len - 1] == ']';

	if (brackets)
		s = str_slice(s, 1, s.len - 1);
	return ip_parse(s, a) && brackets == (str_find(s, ':') < s.len);
}

static bool
number_ok(struct str s)
{
	uint64_t n;

	return num_parse(s, BYTE_MAX, &n) && (s.len == 1 || s.data[0] != '0');
}

/* One to three numbers, each with a dot behind it. */
static bool
prefix_ok(struct str s)
{
	struct str number;
	unsigned numbers = 0;

	if (s.len == 0 || s.data[s.len - 1] != '.')
		return false;
	while (str_cut(&s, '.', &number)) {
		if (!number_ok(number) || ++numbers > 3)
			return false;
	}
	return true;
}

/* Letters, digits, hyphens, underscores, dots. */
static bool
host_ok(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.')
			return false;
	}
	return true;
}

static bool
add_parts(struct making *m, struct str left, uint64_t n, struct str right)
{
	struct buf b = {0};
	struct ip a;
	bool ok = buf_append_str(&b, left) && buf_append_number(&b, n) &&
		  buf_append_str(&b, right);

	/* Of the form that the whole line has: this says whether it is one. */
	ok = ok && (parse_ip(buf_str(&b), &a) || prefix_ok(buf_str(&b))) &&
	     add_pair(m, buf_str(&b));
	buf_free(&b);
	return ok;
}

/* "1.2.3.4-9": the numbers stand around the one hyphen. */
static bool
add_range(struct making *m, struct str s, struct fault *f)
{
	size_t hyphen = str_find(s, '-');
	struct str head = str_slice(s, 0, hyphen);
	struct str tail = str_slice(s, hyphen + 1, s.len);
	size_t dot = str_rfind(head, '.'), end = str_find(tail, '.');
	size_t start = dot == head.len ? 0 : dot + 1;
	struct str first = str_slice(head, start, head.len);
	struct str last = str_slice(tail, 0, end);
	uint64_t from, to;

	if (!number_ok(first) || !number_ok(last) ||
	    !num_parse(first, BYTE_MAX, &from) ||
	    !num_parse(last, BYTE_MAX, &to) || from > to)
		return faulty(f, "not a range of addresses", s);
	for (; from <= to; from++)
		if (!add_parts(m, str_slice(head, 0, start), from,
			str_slice(tail, end, tail.len)))
			return faulty(f, "not a range of addresses", s);
	return true;
}

static bool
add_network(struct making *m, struct str s, struct fault *f)
{
	size_t slash = str_find(s, '/');
	struct str bits = str_slice(s, slash + 1, s.len);
	struct buf key = {0};
	struct ip a, net;
	uint64_t n;
	bool ok;

	if (!parse_ip(str_slice(s, 0, slash), &a) ||
	    !num_parse(bits, ip_is4(&a) ? BITS4 : BITS6, &n) || bits.len > 3)
		return faulty(f, "not a network", s);
	net = masked(&a, (unsigned)n + (ip_is4(&a) ? MAPPED : 0));
	if (!ip_equal(&net, &a))
		return faulty(f, "the network has bits behind its prefix", s);
	ok = rule_network(&key, &a, (unsigned)n) && add_pair(m, buf_str(&key));
	buf_free(&key);
	return ok || faulty(f, "out of memory", (struct str){0});
}

/* With a user by ident before it, or without. */
static bool
add_exact(struct making *m, struct str info, struct str s, struct fault *f)
{
	struct buf key = {0};
	struct ip a;
	bool ip = parse_ip(s, &a);
	bool host = s.len > 1 && s.data[0] == '=' && s.data[1] != '.' &&
		    host_ok(str_slice(s, 1, s.len));
	bool ok;

	if (!ip && !host)
		return faulty(f, "not an address", s);
	ok = buf_append_str(&key, info) &&
	     (ip ? rule_key(&key, &a) : buf_append_str(&key, s)) &&
	     add_pair(m, buf_str(&key));
	buf_free(&key);
	return ok || faulty(f, "out of memory", (struct str){0});
}

/* The address is all of s: which of the forms of rule.h it has. */
static bool
add_address(struct making *m, struct str s, struct fault *f)
{
	size_t at = str_rfind(s, '@');
	struct str rest = str_slice(s, 1, s.len);

	if (at < s.len)
		return at == 0 ? faulty(f, "nobody before the @", s)
			       : add_exact(m, str_slice(s, 0, at + 1),
				     str_slice(s, at + 1, s.len), f);
	if (s.len == 0 || prefix_ok(s) ||
	    (s.data[0] == '=' && host_ok(rest) &&
		(rest.len == 0 || (rest.data[0] == '.' && rest.len > 1))))
		return add_pair(m, s) ||
		       faulty(f, "out of memory", (struct str){0});
	if (str_find(s, '/') < s.len)
		return add_network(m, s, f);
	if (str_find(s, '-') < s.len && s.data[0] != '=')
		return add_range(m, s, f);
	return add_exact(m, (struct str){"", 0}, s, f);
}

/* Where the colon behind the address is: an IPv6 address has its own within
 * brackets, and an address over VALUE_KEY is nobody's. */
static size_t
find_colon(struct str s)
{
	size_t colon = str_find(s, ':'), open = str_find(s, '[');

	if (open < colon) {
		size_t close = str_find(s, ']');

		colon = close + str_find(str_slice(s, close, s.len), ':');
	}
	return colon < s.len ? colon : s.len;
}

bool
rule_compile(struct str text, size_t line, struct buf *out, struct fault *f)
{
	size_t colon = find_colon(text);
	struct str address = str_slice(text, 0, colon);
	struct buf value = {0};
	struct making m = {out, line, {0}};
	bool ok;

	if (colon == text.len)
		return faulty(f, "no colon", text);
	if (address.len > VALUE_KEY)
		return faulty(f, "the address is too long", (struct str){0});
	ok = compile_value(&value, str_slice(text, colon + 1, text.len), f);
	m.value = buf_str(&value);
	ok = ok && add_address(&m, address, f);
	buf_free(&value);
	return ok;
}

bool
rule_compile_network(
    struct str text, size_t line, struct buf *out, struct fault *f)
{
	struct making m = {
	    out, line, {"", 0}
        };

	if (text.len > VALUE_KEY || str_find(text, '=') < text.len ||
	    str_find(text, '@') < text.len)
		return faulty(f, "neither an address nor a network", text);
	return add_address(&m, text, f);
}

/* A mark that is not in the value. */
static char
mark_for(struct str value)
{
	struct str marks = str_of("\"'/|%~^:;!?*+$&()<>{}[]=@#.,-_`\\");

	for (size_t i = 0; i < marks.len; i++)
		if (str_find(value, marks.data[i]) == value.len)
			return marks.data[i];
	return '\0';
}

bool
rule_format(struct buf *b, struct str value)
{
	bool deny = value.len >= 2 && memcmp(value.data, "D", 2) == 0;
	struct str one, name;
	bool ok = buf_append_text(b, deny ? ":deny" : ":allow");

	value = str_slice(value, deny ? 2 : 0, value.len);
	while (ok && str_cut(&value, '\0', &one)) {
		char mark;

		if (!str_starts(one, str_of("+")) || !str_cut(&one, '=', &name))
			return false;
		mark = mark_for(one);
		ok = mark != '\0' && buf_append_byte(b, ',') &&
		     buf_append_str(b, str_slice(name, 1, name.len)) &&
		     buf_append_byte(b, '=') && buf_append_byte(b, mark) &&
		     buf_append_str(b, one) && buf_append_byte(b, mark);
	}
	return ok;
}
