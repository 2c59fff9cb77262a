/* gate: what stands before a session at a TCP door: the header of a proxy that
 * control/proxyclients names, then the access rules. */
#ifndef CONTROL_GATE_H
#define CONTROL_GATE_H

#include "control/access.h"
#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/listener.h"
#include <stdbool.h>

enum gate {
	GATE_OPEN,
	GATE_DENIED,  /* a rule says so */
	GATE_CROWDED, /* too many connections of whom a proxy speaks for */
	GATE_TROUBLE, /* rules or list cannot be read: come again later */
	GATE_CLOSED   /* a proxy without a header: nothing is said */
};

/* Where peer is a proxy, read its header: peer is then the client that it
 * speaks for, and *proxied is set.  One that speaks for itself, or cannot tell,
 * stays the peer.  GATE_OPEN, CROWDED, TROUBLE or CLOSED; the log has what was
 * wrong. */
MUST_USE enum gate gate_proxy(
    const struct controls *c, struct connection *peer, bool *proxied);

/* What the rules say of who; a denial is logged.  GATE_OPEN with the rule's
 * variables in vars, DENIED or TROUBLE. */
MUST_USE enum gate gate_rules(const struct controls *c, enum control_id rules,
    const struct access_client *who, struct buf *vars);

/* The same where only guests come in: whom a rule allows (access_find_guest). */
MUST_USE enum gate gate_guests(const struct controls *c, enum control_id rules,
    const struct access_client *who, struct buf *vars);

/* Tell a client one line, CR LF included, and wait five seconds at most. */
void gate_tell(const struct connection *peer, const char *line);

#endif
