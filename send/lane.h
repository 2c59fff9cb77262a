/* lane: how many deliveries a destination gets at once, and when: what culver-
 * send learns from their results.  Pure: no clock is read, nothing allocated.
 * One struct lane for each group of next hops that lead to the same hosts;
 * which next hops do, send/schedule.h knows.
 *
 * While its host serves it a lane grows: by one for each window of as many
 * successes as it may have deliveries at once, up to most.  When the host asks
 * for less (JOB_SLOW) it is halved, and begins nothing for LANE_SLOW; what was
 * begun before that and hears the same changes nothing more.  One more than was
 * refused is tried after LANE_TRIES windows at less.  When no host can
 * be reached (JOB_DEAD) it is dead: one delivery at a time, the probe, and
 * between the end of one and the next a pause of LANE_DEAD, half as long again
 * after each that failed, up to LANE_DEAD_MOST for a lane where little waits
 * and never beyond LANE_DEAD where a thousand parts do.  A success opens it at
 * initial, and each window doubles it until it is where it was. */
#ifndef SEND_LANE_H
#define SEND_LANE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LANE_INITIAL = 5, /* the defaults of laneinitial and lanemax */
	LANE_MOST = 20,
	LANE_TRIES = 10,
	LANE_SLOW = 10,        /* seconds without a new delivery */
	LANE_DEAD = 60,        /* seconds to the first probe */
	LANE_DEAD_MOST = 1800, /* seconds between probes */
	LANE_CROWD = 32,       /* so many parts that wait halve that */
	LANE_KEEP = 600, /* seconds for which a lane without mail is known */
};

enum lane_fault { /* the same numbers as enum job_fault of wire/job.h */
	LANE_SERVED,
	LANE_SLOWED,
	LANE_DIED
};

struct lane_rules {
	uint32_t initial, most; /* deliveries at once, at least 1; most 0: no
				 * limit and no learning, as for local mail */
	int64_t spacing; /* microseconds from one recipient to the next that may
			  * be begun; 0: no rate */
};

struct lane {
	uint32_t limit;  /* deliveries at once, now */
	uint32_t target; /* what it was before it was dead; 0: nothing */
	uint32_t fixed;  /* set by hand instead of limit; 0: none */
	uint32_t flying, peak;
	uint32_t ceiling;  /* it was refused above it; 0: it was not */
	uint32_t window;   /* successes since limit changed */
	uint32_t failures; /* probes that failed one after another */
	int64_t pause;     /* the last between probes, microseconds */
	int64_t since;     /* dead since then; 0: alive */
	int64_t until;     /* nothing is begun before that: slow or dead */
	int64_t rate_next; /* nor before that: the rate */
	int64_t used;      /* when a delivery ended last */
	bool probing;      /* the one that flies was begun while it was dead */
	bool paused;       /* by hand */
	bool served;       /* once: its hosts are known to exist */
};

/* A lane that nothing is known of. */
void lane_init(struct lane *l, const struct lane_rules *rules);

/* How many deliveries may begin at now. */
uint32_t lane_room(
    const struct lane *l, const struct lane_rules *rules, int64_t now);

/* When time alone lets a delivery begin (boot clock, microseconds): now or
 * earlier when lane_room has some; INT64_MAX when a delivery has to end first,
 * or somebody has paused it. */
int64_t lane_opens(const struct lane *l, const struct lane_rules *rules);

/* A delivery begins, where there is room. */
void lane_begin(struct lane *l, const struct lane_rules *rules, int64_t now);

/* The delivery that has just begun is one of so many recipients more than the
 * one that lane_begin counted. */
void lane_charge(
    struct lane *l, const struct lane_rules *rules, uint32_t recipients);

/* A delivery has ended, whether something was learnt from it or not.  When it
 * was the probe and nothing was learnt the next begins at once. */
void lane_end(struct lane *l, int64_t now);

/* What a delivery taught; call it before lane_end.  waiting: parts that wait
 * for the lane. */
void lane_learn(struct lane *l, const struct lane_rules *rules,
    enum lane_fault fault, uint32_t waiting, int64_t now);

/* Both turned out to lead to the same hosts, when a delivery of other had just
 * ended: its deliveries are into's now, and so is what was set by hand; what has
 * been learnt is what into had learnt. */
void lane_merge(struct lane *into, const struct lane *other);

/* Nothing flies, nothing was set by hand, and what was learnt is too old to
 * matter: it can be forgotten. */
bool lane_stale(const struct lane *l, int64_t now);

#endif
