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

/* The next attempt after one at now, for a message that arrived at birth; wall
 * clock, microseconds.  qmail's schedule: the k-th attempt lies (k c)^2 seconds
 * after arrival, c being 10 for local and 20 for remote recipients.  A birth
 * after now counts as now. */
int64_t retry_next(int64_t birth, int64_t now, enum channel c);

/* A message that arrived at birth, has been tried attempts times and failed
 * again at now is given up.  lifetime in seconds. */
bool retry_expired(
    int64_t birth, int64_t now, uint32_t attempts, uint64_t lifetime);

/* How long to wait, at now, for an attempt stamped next: never less than 0, and
 * 0 when it is further away than longest. */
int64_t retry_wait(int64_t next, int64_t now, int64_t longest);

#endif
