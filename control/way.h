/* way: one line of smtproutes, authsenders or outgoingip, taken apart.
 *
 *   smtproutes  = [ [ "." ] domain ] ":" way
 *   authsenders = [ address / [ "@" ] domain ] ":" way
 *   outgoingip  = [ [ [ "." ] domain ] ":" ] ip [ "," ip ]
 *   way         = [ relay ] [ "|" user "|" password ]
 *   relay       = [ "lmtp:" ] [ host ] [ ( ":" / ";" ) port ]
 *   host        = name / IPv4 / "[" ( name / IPv4 / IPv6 ) "]"
 *               / IPv6                   only where ";" follows
 *   ip          = IPv4 / IPv6 / "[" ( IPv4 / IPv6 ) "]"
 *
 * A domain may be an address literal; "IPv6:" may stand before any IPv6 address
 * in brackets.  "lmtp:" and a number is a host named lmtp and its port, as it is
 * in qmail.  Without a host it is the recipient's domain. */
#ifndef CONTROL_WAY_H
#define CONTROL_WAY_H

#include "control/nexthop.h"
#include "control/value.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/idn.h"
#include "lib/str.h"
#include <stdbool.h>

/* Cut a line of a kind that kind_is_way, or of POLICIES: append its key to key as it is looked
 * up (lower case, A-labels), *value is a view into line.  Both are sound then.
 * False: *f says what is wrong, nothing of what stands behind a '|' or a blank;
 * what was appended is of no use. */
MUST_USE bool way_cut(struct str line, enum control_kind kind, struct buf *key,
    struct str *value, struct fault *f);

/* A value of smtproutes and authsenders.  Where it names no host, n->host is ""
 * and n->mx true.  n->table is NULL; the views point into value.  False as
 * above. */
MUST_USE bool way_parse(struct str value, struct nexthop *n, struct fault *f);

/* A value of outgoingip; an address of zeros is none.  False as above. */
MUST_USE bool way_parse_source(
    struct str value, struct nexthop_source *s, struct fault *f);

/* A domain in the form of nexthop.h: a name or an address literal.  Literals
 * stand in tables, as all keys, in lower case. */
MUST_USE enum idn_result way_domain(char out[NEXTHOP_HOST], struct str domain);

#endif
