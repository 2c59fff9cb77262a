/* send: the state of culver-send. */
#ifndef SEND_SEND_H
#define SEND_SEND_H

#include "control/control.h"
#include "lib/attr.h"
#include "send/active.h"
#include "send/bouncer.h"
#include "send/discover.h"
#include "send/drift.h"
#include "send/removal.h"
#include "send/retry.h"
#include "send/route.h"
#include "send/schedule.h"
#include "send/spawner.h"
#include "wire/trying.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SEND_SPARE = 16,          /* messages in hand beyond the slots */
	SEND_DESCRIPTORS = 32,    /* for other things than messages in hand */
	SEND_AGAIN = 2 * 1000000, /* after local trouble, microseconds */
	SEND_RECORD = 500000,     /* lines wait this long at most */
};

struct send {
	unsigned split;
	uid_t owner; /* of message files */
	struct controls *controls;
	bool broken;            /* control/ or users/ does not parse: wait */
	int64_t controls_again; /* boot clock: read it again then */
	struct retry_plan plan;
	uint64_t delaynotice; /* seconds; 0: only where NOTIFY asks */
	uint64_t reserve;     /* percent of a channel's slots */
	struct drift drift;
	struct router router;
	int64_t users_looked; /* boot clock: whether the router's is stale */
	struct trying *trying;
	struct schedule *schedule;
	struct discovery discovery;
	struct spawner spawners[CHANNEL_COUNT];
	struct bouncer bouncer;
	struct removal removal;
	struct active *oldest, *newest; /* what is in hand */
	struct active **hand;           /* the same, by their entries' hand */
	uint32_t active_count, hand_cap;
	uint64_t hands;    /* messages in hand that descriptors suffice for */
	uint32_t delivery; /* the last number given */
	bool exiting;      /* SIGTERM: begin nothing new */
	struct envelope envelope;       /* the one that was read last: */
	const struct active *enveloped; /* whose it is, or NULL */
	/* Of the job that is made, or the recipient that is looked at. */
	struct buf address, sender, lane, recipients;
};

#endif
