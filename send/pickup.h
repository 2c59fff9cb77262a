/* pickup: a message is taken in hand, to be read or because a part of it has its
 * turn. */
#ifndef SEND_PICKUP_H
#define SEND_PICKUP_H

#include "lib/attr.h"
#include "send/send.h"
#include <stdbool.h>

/* Take in hand what schedule_read has handed out: all its parts wait for their
 * turns then.  NULL: it is gone, held, or to be read later; that has been seen
 * to. */
MUST_USE struct active *pickup_read(
    struct send *s, struct entry *e, int64_t now);

/* The message of a turn, in hand, and the share that it is the turn of.  NULL:
 * there is none any more, or none now, which has been seen to; with slot the
 * slot is given back then. */
MUST_USE struct active *pickup_turn(struct send *s, const struct turn *turn,
    bool slot, int64_t now, struct share **sh);

/* Put e aside as held, and say why. */
void pickup_hold(struct send *s, struct entry *e, const char *why);

#endif
