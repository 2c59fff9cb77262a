/* finish: what follows an attempt: waiting, bouncing, removing, holding. */
#ifndef SEND_FINISH_H
#define SEND_FINISH_H

#include "lib/attr.h"
#include "send/send.h"
#include <stdbool.h>
#include <stdint.h>

/* Bring a's waiting lines to the disk.  False: they wait, and a is stuck. */
MUST_USE bool finish_lines(struct send *s, struct active *a, int64_t next);

/* Everything there is to say of a is brought to the disk, and it is let go of
 * until one of its parts has its turn.  True: a is freed. */
bool finish_wait(struct send *s, struct active *a, int64_t now);

/* The same, but a is read anew as a whole after pause. */
bool finish_anew(struct send *s, struct active *a, int64_t pause, int64_t now);

/* Likewise, but first the sender is told what he is owed by now; that goes
 * through culver-bounce, and no job of a begins meanwhile. */
bool finish_pause(struct send *s, struct active *a, int64_t now);

/* The stages behind the last attempt, each as far as it goes now: nobody is
 * left to be tried.  True: a is done with and freed. */
bool finish_attempt(struct send *s, struct active *a, int64_t now);

/* Ask culver-bounce for the notice a->asked, about what the journal has, or see
 * that it must wait: in hand for another's answer, but among those that wait
 * while there is no answer to be had, so that other mail has the place.  True: a
 * is freed. */
bool finish_bounce(struct send *s, struct active *a, int64_t now);

/* Record that a is done, remove its file, and free it. */
bool finish_removal(struct send *s, struct active *a, int64_t now);

/* Record that a is held, then put it aside and free it.  False: it could not be
 * recorded, nor perhaps what was delivered before; a is in hand and stuck. */
bool finish_hold(struct send *s, struct active *a);

/* Put a aside as held, which its journal says already, and free it. */
void finish_held(struct send *s, struct active *a);

/* Put a back among those that wait, due at on the boot clock, and free it. */
void finish_later(struct send *s, struct active *a, int64_t at);

/* The answer of culver-bounce.  a may be freed. */
void finish_bounced(
    struct send *s, struct active *a, const struct bounce_answer *answer);

#endif
