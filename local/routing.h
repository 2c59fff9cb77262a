/* routing: what becomes of mail for an address, step by step, by the code that
 * the daemons use; nothing is sent.  It belongs to culver-route: it dies (111)
 * where it cannot go on. */
#ifndef LOCAL_ROUTING_H
#define LOCAL_ROUTING_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/str.h"
#include "local/owner.h"

enum routing_end {
	ROUTING_DELIVERED, /* there is a way, or a mailbox */
	ROUTING_REFUSED,   /* it would be bounced */
	ROUTING_DEFERRED   /* it would wait */
};

struct routing {
	struct controls *controls; /* of CONTROL_TOOLS, refreshed */
	struct owners owners;
	struct str sender;
	bool as_json;
	struct json json;
	struct buf address; /* as it is so far */
};

/* Say what becomes of one address, as text on standard output or as an object
 * in json. */
MUST_USE enum routing_end routing_of(struct routing *r, struct str address);

/* One step, "locals" and what it said; in JSON a member of the open list. */
void routing_step(struct routing *r, const char *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What the owner's .qmail file does, asked as that owner (routingshow.c). */
MUST_USE enum routing_end routing_show(
    struct routing *r, const struct owner *w, struct str address);

#endif
