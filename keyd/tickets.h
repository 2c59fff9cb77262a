/* tickets: the keys that session tickets are sealed with: random, in memory
 * alone, and forgotten after two hours. */
#ifndef KEYD_TICKETS_H
#define KEYD_TICKETS_H

#include "lib/attr.h"
#include "lib/tls_server.h"
#include <stdbool.h>
#include <stdint.h>

struct tickets {
	struct tls_tickets keys;
	int64_t next; /* clock_boot: another is made; 0: there is none yet */
};

/* The keys of now, with the seconds until the next (at least 1).  False without
 * random bytes. */
MUST_USE bool tickets_now(struct tickets *t, struct tls_tickets *out);

#endif
