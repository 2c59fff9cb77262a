/* retry: when to try again, and when to give up.  Pure: no clock is read. */
#ifndef SEND_RETRY_H
#define SEND_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum channel { CHANNEL_LOCAL, CHANNEL_REMOTE, CHANNEL_COUNT };

enum {
	RETRY_ATTEMPTS = 2, /* a message never expires before these */
};

/* The longest time between two attempts that the schedule can give a message of
 * this lifetime (seconds), in microseconds: what is further away than this was
 * stamped by a wrong clock. */
int64_t retry_longest(uint64_t lifetime, enum channel c);

/* How old, in microseconds, a message is that arrived at birth, when its
 * attempt number attempts has failed at now.  A birth after now was stamped by
 * a wrong clock: then it is as old as the schedule says it is at this
 * attempt. */
int64_t retry_age(
    int64_t birth, int64_t now, uint32_t attempts, enum channel c);

/* How long to wait after an attempt at this age; microseconds.  qmail's
 * schedule: the k-th attempt lies (k c)^2 seconds after arrival, c being 10 for
 * local and 20 for remote recipients.  Beyond its lifetime (seconds) a message
 * ages no more, so that this is never more than retry_longest. */
int64_t retry_pause(int64_t age, uint64_t lifetime, enum channel c);

/* A message of this age that has failed for the attempts-th time is given
 * up. */
bool retry_expired(int64_t age, uint32_t attempts, uint64_t lifetime);

/* How long to wait, at now, for an attempt that is due at next: never less than
 * 0, and 0 when it is further away than longest. */
int64_t retry_wait(int64_t next, int64_t now, int64_t longest);

#endif
