/* access: who may come in at a TCP door, and with which settings: the lists
 * control/tcp.smtp, tcp.pop3, tcp.qmtp and tcp.qmqp, in tcprules(1)'s syntax
 * (control/rule.h). */
#ifndef CONTROL_ACCESS_H
#define CONTROL_ACCESS_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>

enum access {
	ACCESS_ALLOW,
	ACCESS_DENY,
	ACCESS_ERROR /* not known: the client is told to come again */
};

struct access_client {
	const struct ip *ip;
	struct str host; /* its name from DNS; empty: unknown */
	struct str info; /* its user by ident; empty: unknown */
};

/* The one rule that is for this client, the first of these that there is:
 * info@ip, info@=host, ip, =host, the networks around ip from the smallest up,
 * =.suffix of host from the longest, "=" where host is known, the empty
 * address.  vars is emptied, then given the rule's variables for access_get.
 * Without a rule, or a file, everybody is allowed, without variables.
 * ACCESS_ERROR, with nothing in vars, when the list was never read, the table
 * is damaged, or without memory. */
MUST_USE enum access access_find(const struct controls *c, enum control_id id,
    const struct access_client *who, struct buf *vars);

/* a is in the list id, of KIND_NETWORKS.  FOUND_ERROR as ACCESS_ERROR. */
MUST_USE enum found access_listed(
    const struct controls *c, enum control_id id, const struct ip *a);

/* The same, but without a rule, or a file, nobody is allowed. */
MUST_USE enum access access_find_guest(const struct controls *c,
    enum control_id id, const struct access_client *who, struct buf *vars);

/* The variable of that name among vars; *value points into them.  Of two with
 * one name the last counts. */
bool access_get(struct str vars, const char *name, struct str *value);

#endif
