/* walk: along a message's envelope, once: each recipient that is not done is
 * found its channel and lane, and so its part. */
#ifndef SEND_WALK_H
#define SEND_WALK_H

#include "lib/attr.h"
#include "send/send.h"
#include "wire/envelope.h"
#include <stdbool.h>
#include <stdint.h>

enum walk_result {
	WALK_END,
	WALK_DAMAGED, /* hold the message */
	WALK_TROUBLE  /* errno: try later */
};

/* Read a's envelope: its sender, its customer, and the part of each recipient;
 * then make its shares. */
MUST_USE enum walk_result walk_envelope(struct send *s, struct active *a);

/* The address of a's recipient r, as the envelope has it; valid until the next
 * call.  In the order of their numbers most need no reading, and none where the
 * whole envelope is what was read last. */
MUST_USE enum walk_result walk_recipient(struct send *s, const struct active *a,
    const struct recipient *r, struct str *to);

#endif
