/* netdoor: what two programs have in common; see netdoor.h. */
#include "smtpd/netdoor.h"

#include "control/access.h"

const struct drop_path netdoor_paths[] = {
    {"control", PATH_READ},
    {"users",   PATH_READ},
    {NULL,      0        },
};

void
netdoor_open(void *context, bool ucspi)
{
	struct netdoor *n = context;

	door_open_for(&n->door, n->reader, n->rules, n->guests);
	if (ucspi)
		door_filter(&n->door);
}

static const struct controls *
controls(void *context)
{
	return ((struct netdoor *)context)->door.controls;
}

/* The worker says what could not be read. */
static uint64_t
number(void *context, enum control_id id)
{
	struct netdoor *n = context;
	bool fresh = control_refresh(n->door.controls);

	(void)fresh;
	return control_number(n->door.controls, id);
}

uint64_t
netdoor_limit(void *context)
{
	return number(context, C_concurrencyincoming);
}

void
netdoor_limits(void *context, struct crowd_limits *l)
{
	l->address = control_number(controls(context), C_concurrencyip);
	l->network = control_number(controls(context), C_concurrencynet);
}

bool
netdoor_is_proxy(void *context, const struct ip *remote)
{
	return access_listed(controls(context), C_proxyclients, remote) ==
	       FOUND_YES;
}

uint64_t
netdoor_uses(void *context)
{
	return number(context, C_maxuse);
}
