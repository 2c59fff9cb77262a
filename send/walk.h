/* walk: along a message's envelope, each recipient whose time has come to its
 * channel. */
#ifndef SEND_WALK_H
#define SEND_WALK_H

#include "lib/attr.h"
#include "send/send.h"
#include <stdbool.h>
#include <stdint.h>

enum walk_result {
	WALK_END,     /* the envelope's end: walked is set */
	WALK_FULL,    /* a channel has no slot: go on later at the cursor */
	WALK_DAMAGED, /* hold the message */
	WALK_TROUBLE  /* errno: try later */
};

/* Go on from a's cursor. */
MUST_USE enum walk_result walk_on(struct send *s, struct active *a);

#endif
