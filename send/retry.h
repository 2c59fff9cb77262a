/* retry: when to try again, and when to give up.  Pure: no clock is read.  What
 * is said of ages and waits is in microseconds. */
#ifndef SEND_RETRY_H
#define SEND_RETRY_H

#include "lib/attr.h"
#include "lib/span.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel { CHANNEL_LOCAL, CHANNEL_REMOTE, CHANNEL_COUNT };

enum {
	RETRY_ATTEMPTS = 2, /* a message never expires before these */
	RETRY_SPREAD = 10,  /* percent that pauses differ by, each way */
};

/* When messages are tried; all zero bytes but for lifetime: qmail's schedule,
 * to the second. */
struct retry_plan {
	uint64_t lifetime;          /* seconds: queuelifetime */
	uint64_t bounce_lifetime;   /* seconds: bouncelifetime */
	uint32_t pauses[SPAN_LIST]; /* seconds: retryschedule */
	size_t pause_count;         /* 0: qmail's schedule */
	uint32_t spread;            /* percent */
	uint64_t seed;              /* of the spread */
};

/* The pauses of a retryschedule; empty: qmail's schedule.  False when text is
 * no list of times; then p is as before. */
MUST_USE bool retry_parse(struct retry_plan *p, struct str text);

/* The lifetime in seconds of a message from this sender: bounces, whose sender
 * is empty or "#@[]", have the shorter of the two. */
uint64_t retry_lifetime(const struct retry_plan *p, struct str sender);

/* The longest time between two attempts that the plan can give a message: what
 * is further away than this was stamped by a wrong clock. */
int64_t retry_longest(const struct retry_plan *p, enum channel c);

/* How old a message is that arrived at birth, when its attempt number attempts
 * has failed at now.  A birth after now was stamped by a wrong clock: then it
 * is as old as the plan says it is at this attempt. */
int64_t retry_age(const struct retry_plan *p, int64_t birth, int64_t now,
    uint32_t attempts, enum channel c);

/* How long to wait after attempt number attempts (from 1) at this age.  Either
 * the plan's pause of that number, or qmail's schedule: the k-th attempt lies
 * (k c)^2 seconds after arrival, c being 10 for local and 20 for remote
 * recipients, and beyond its lifetime a message ages no more.  Made longer or
 * shorter by at most the spread, the same for the same seed, ino and attempts.
 * Never more than retry_longest, never less than a second. */
int64_t retry_pause(const struct retry_plan *p, int64_t age, uint32_t attempts,
    enum channel c, uint64_t ino);

/* A message of this age that has failed for the attempts-th time is given
 * up; lifetime in seconds. */
bool retry_expired(int64_t age, uint32_t attempts, uint64_t lifetime);

/* How long to wait, at now, for an attempt that is due at next: never less than
 * 0, and 0 when it is further away than longest. */
int64_t retry_wait(int64_t next, int64_t now, int64_t longest);

#endif
