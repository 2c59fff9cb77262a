/* way: one line of smtproutes, authsenders or outgoingip; see way.h. */
#include "control/way.h"

#include "control/tlsrule.h"
#include "lib/num.h"

enum { PORT_MAX = 65535 };

static const struct str nothing = {"", 0};

/* What stands behind a bar, or as some relatives of qmail write it behind a
 * blank, may be a password. */
static bool
faulty(struct fault *f, const char *what, struct str near)
{
	near = str_slice(near, 0, str_find(near, '|'));
	f->what = what;
	f->near = str_slice(near, 0, str_find(near, ' '));
	return false;
}

/* As fault->what; a name that DNS could not hold is malformed. */
static bool
judge(enum idn_result r, const char *what, struct str near, struct fault *f)
{
	if (r == IDN_MEMORY)
		return faulty(f, "out of memory", nothing);
	return r == IDN_OK || faulty(f, what, near);
}

static bool
in_brackets(struct str s)
{
	return s.len >= 2 && s.data[0] == '[' && s.data[s.len - 1] == ']';
}

/* An address, in brackets or not, "IPv6:" before it or not. */
static bool
parse_ip(struct str s, struct ip *ip)
{
	static const char tag[] = "IPv6:";

	if (!in_brackets(s))
		return ip_parse(s, ip);
	s = str_slice(s, 1, s.len - 1);
	if (!str_starts_nocase(s, str_of(tag)))
		return ip_parse(s, ip);
	s = str_slice(s, sizeof tag - 1, s.len);
	return str_find(s, ':') < s.len && ip_parse(s, ip);
}

/* The literal of an address as it is written and looked up. */
static void
write_literal(char out[NEXTHOP_HOST], const struct ip *ip)
{
	_Static_assert(NEXTHOP_HOST - IP_LITERAL_SIZE >= 0, "a literal fits");
	_Static_assert(NEXTHOP_HOST - IDN_SIZE >= 0, "a name fits");
	ip_literal(out, ip);
}

/* A name; an address without brackets is no name, but as good as its literal,
 * as it is in qmail. */
static enum idn_result
write_name(char out[NEXTHOP_HOST], struct str name)
{
	enum idn_result r = idn_to_ascii(out, name);
	struct ip ip;

	if (r == IDN_OK && ip_parse(str_of(out), &ip))
		write_literal(out, &ip);
	return r;
}

enum idn_result
way_domain(char out[NEXTHOP_HOST], struct str domain)
{
	struct ip ip;

	if (!in_brackets(domain))
		return write_name(out, domain);
	out[0] = '\0';
	if (!parse_ip(domain, &ip))
		return IDN_MALFORMED;
	write_literal(out, &ip);
	return IDN_OK;
}

/* The name of a host to connect to, or an address. */
static bool
parse_host(struct str s, char out[NEXTHOP_HOST], struct fault *f)
{
	struct str name = in_brackets(s) ? str_slice(s, 1, s.len - 1) : s;
	struct ip ip;

	if (parse_ip(s, &ip)) {
		write_literal(out, &ip);
		return true;
	}
	return judge(write_name(out, name), "not a host", s, f);
}

/* A host and a port, each of which may be missing. */
struct relay {
	struct str host, port;
	bool has_port;
};

static bool
cut_brackets(struct str s, struct relay *r, struct fault *f)
{
	size_t end = str_find(s, ']') + 1;

	if (end > s.len)
		return faulty(f, "a bracket is not closed", s);
	r->host = str_slice(s, 0, end);
	r->has_port = end < s.len;
	if (r->has_port && s.data[end] != ':' && s.data[end] != ';')
		return faulty(f, "neither a port nor the end", s);
	r->port = str_slice(s, end + 1, s.len);
	return true;
}

static bool
cut_relay(struct str s, struct relay *r, struct fault *f)
{
	size_t at = str_find(s, ';');
	struct ip ip;

	if (s.len > 0 && s.data[0] == '[')
		return cut_brackets(s, r, f);
	if (at == s.len)
		at = str_find(s, ':');
	r->host = str_slice(s, 0, at);
	r->has_port = at < s.len;
	r->port = str_slice(s, at + 1, s.len);
	/* Which of its colons would be the port's? */
	if (ip_parse(s, &ip) && !ip_is4(&ip))
		return faulty(f, "an IPv6 address wants brackets", s);
	return true;
}

static bool
is_number(struct str s)
{
	uint64_t n;

	return num_parse(s, UINT64_MAX, &n);
}

static bool
cut_lmtp(struct str *s)
{
	static const char tag[] = "lmtp:";
	struct str rest = str_slice(*s, sizeof tag - 1, s->len);

	if (!str_starts_nocase(*s, str_of(tag)) || is_number(rest))
		return false;
	*s = rest;
	return true;
}

static bool
parse_relay(struct str s, struct nexthop *n, struct fault *f)
{
	struct relay r;
	uint64_t port;

	n->lmtp = cut_lmtp(&s);
	port = n->lmtp ? NEXTHOP_LMTP : NEXTHOP_SMTP;
	if (!cut_relay(s, &r, f))
		return false;
	if (r.has_port && (!num_parse(r.port, PORT_MAX, &port) || port == 0))
		return faulty(f, "not a port", s);
	n->port = (uint16_t)port;
	n->tls = port == NEXTHOP_SMTPS && !n->lmtp;
	n->mx = r.host.len == 0;
	if (n->mx)
		return !n->lmtp || faulty(f, "lmtp: without a host", nothing);
	return parse_host(r.host, n->host, f);
}

/* What follows the relay; begins with '|' if it is anything. */
static bool
parse_login(struct str s, struct nexthop *n, struct fault *f)
{
	struct str both = str_slice(s, 1, s.len);
	size_t bar = str_find(both, '|');

	if (s.len == 0)
		return true;
	n->user = str_slice(both, 0, bar);
	n->password = str_slice(both, bar + 1, both.len);
	if ((n->user.len == 0) != (n->password.len == 0) || bar == both.len)
		return faulty(f, "not |user|password", nothing);
	if (n->user.len > NEXTHOP_LOGIN || n->password.len > NEXTHOP_LOGIN)
		return faulty(f, "user or password is too long", nothing);
	/* Whoever answers for a domain is not to be told. */
	if (n->user.len > 0 && n->mx)
		return faulty(f, "a password without a relay", nothing);
	return true;
}

bool
way_parse(struct str value, struct nexthop *n, struct fault *f)
{
	size_t bar = str_find(value, '|');

	*n = (struct nexthop){.user = nothing, .password = nothing};
	return parse_relay(str_slice(value, 0, bar), n, f) &&
	       parse_login(str_slice(value, bar, value.len), n, f);
}

bool
way_parse_source(struct str value, struct nexthop_source *s, struct fault *f)
{
	static const struct ip zero6, zero4 = {
					  .bytes = {[10] = 255, 255}
        };
	struct str one, rest = value;
	unsigned count4 = 0, count6 = 0;
	struct ip ip;

	*s = (struct nexthop_source){0};
	while (str_cut(&rest, ',', &one)) {
		if (!parse_ip(str_trim(one), &ip))
			return faulty(f, "not an address", one);
		if (ip_is4(&ip)) {
			count4++;
			s->has4 = !ip_equal(&ip, &zero4);
			s->ip4 = ip;
		} else {
			count6++;
			s->has6 = !ip_equal(&ip, &zero6);
			s->ip6 = ip;
		}
	}
	if (count4 > 1 || count6 > 1)
		return faulty(f, "two addresses of one family", value);
	return count4 + count6 > 0 || faulty(f, "no address", value);
}

/* Where the key of a line ends: at the first colon that is not in brackets. */
static size_t
key_end(struct str line)
{
	size_t open = str_find(line, '['), colon = str_find(line, ':');
	size_t close = str_find(line, ']');

	if (open > colon || close == line.len || close < open ||
	    (open > 0 && line.data[open - 1] != '@'))
		return colon;
	colon = str_find(str_slice(line, close, line.len), ':');
	return close + colon;
}

static bool
append_key(
    struct str s, enum control_kind kind, struct buf *key, struct fault *f)
{
	bool sender = kind == KIND_SENDERS;
	size_t at = str_rfind(s, '@');
	size_t from =
	    at < s.len ? at + 1 : !sender && str_starts(s, str_of("."));
	char domain[NEXTHOP_HOST];

	if (s.len == 0)
		return true;
	if (at < s.len && !sender)
		return faulty(f, "an address where a domain stands", s);
	return judge(way_domain(domain, str_slice(s, from, s.len)),
		   sender ? "neither an address nor a domain" : "not a domain",
		   s, f) &&
	       ((buf_append_lower(key, str_slice(s, 0, from)) &&
		    buf_append_lower(key, str_of(domain))) ||
		   faulty(f, "out of memory", nothing));
}

bool
way_cut(struct str line, enum control_kind kind, struct buf *key,
    struct str *value, struct fault *f)
{
	struct nexthop_source source;
	struct nexthop hop;
	struct tlsrule rule;
	struct str name;
	size_t end = key_end(line);

	/* Addresses alone are the default. */
	if (kind == KIND_SOURCES && way_parse_source(line, &source, f)) {
		*value = line;
		return true;
	}
	if (end >= line.len)
		return faulty(f, "no colon", line);
	name = str_slice(line, 0, end);
	*value = str_slice(line, end + 1, line.len);
	if (str_find(name, '|') < name.len)
		return faulty(f, "a bar within the key", name);
	if (str_find(name, ' ') < name.len)
		return faulty(f, "blank within the key", name);
	if (name.len > VALUE_KEY)
		return faulty(f, "the key is too long", nothing);
	if (!append_key(name, kind, key, f))
		return false;
	if (kind == KIND_POLICIES)
		return tlsrule_parse(*value, &rule, f);
	return kind == KIND_SOURCES ? way_parse_source(*value, &source, f)
				    : way_parse(*value, &hop, f);
}
