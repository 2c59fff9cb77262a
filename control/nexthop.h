/* nexthop: where mail for other hosts goes, as control/ says it.  Used by
 * culver-send (the key of a lane) and culver-remote (the way).  Looked up in
 * smtproutes, authsenders and outgoingip; DNS is asked nothing. */
#ifndef CONTROL_NEXTHOP_H
#define CONTROL_NEXTHOP_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	NEXTHOP_HOST = 256,   /* room for a host and its end byte */
	NEXTHOP_LOGIN = 1000, /* bytes of a user, and of a password */
	NEXTHOP_KEY = 1300,   /* bytes of a key are fewer */
	NEXTHOP_SMTP = 25,
	NEXTHOP_LMTP = 24, /* LMTP has no port of its own; RFC 2033, 5 */
	NEXTHOP_SMTPS = 465
};

struct nexthop {
	/* Whose exchangers or addresses are asked for: the domain, a relay, or
	 * a literal, "[192.0.2.1]", "[IPv6:2001:db8::1]"; lower case, A-labels,
	 * no dot at the end. */
	char host[NEXTHOP_HOST];
	bool mx; /* of host the exchangers are asked for, else its addresses: a
		  * relay that a table names has none, as in qmail-remote */
	uint16_t port; /* never 0 */
	bool lmtp;     /* speak LMTP */
	bool tls;      /* TLS from the first byte (RFC 8314, 3.3): port 465 */
	struct str user, password; /* both or neither; valid until the controls
				    * are refreshed */
	const char *table; /* "smtproutes", "authsenders"; NULL: no row */
};

/* The way to a recipient's domain for mail of that sender: the row of
 * authsenders of the whole address, of "@domain", of "domain", or the one with
 * the empty key; else of smtproutes that of the domain, of ".suffix" for each
 * of its suffixes, or that with the empty key; else the domain's own
 * exchangers.  FOUND_YES: *n is set.  FOUND_NO: the domain is neither a name
 * that DNS could hold nor an address literal (5.1.2), whatever the tables say.
 * FOUND_ERROR: a table cannot be read, a row of its cdb is malformed, or no
 * memory (errno): defer. */
MUST_USE enum found nexthop_find(const struct controls *c, struct str sender,
    struct str domain, struct nexthop *n);

/* Append the key of a way: the same text for the same way, another for another,
 * never the password.
 *
 *   key = host                                   its exchangers, port 25
 *       / [ "lmtp:" ] [ "auth:" user "@" ] [ "mx:" ] host ":" port
 *
 * False as buf_append. */
MUST_USE bool nexthop_key(const struct nexthop *n, struct buf *out);

/* Source addresses, at most one of a family; without one it is the system's
 * choice. */
struct nexthop_source {
	bool has4, has6;
	struct ip ip4, ip6;
};

/* What outgoingip says for mail of that sender: the row of its domain, of
 * ".suffix", or the one with the empty key.  FOUND_YES: *s has one at least.
 * FOUND_NO: neither, by a row (0.0.0.0 or ::) or without one; *s says so.
 * FOUND_ERROR as above. */
MUST_USE enum found nexthop_source(
    const struct controls *c, struct str sender, struct nexthop_source *s);

#endif
