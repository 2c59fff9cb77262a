/* deliver: one errand of culver-rspawn, from its packet to its results. */
#ifndef REMOTE_DELIVER_H
#define REMOTE_DELIVER_H

#include "control/control.h"
#include "control/nexthop.h"
#include "lib/dns.h"
#include "lib/tls.h"
#include "remote/dial.h"
#include "remote/parcel.h"
#include "remote/policy.h"
#include "remote/resolve.h"
#include "remote/session.h"
#include "wire/job.h"
#include "wire/sts.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	DELIVER_DNS_MS = 60000, /* for all questions of one next hop */
	/* For one errand, however slowly its hosts answer: a worker that is
	 * killed (JOB_ALARM) would have the message held. */
	DELIVER_SECONDS = 6 * 3600,
	DELIVER_IDLE = 5,   /* seconds that a connection waits for more mail */
	DELIVER_KEEP = 300, /* seconds that one is used at most: what was looked
			     * up for it is as old as that */
	/* Of what all addresses of a next hop together may take to answer, in
	 * times of control/timeoutconnect. */
	DELIVER_CONNECTS = 4
};

_Static_assert(DELIVER_SECONDS < JOB_ALARM / 2, "no errand is killed");

/* A connection that may serve the next errand, too. */
struct kept {
	char key[NEXTHOP_KEY + 1]; /* of the way it was made for; "": none */
	struct nexthop_source source;
	struct ip ip;
	uint16_t port;
	uint64_t rules; /* control_version of the tlspolicy it was made by */
	bool lmtp;
	bool open;     /* no login, and no policy but TLS where offered: it does
			* for any way that leads to this host */
	int64_t until; /* clock_boot */
	char via[JOB_TEXT + 1];
	char tls[JOB_TLS + 1];
};

/* What a worker keeps from errand to errand. */
struct deliverer {
	struct controls *controls; /* of CONTROL_REMOTE */
	struct tls_context *tls;
	struct sts sts;
	struct resolver resolver;
	struct self self;
	struct dial_dead dead;
	struct session session;
	struct kept kept;
	struct parcel parcel;
	/* A packet with a result of the errand at hand; it does not fail. */
	void (*answer)(const struct result *r);
};

/* Deliver the message open as fd, which stays the caller's, as e says: an answer
 * for each recipient that has one of its own, and the end. */
void deliver(struct deliverer *d, const struct errand *e, int fd);

/* QUIT a connection that is kept. */
void deliver_rest(struct deliverer *d);

#endif
