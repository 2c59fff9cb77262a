/* route: which channel a recipient goes to, and under which address. */
#ifndef SEND_ROUTE_H
#define SEND_ROUTE_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include "send/retry.h"
#include <stdbool.h>

struct router {
	const struct controls *controls; /* the caller's */
	struct table *users;             /* users/rcpt.cdb; NULL: none */
};

enum route_result {
	ROUTE_OK,
	ROUTE_ERROR /* a table cannot be read: defer */
};

/* Forget the table that is open. */
void route_close(struct router *r);

/* Look whether users/rcpt.cdb is another one now, and open it then.  False when
 * it is there and cannot be read (errno). */
MUST_USE bool route_refresh(struct router *r);

/* The channel of a recipient, and its address as the spawner is to see it, in
 * out (emptied first): envnoathost added where it has no '@', user%host@domain
 * of percenthack rewritten, the prepend of virtualdomains in front.  In this order: locals (without the file: me),
 * virtualdomains, domains of mailboxes in users/rcpt.cdb are local; the rest is
 * remote. */
MUST_USE enum route_result route_find(const struct router *r,
    struct str recipient, enum channel *channel, struct buf *out);

#endif
