/* rate: how often a destination may be sent to, as control/lanerate says. */
#ifndef SEND_RATE_H
#define SEND_RATE_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

/* The host in a lane's key (control/nexthop.h): without what says how it is
 * spoken to. */
struct str rate_host(struct str lane);

/* Microseconds from one recipient of a lane to the next, 0 without limit.
 * False when the table cannot be read, or its row is none (errno). */
MUST_USE bool rate_find(
    const struct controls *c, struct str lane, int64_t *spacing);

#endif
