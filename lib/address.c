/* address: mailbox addresses of SMTP; see address.h. */
#include "lib/address.h"

#include "lib/utf8.h"
#include <errno.h>

enum { LABEL_MAX = 63 }; /* octets of ASCII, characters of others */

/* What is being read, and how far. */
struct scan {
	struct str s;
	size_t at;
	bool utf8;
};

/* Where the parts stand in the buffer, which may still move. */
struct spot {
	size_t local_len, domain_from;
	bool literal;
	struct ip ip;
};

static bool
is_letdig(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

static bool
is_one_of(char c, const char *set)
{
	return str_find(str_of(set), c) < str_of(set).len;
}

/* RFC 5322, 3.2.3, without what lies beyond ASCII. */
static bool
is_atext(unsigned char c)
{
	return is_letdig(c) || is_one_of((char)c, "!#$%&'*+-/=?^_`{|}~");
}

static unsigned char
byte_at(struct str s, size_t at)
{
	return at < s.len ? (unsigned char)s.data[at] : 0;
}

static bool
take(struct scan *c, char wanted)
{
	if (c->at >= c->s.len || c->s.data[c->at] != wanted)
		return false;
	c->at++;
	return true;
}

/* Dots that UTS 46 maps to '.', which would make two labels of one later. */
static bool
is_dot_like(struct str s, size_t at)
{
	static const char *const dots[] = {
	    "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};

	for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++)
		if (str_starts(str_slice(s, at, s.len), str_of(dots[i])))
			return true;
	return false;
}

/* Move n bytes of the local part to out. */
static enum address_result
move(struct scan *c, struct buf *out, size_t n)
{
	if (out->len + n > ADDRESS_LOCAL_MAX)
		return ADDRESS_TOO_LONG;
	if (!buf_append(out, c->s.data + c->at, n))
		return ADDRESS_MEMORY;
	c->at += n;
	return ADDRESS_OK;
}

/* How many octets the character beyond ASCII has that begins here. */
static enum address_result
measure(const struct scan *c, size_t *n)
{
	if (!c->utf8)
		return ADDRESS_UTF8;
	*n = utf8_length(c->s, c->at);
	return *n == 0 ? ADDRESS_SYNTAX : ADDRESS_OK;
}

/* One character beyond ASCII, of the local part. */
static enum address_result
move_utf8(struct scan *c, struct buf *out)
{
	size_t n = 0;
	enum address_result r = measure(c, &n);

	return r == ADDRESS_OK ? move(c, out, n) : r;
}

/* One character of an atom; SYNTAX when there is none here. */
static enum address_result
take_atext(struct scan *c, struct buf *out)
{
	unsigned char byte = byte_at(c->s, c->at);

	if (byte >= 0x80)
		return move_utf8(c, out);
	return is_atext(byte) ? move(c, out, 1) : ADDRESS_SYNTAX;
}

static bool
at_atext(const struct scan *c)
{
	unsigned char byte = byte_at(c->s, c->at);

	return byte >= 0x80 || is_atext(byte);
}

/* Dot-string: atoms with single dots between them. */
static enum address_result
read_dotted(struct scan *c, struct buf *out)
{
	enum address_result r;

	do {
		do {
			r = take_atext(c, out);
			if (r != ADDRESS_OK)
				return r;
		} while (at_atext(c));
		if (byte_at(c->s, c->at) != '.')
			return ADDRESS_OK;
		r = move(c, out, 1);
	} while (r == ADDRESS_OK);
	return r;
}

/* Quoted-string, the opening quote already taken. */
static enum address_result
read_quoted(struct scan *c, struct buf *out)
{
	enum address_result r;

	while (!take(c, '"')) {
		bool pair = take(c, '\\');
		unsigned char byte = byte_at(c->s, c->at);

		if (byte >= 0x80 && !pair)
			r = move_utf8(c, out);
		else if (byte >= ' ' && byte <= '~')
			r = move(c, out, 1);
		else
			r = ADDRESS_SYNTAX;
		if (r != ADDRESS_OK)
			return r;
	}
	/* Allowed by the letter; as an envelope it would read "@domain", which
	 * is how tables name a whole domain. */
	return out->len == 0 ? ADDRESS_SYNTAX : ADDRESS_OK;
}

static enum address_result
read_local(struct scan *c, struct buf *out)
{
	return take(c, '"') ? read_quoted(c, out) : read_dotted(c, out);
}

/* One character of a label, n octets. */
static enum address_result
check_character(const struct scan *c, size_t *n)
{
	unsigned char byte = byte_at(c->s, c->at);

	*n = 1;
	if (byte >= 0x80)
		return is_dot_like(c->s, c->at) ? ADDRESS_SYNTAX
						: measure(c, n);
	return is_letdig(byte) || byte == '-' || byte == '_' ? ADDRESS_OK
							     : ADDRESS_SYNTAX;
}

/* One label, up to a dot or the end of the name. */
static enum address_result
check_label(struct scan *c)
{
	size_t characters = 0, n;
	enum address_result r;

	for (; c->at < c->s.len && c->s.data[c->at] != '.'; characters++) {
		r = check_character(c, &n);
		if (r != ADDRESS_OK)
			return r;
		c->at += n;
	}
	if (characters == 0)
		return ADDRESS_SYNTAX;
	return characters > LABEL_MAX ? ADDRESS_TOO_LONG : ADDRESS_OK;
}

static enum address_result
check_domain(struct str domain, bool utf8)
{
	struct scan c = {.s = domain, .utf8 = utf8};
	enum address_result r;

	do {
		r = check_label(&c);
		if (r != ADDRESS_OK)
			return r;
	} while (take(&c, '.'));
	return domain.len > ADDRESS_DOMAIN_MAX ? ADDRESS_TOO_LONG : ADDRESS_OK;
}

bool
address_domain_ok(struct str domain, bool utf8)
{
	return check_domain(domain, utf8) == ADDRESS_OK;
}

/* RFC 5321, 4.1.3, the two kinds that are in use. */
static bool
parse_literal(struct str inner, struct ip *ip)
{
	static const char tag[] = "IPv6:";
	size_t len = sizeof(tag) - 1;
	bool six = str_starts_nocase(inner, str_of(tag));

	if (six)
		inner = str_slice(inner, len, inner.len);
	return six == (str_find(inner, ':') < inner.len) && ip_parse(inner, ip);
}

/* "[...]"; *domain is the whole of it. */
static enum address_result
read_literal(struct scan *c, struct str *domain, struct ip *ip)
{
	struct str rest = str_slice(c->s, c->at, c->s.len);
	size_t end = str_find(rest, ']');

	if (end == rest.len || !parse_literal(str_slice(rest, 1, end), ip))
		return ADDRESS_SYNTAX;
	*domain = str_slice(rest, 0, end + 1);
	c->at += end + 1;
	return ADDRESS_OK;
}

/* A name, as far as bytes go that can be in one; without its last dot. */
static enum address_result
read_name(struct scan *c, struct str *domain)
{
	size_t from = c->at;

	for (;; c->at++) {
		unsigned char byte = byte_at(c->s, c->at);

		if (byte < 0x80 && !is_letdig(byte) && byte != '.' &&
		    byte != '-' && byte != '_')
			break;
	}
	*domain = str_slice(c->s, from, c->at);
	if (str_ends(*domain, str_of(".")))
		*domain = str_slice(*domain, 0, domain->len - 1);
	return check_domain(*domain, c->utf8);
}

static enum address_result
read_domain(struct scan *c, struct buf *out, struct spot *spot)
{
	struct str domain = {NULL, 0};
	enum address_result r;

	spot->literal = byte_at(c->s, c->at) == '[';
	r = spot->literal ? read_literal(c, &domain, &spot->ip)
			  : read_name(c, &domain);
	if (r != ADDRESS_OK)
		return r;
	if (!buf_append_byte(out, '@'))
		return ADDRESS_MEMORY;
	spot->domain_from = out->len;
	return buf_append_str(out, domain) ? ADDRESS_OK : ADDRESS_MEMORY;
}

/* local@domain, or "postmaster" alone (RFC 5321, 4.1.1.3). */
static enum address_result
read_mailbox(struct scan *c, struct buf *out, struct spot *spot)
{
	enum address_result r = read_local(c, out);

	if (r != ADDRESS_OK)
		return r;
	spot->local_len = spot->domain_from = out->len;
	if (take(c, '@'))
		return read_domain(c, out, spot);
	return str_equal_nocase(buf_str(out), str_of("postmaster"))
		   ? ADDRESS_OK
		   : ADDRESS_SYNTAX;
}

/* "@a,@b:", which says nothing to us (RFC 5321, appendix C). */
static enum address_result
skip_route(struct scan *c)
{
	struct str domain;
	struct ip ip;
	enum address_result r = ADDRESS_OK;

	if (byte_at(c->s, c->at) != '@')
		return ADDRESS_OK;
	do {
		if (!take(c, '@'))
			return ADDRESS_SYNTAX;
		r = byte_at(c->s, c->at) == '[' ? read_literal(c, &domain, &ip)
						: read_name(c, &domain);
	} while (r == ADDRESS_OK && take(c, ','));
	if (r != ADDRESS_OK)
		return r;
	return take(c, ':') ? ADDRESS_OK : ADDRESS_SYNTAX;
}

/* Now that out does not move any more. */
static void
point(const struct buf *out, const struct spot *spot, struct address *a)
{
	struct str whole = buf_str(out);

	a->local = str_slice(whole, 0, spot->local_len);
	a->domain = str_slice(whole, spot->domain_from, whole.len);
	a->literal = spot->literal;
	a->ip = spot->ip;
}

enum address_result
address_parse_path(struct str s, bool utf8, struct buf *out, struct address *a,
    struct str *rest)
{
	struct scan c = {.s = s, .utf8 = utf8};
	struct spot spot = {0};
	enum address_result r = ADDRESS_SYNTAX;

	buf_clear(out);
	if (!take(&c, '<'))
		return ADDRESS_SYNTAX;
	if (!take(&c, '>')) {
		r = skip_route(&c);
		if (r == ADDRESS_OK)
			r = read_mailbox(&c, out, &spot);
		if (r != ADDRESS_OK)
			return r;
		if (!take(&c, '>'))
			return ADDRESS_SYNTAX;
	}
	if (c.at > ADDRESS_MAX)
		return ADDRESS_TOO_LONG;
	point(out, &spot, a);
	*rest = str_slice(s, c.at, s.len);
	return ADDRESS_OK;
}

enum address_result
address_parse(struct str s, bool utf8, struct buf *out, struct address *a)
{
	struct scan c = {.s = s, .utf8 = utf8};
	struct spot spot = {0};
	enum address_result r;

	buf_clear(out);
	r = read_mailbox(&c, out, &spot);
	if (r != ADDRESS_OK)
		return r;
	if (c.at != s.len)
		return ADDRESS_SYNTAX;
	point(out, &spot, a);
	return ADDRESS_OK;
}

void
address_split(struct str envelope, struct str *local, struct str *domain)
{
	size_t at = str_rfind(envelope, '@');

	*local = str_slice(envelope, 0, at);
	*domain = str_slice(envelope, at + 1, envelope.len);
}

/* The local part needs no quotes. */
static bool
is_dotted(struct str local)
{
	bool dot = true; /* or the start, where no dot may stand either */

	for (size_t i = 0; i < local.len; i++) {
		unsigned char byte = (unsigned char)local.data[i];

		if (byte == '.' ? dot : byte < 0x80 && !is_atext(byte))
			return false;
		dot = byte == '.';
	}
	return !dot;
}

/* No byte that could end a line, a path or a header. */
static bool
is_writable(struct str s, const char *forbidden)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char byte = (unsigned char)s.data[i];

		if (byte < ' ' || byte == 0x7f ||
		    is_one_of(s.data[i], forbidden))
			return false;
	}
	return true;
}

static bool
append_quoted(struct buf *b, struct str local)
{
	if (!buf_append_byte(b, '"'))
		return false;
	for (size_t i = 0; i < local.len; i++) {
		char c = local.data[i];

		if ((c == '"' || c == '\\') && !buf_append_byte(b, '\\'))
			return false;
		if (!buf_append_byte(b, c))
			return false;
	}
	return buf_append_byte(b, '"');
}

static bool
append_mailbox(struct buf *b, struct str local, struct str domain)
{
	if (!(is_dotted(local) ? buf_append_str(b, local)
			       : append_quoted(b, local)))
		return false;
	return domain.len == 0 ||
	       (buf_append_byte(b, '@') && buf_append_str(b, domain));
}

bool
address_quote(struct buf *b, struct str local, struct str domain)
{
	size_t before = b->len;

	if (!is_writable(local, "") || !is_writable(domain, " <>\"\\")) {
		errno = EINVAL;
		return false;
	}
	if (local.len == 0 && domain.len == 0)
		return true;
	if (append_mailbox(b, local, domain))
		return true;
	b->len = before;
	return false;
}
