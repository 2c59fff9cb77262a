/* hand: the messages in hand: those of which jobs fly, and a few more. */
#ifndef SEND_HAND_H
#define SEND_HAND_H

#include "lib/attr.h"
#include "send/send.h"
#include <stdbool.h>

/* The message of e, when it is in hand; else NULL. */
struct active *hand_find(const struct send *s, const struct entry *e);

/* Take a in hand, the newest.  False without memory. */
MUST_USE bool hand_take(struct send *s, struct active *a);

/* Let go of a and free it; its entry is a repeat from now on. */
void hand_release(struct send *s, struct active *a);

/* Room for one more in hand. */
bool hand_room(const struct send *s);

#endif
