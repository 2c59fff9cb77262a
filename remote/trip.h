/* trip: a parcel on its way along one next hop: which hosts it is tried at, and
 * over which connection. */
#ifndef REMOTE_TRIP_H
#define REMOTE_TRIP_H

#include "remote/deliver.h"
#include "remote/outcome.h"

struct trip {
	struct deliverer *d;
	const struct errand *errand;
	struct nexthop hop;
	char key[NEXTHOP_KEY + 1];
	char domain[NEXTHOP_HOST]; /* of a recipient, for reports of TLS */
	struct nexthop_source source;
	struct targets targets;
	struct policy policy;
	struct outcome outcome; /* of all who have no result */
};

/* Deliver d->parcel; t->outcome is the end's.  A connection that can serve
 * others is kept. */
void trip_make(struct trip *t);

/* A result for one recipient, and mark it as told. */
void trip_tell(struct trip *t, struct addressee *a, const struct outcome *o);

#endif
