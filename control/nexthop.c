/* nexthop: where mail for other hosts goes; see nexthop.h. */
#include "control/nexthop.h"

#include "control/inside.h"
#include "control/way.h"
#include "lib/address.h"
#include <errno.h>
#include <string.h>

static const struct str nothing = {"", 0};

/* Not a table of ours. */
static enum found
malformed(void)
{
	errno = EPROTO;
	return FOUND_ERROR;
}

static enum found
judge(enum idn_result r)
{
	if (r == IDN_MEMORY)
		errno = ENOMEM;
	return r == IDN_OK          ? FOUND_YES
	       : r == IDN_MALFORMED ? FOUND_NO
				    : FOUND_ERROR;
}

/* A sender's domain as tables have it; as it is where it is no name. */
static enum found
sender_domain(struct str *domain, char host[NEXTHOP_HOST])
{
	enum found f = judge(way_domain(host, *domain));

	if (f == FOUND_YES)
		*domain = str_of(host);
	return f;
}

/* The row of authsenders of before + '@' + domain. */
static enum found
find_address(const struct controls *c, struct str before, struct str domain,
    struct str *value)
{
	struct buf key = {0};
	enum found f = FOUND_ERROR;

	if (buf_append_str(&key, before) && buf_append_byte(&key, '@') &&
	    buf_append_str(&key, domain))
		f = control_find(c, C_authsenders, buf_str(&key), value);
	buf_free(&key);
	return f;
}

static enum found
find_sender(const struct controls *c, struct str sender, struct str *value)
{
	char host[NEXTHOP_HOST];
	struct str local, domain;
	enum found f = FOUND_NO;

	address_split(sender, &local, &domain);
	if (domain.len > 0) {
		if (sender_domain(&domain, host) == FOUND_ERROR)
			return FOUND_ERROR;
		if (local.len > 0)
			f = find_address(c, local, domain, value);
		if (f == FOUND_NO)
			f = find_address(c, nothing, domain, value);
		if (f == FOUND_NO)
			f = control_find(c, C_authsenders, domain, value);
	}
	if (f == FOUND_NO)
		f = control_find(c, C_authsenders, nothing, value);
	return f;
}

/* The domain's own exchangers, or the address that it is. */
static enum found
own_way(struct str domain, struct nexthop *n)
{
	enum found f;

	*n = (struct nexthop){
	    .port = NEXTHOP_SMTP, .user = nothing, .password = nothing};
	f = judge(way_domain(n->host, domain));
	n->mx = n->host[0] != '[';
	return f;
}

/* What a row changes of the domain's own way. */
static enum found
take(struct str value, const char *table, struct nexthop *n)
{
	struct nexthop way;
	struct fault fault;

	if (!way_parse(value, &way, &fault))
		return malformed();
	if (way.mx) {
		(void)memcpy(way.host, n->host, sizeof way.host);
		way.mx = n->mx;
	}
	way.table = table;
	*n = way;
	return FOUND_YES;
}

enum found
nexthop_find(const struct controls *c, struct str sender, struct str domain,
    struct nexthop *n)
{
	const char *table = "authsenders";
	struct str value;
	enum found f;

	/* What was never read is not what is not there. */
	if (!control_known(c, C_authsenders) || !control_known(c, C_smtproutes))
		return malformed();
	f = own_way(domain, n);
	if (f != FOUND_YES)
		return f;
	f = find_sender(c, sender, &value);
	if (f == FOUND_NO) {
		table = "smtproutes";
		f = control_find_domain(
		    c, C_smtproutes, str_of(n->host), &value);
	}
	if (f == FOUND_YES)
		return take(value, table, n);
	return f == FOUND_NO ? FOUND_YES : FOUND_ERROR;
}

bool
nexthop_key(const struct nexthop *n, struct buf *out)
{
	size_t before = out->len;
	bool plain = n->mx && n->port == NEXTHOP_SMTP && n->user.len == 0;
	bool ok = (!n->lmtp || buf_append_text(out, "lmtp:")) &&
		  (n->user.len == 0 || (buf_append_text(out, "auth:") &&
					   buf_append_str(out, n->user) &&
					   buf_append_byte(out, '@'))) &&
		  (!n->mx || plain || buf_append_text(out, "mx:")) &&
		  buf_append_text(out, n->host) &&
		  (plain || (buf_append_byte(out, ':') &&
				buf_append_number(out, n->port)));

	if (!ok)
		out->len = before;
	return ok;
}

enum found
nexthop_source(
    const struct controls *c, struct str sender, struct nexthop_source *s)
{
	char host[NEXTHOP_HOST];
	struct str local, domain, value;
	struct fault fault;
	enum found f;

	*s = (struct nexthop_source){0};
	if (!control_known(c, C_outgoingip))
		return malformed();
	address_split(sender, &local, &domain);
	if (domain.len > 0 && sender_domain(&domain, host) == FOUND_ERROR)
		return FOUND_ERROR;
	f = control_find_domain(c, C_outgoingip, domain, &value);
	if (f != FOUND_YES)
		return f;
	if (!way_parse_source(value, s, &fault))
		return malformed();
	return s->has4 || s->has6 ? FOUND_YES : FOUND_NO;
}
