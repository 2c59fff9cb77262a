/* xclient: for whom a client speaks; see xclient.h. */
#include "smtpd/xclient.h"

#include "lib/address.h"
#include "lib/log.h"
#include "lib/num.h"
#include <string.h>

enum { VALUE_MAX = 255 };

/* What the attributes say.  A text of no bytes: unknown. */
struct claim {
	struct connection client;
	char name[VALUE_MAX + 1];
	char helo[VALUE_MAX + 1];
	bool renamed, greeted, esmtp;
};

/* Undo xtext (RFC 3461, 4): "+2B" is "+".  False for what is none, too long, or
 * not printable ASCII without blanks: no value has more. */
static bool
decode(char out[VALUE_MAX + 1], struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (n == VALUE_MAX)
			return false;
		if (c == '+') {
			if (!num_unhex(str_slice(s, i + 1, i + 3), &c, 1))
				return false;
			i += 2;
		}
		if (c <= ' ' || c > '~')
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n > 0;
}

static bool
is_unknown(const char *value)
{
	return strcmp(value, "[UNAVAILABLE]") == 0 ||
	       strcmp(value, "[TEMPUNAVAIL]") == 0;
}

static bool
take_name(struct claim *c, const char *value)
{
	struct str name = str_of(is_unknown(value) ? "" : value);

	c->renamed = true;
	return (name.len == 0 || address_domain_ok(name, true)) &&
	       str_copy(c->name, sizeof(c->name), name);
}

static bool
parse_ip(const char *value, struct ip *a)
{
	struct str prefix = str_of("IPV6:"), s = str_of(value);
	bool six = str_starts_nocase(s, prefix);

	*a = (struct ip){{0}};
	if (is_unknown(value))
		return true;
	s = str_slice(s, six ? prefix.len : 0, s.len);
	return (str_find(s, ':') < s.len) == six && ip_parse(s, a);
}

/* A new address has no name but the one that comes with it. */
static bool
take_addr(struct claim *c, const char *value)
{
	if (!c->renamed)
		c->name[0] = '\0';
	return parse_ip(value, &c->client.remote);
}

static bool
parse_port(const char *value, uint16_t *port)
{
	uint64_t n = 0;

	if (!is_unknown(value) && !num_parse(str_of(value), UINT16_MAX, &n))
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool
take_port(struct claim *c, const char *value)
{
	return parse_port(value, &c->client.remote_port);
}

static bool
take_proto(struct claim *c, const char *value)
{
	c->esmtp = str_equal_nocase(str_of(value), str_of("ESMTP"));
	return c->esmtp || str_equal_nocase(str_of(value), str_of("SMTP"));
}

static bool
take_helo(struct claim *c, const char *value)
{
	c->greeted = !is_unknown(value);
	return str_copy(c->helo, sizeof(c->helo), str_of(value));
}

/* Who logged in over there has not logged in here. */
static bool
take_login(struct claim *c, const char *value)
{
	(void)c;
	(void)value;
	return true;
}

static bool
take_destaddr(struct claim *c, const char *value)
{
	return parse_ip(value, &c->client.local);
}

static bool
take_destport(struct claim *c, const char *value)
{
	return parse_port(value, &c->client.local_port);
}

static const struct known {
	const char *name;
	bool (*take)(struct claim *c, const char *value);
} known[] = {
    {"NAME",     take_name    },
    {"ADDR",     take_addr    },
    {"PORT",     take_port    },
    {"PROTO",    take_proto   },
    {"HELO",     take_helo    },
    {"LOGIN",    take_login   },
    {"DESTADDR", take_destaddr},
    {"DESTPORT", take_destport},
};

static bool
parse_one(struct claim *c, struct str text)
{
	char value[VALUE_MAX + 1];
	struct str name;

	if (!str_cut(&text, '=', &name) || !decode(value, text))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_equal_nocase(name, str_of(known[i].name)))
			return known[i].take(c, value);
	return false;
}

static bool
parse(struct claim *c, struct str rest)
{
	struct str one;

	while (str_cut(&rest, ' ', &one))
		if (one.len > 0 && !parse_one(c, one))
			return false;
	return true;
}

static void
log_claim(const struct claim *c, const struct ip *via)
{
	char ip[IP_SIZE], before[IP_SIZE];
	struct log l;

	ip_format(ip, &c->client.remote);
	ip_format(before, via);
	log_begin(&l, "xclient");
	log_text(&l, "ip", ip);
	log_number(&l, "port", c->client.remote_port);
	if (c->name[0] != '\0')
		log_text(&l, "host", c->name);
	log_text(&l, "via", before);
	log_end(&l);
}

/* The session is that of another client now, before its first command. */
static struct reply
begin_again(struct session *s, const struct claim *c)
{
	int code = 0;
	const char *words;
	enum gate g;

	log_claim(c, &s->door->client.remote);
	s->door->client = c->client;
	g = door_change(s->door, str_of(c->name));
	words = door_words(g, &code);
	if (g != GATE_OPEN) {
		s->closing = "denied";
		return (struct reply){code, words};
	}
	s->phase = PH_NEW;
	s->esmtp = c->esmtp;
	buf_clear(&s->user); /* it was another's */
	buf_clear(&s->helo);
	if (c->greeted) {
		if (!buf_append_text(&s->helo, c->helo))
			return (struct reply){451, "4.3.0 out of memory"};
		s->phase = PH_GREETED;
	}
	session_reset(s);
	return session_greeting(s);
}

struct reply
do_xclient(struct session *s, struct str attributes)
{
	struct claim c = {.client = s->door->client};
	struct str host = s->door->host;

	if (!s->door->xclient)
		return (struct reply){550, "5.7.0 you may not say XCLIENT"};
	if (host.len > 0 && !str_copy(c.name, sizeof(c.name), host))
		c.name[0] = '\0';
	if (!parse(&c, attributes))
		return (struct reply){501, "5.5.4 wrong XCLIENT attribute"};
	return begin_again(s, &c);
}

bool
xclient_offer(const struct session *s, struct buf *b)
{
	return !s->door->xclient ||
	       buf_append_text(b, "\nXCLIENT NAME ADDR PORT PROTO HELO LOGIN "
				  "DESTADDR DESTPORT");
}
