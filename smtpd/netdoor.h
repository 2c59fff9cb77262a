/* netdoor: what culver-qmtpd and culver-qmqpd have in common as programs. */
#ifndef SMTPD_NETDOOR_H
#define SMTPD_NETDOOR_H

#include "lib/attr.h"
#include "lib/drop.h"
#include "lib/ip.h"
#include "lib/listener.h"
#include "smtpd/door.h"
#include "smtpd/package.h"
#include "smtpd/qmtp.h"
#include <stdbool.h>
#include <stdint.h>

/* Bytes of memory of a worker; a million verdicts fit. */
enum { NETDOOR_MEMORY = 128 << 20 };

struct netdoor {
	/* For door_open_for; set by the program. */
	enum control_reader reader;
	enum control_id rules;
	bool guests;

	struct door door;
	struct package *package;
	struct qmtp *qmtp; /* of culver-qmtpd */
	int64_t refreshed; /* clock_boot, in the listener */
};

/* As struct daemon has it; context is a struct netdoor. */
void netdoor_open(void *context, bool ucspi);

/* The parts of struct listener_ops; context is a struct netdoor.  A value of
 * control/ that cannot be read stays what it was.  In order:
 * concurrencyincoming; concurrencyip and concurrencynet; proxyclients;
 * maxuse. */
uint64_t netdoor_limit(void *context);

/* control/concurrencyip, concurrencynet. */
void netdoor_limits(void *context, struct crowd_limits *l);

/* control/proxyclients. */
bool netdoor_is_proxy(void *context, const struct ip *remote);

/* control/maxuse. */
uint64_t netdoor_uses(void *context);

#endif
