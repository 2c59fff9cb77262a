/* spawner: the connection to a program that delivers, and the slots of its
 * channel. */
#ifndef SEND_SPAWNER_H
#define SEND_SPAWNER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SPAWNER_PATIENCE = 500000, /* microseconds */
	SPAWNER_STEP = 50000,
};

struct active;

struct flight { /* one job under way; its index is the job number */
	struct active *active; /* NULL: a free slot */
	uint32_t part;         /* of the schedule */
	uint32_t count, left;  /* recipients, and those without a result */
	uint32_t *numbers;     /* theirs; JOB_END for one that has a result */
	uint32_t delivery;     /* of the log: that of the first */
};

struct spawner {
	const char *path; /* of its socket */
	uid_t owner;      /* who must answer there */
	int fd;           /* -1: not connected */
	bool serving;     /* it has said H */
	bool ours;        /* the connection ended by trouble of ours */
	struct buf in, out;
	int64_t again; /* boot clock: when to connect next */
	struct flight *flights;
	uint32_t size; /* of flights */
	uint32_t flying;
	uint32_t hint;  /* where a free slot may be */
	uint64_t most;  /* concurrency */
	uint64_t width; /* deliveries at once for now; never 0 */
	int64_t late;   /* boot clock: when it may grow; 0: nothing waits */
	int64_t grown;  /* boot clock: when it grew last */
	int64_t rested; /* boot clock: the last time that one was under way */
};

/* Set the channel up; nothing is connected. */
void spawner_init(struct spawner *s, const char *path, uid_t owner);

/* Set the concurrency; flights under way stay.  False without memory. */
MUST_USE bool spawner_limit(struct spawner *s, uint64_t most);

/* Give the connection up; flights are the caller's to settle. */
void spawner_close(struct spawner *s);

/* Try to connect, at most once a second.  Nothing is said about failure but
 * the fd that stays -1. */
void spawner_connect(struct spawner *s, int64_t now);

/* How many jobs there may be now. */
uint32_t spawner_slots(const struct spawner *s);

/* Of them, how many begin only what has nothing under way (INTERNALS 10):
 * percent of all slots are kept so, and those that are not open yet count. */
uint32_t spawner_reserve(const struct spawner *s, uint64_t percent);

/* As many deliveries are begun as the load asks for, so that a trickle meets
 * workers that are there already and none is started for it: width begins at 1
 * and doubles, up to most, while all slots are taken that are not reserved, and
 * the message that waits was due SPAWNER_PATIENCE ago, at most once in SPAWNER_STEP; after JOB_IDLE
 * without a delivery it is 1 again.  due is that of the first message that
 * waits for a slot, 0 when none does.  True: it has grown. */
bool spawner_widen(
    struct spawner *s, uint32_t reserve, int64_t due, int64_t now);

/* until, or the moment before it when spawner_widen has something to do. */
int64_t spawner_next(const struct spawner *s, int64_t until);

/* Take a slot for a job with j's recipients, of which delivery is the first's.
 * Its number is j->job then.  False without memory, or when none is free. */
MUST_USE bool spawner_take(struct spawner *s, struct job *j, struct active *a,
    uint32_t part, uint32_t delivery);

/* Which of a job's recipients has the number, and no result yet; count when
 * none is. */
uint32_t flight_find(const struct flight *f, uint32_t number);

/* Give a slot up; what was in it, whose numbers are the caller's to free. */
struct flight spawner_give(struct spawner *s, uint32_t slot);

/* Queue a job for the spawner.  Fails as buf_append does. */
MUST_USE bool spawner_job(struct spawner *s, const struct job *j);

/* Write what is queued.  False: the connection is gone.  Results that had come
 * before have been read; what is in flights behind them was lost with it. */
MUST_USE bool spawner_write(struct spawner *s);

/* Read what came; likewise. */
MUST_USE bool spawner_read(struct spawner *s);

/* The next result that was read; its texts are valid until the next call.
 * False when there is none; *broken when the spawner talks nonsense and the
 * connection is to be given up. */
MUST_USE bool spawner_result(
    struct spawner *s, struct result *r, size_t *used, bool *broken);

#endif
