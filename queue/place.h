/* place: names in queue/mess; W1 and W3 to W6 of doc/INTERNALS, 3. */
#ifndef QUEUE_PLACE_H
#define QUEUE_PLACE_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLACE_TRIES = 200, /* numbers passed over for one message */
	PLACE_NAME = 64    /* bytes of a name in tmp/ */
};

struct place {
	unsigned split;
	bool named; /* the file system has no O_TMPFILE: tmp/ is used */
	int mess, info, pool, proc; /* pool -1: this queue has none */
	int spare;    /* where files of the pool come from, or -1; spare.h */
	int *folders; /* mess/SS, open to be synced; split of them */
	unsigned serial;
};

/* Learn what is needed once: the split, and whether tmp/ is used.  Nothing
 * stays open.  False with errno. */
MUST_USE bool place_probe(struct place *p);

/* Open the folders for one writer, after its fork (what /proc/self/fd names is
 * who opened it, and an error of the disk is told once to each opener) and
 * before its jail.  False with errno.  Freed by place_close. */
MUST_USE bool place_open(struct place *p);

/* Close what is open. */
void place_close(struct place *p);

/* A file that has no name yet, and the numbers it did not take. */
struct slot {
	int fd; /* -1: no file; for writing alone */
	uint64_t ino;
	char name[PLACE_NAME]; /* in tmp/, or "" */
	bool pooled;           /* it has a name in pool/ */
	int held[PLACE_TRIES]; /* kept open, so that their numbers stay taken */
	size_t held_count;
};

/* All is closed. */
void place_init(struct slot *s);

/* W1: a new file in s.  With look its number is one that neither a journal nor
 * a message has at this moment: others are passed over and held.  False with
 * errno; EMFILE when there were too many. */
MUST_USE bool place_take(struct place *p, struct slot *s, bool look);

/* W1, with a file of the pool, made size bytes at most.  False: there is none,
 * and place_take has one. */
MUST_USE bool place_reuse(struct place *p, struct slot *s, uint64_t size);

/* Unlink the files of the pool that wait for a writer: the disk is full. */
void place_release(struct place *p);

enum place_result {
	PLACE_DURABLE, /* W6 is done; the file is closed, nothing is held */
	PLACE_TAKEN,   /* the number is another's, and held, or the file is of
			* the pool and cannot be used; s has no file */
	PLACE_SYNC,    /* an fsync failed, with errno; nothing has the name */
	PLACE_FAILED   /* anything else, with errno; likewise */
};

/* W3 to W6: sync the file, give it its name, sync the name.  After PLACE_SYNC
 * or PLACE_FAILED end with place_drop. */
MUST_USE enum place_result place_keep(struct place *p, struct slot *s);

/* Forget the file and what is held. */
void place_drop(struct place *p, struct slot *s);

#endif
