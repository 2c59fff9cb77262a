/* netdoor: what two programs have in common; see netdoor.h. */
#include "smtpd/netdoor.h"

#include "control/access.h"
#include "lib/clock.h"

void
netdoor_open(void *context, bool ucspi)
{
	struct netdoor *n = context;

	door_open_for(&n->door, n->reader, n->rules, n->guests);
	if (ucspi)
		door_filter(&n->door);
}

/* A value that cannot be read stays what it was; the worker says so. */
static uint64_t
number(void *context, enum control_id id)
{
	struct controls *c = ((struct netdoor *)context)->door.controls;
	bool fresh = control_refresh_row(c, id);

	(void)fresh;
	return control_number(c, id);
}

/* What workers are born with is a second old at most, so that they need not
 * read it again. */
uint64_t
netdoor_limit(void *context)
{
	struct netdoor *n = context;
	int64_t now = clock_boot();

	if (now >= n->refreshed + CLOCK_SECOND) {
		bool fresh = control_refresh(n->door.controls);

		(void)fresh;
		n->refreshed = now;
	}
	return number(n, C_concurrencyincoming);
}

void
netdoor_limits(void *context, struct crowd_limits *l)
{
	l->address = number(context, C_concurrencyip);
	l->network = number(context, C_concurrencynet);
}

bool
netdoor_is_proxy(void *context, const struct ip *remote)
{
	struct controls *c = ((struct netdoor *)context)->door.controls;

	return control_refresh_row(c, C_proxyclients) &&
	       access_listed(c, C_proxyclients, remote) == FOUND_YES;
}

uint64_t
netdoor_uses(void *context)
{
	return number(context, C_maxuse);
}
