/* spare: the files of finished messages, from culver-send to the writers
 * (INTERNALS 3, Recycling; wire/queue.h, Pool).  The listener alone opens them;
 * a writer gets a descriptor that it can only write to. */
#ifndef QUEUE_SPARE_H
#define QUEUE_SPARE_H

#include "lib/attr.h"
#include "wire/queue.h"
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPARE_HINTS = 64 }; /* read at once */

/* What the listener knows of a file that it hands on. */
struct spare_given {
	uint64_t ino, size;
};

struct spare {
	int pool; /* the folder; -1: this queue has no pool */
	int proc; /* /proc/self/fd, the listener's */
	int fifo; /* queue/free */
	int out;  /* descriptors go in here, and wait for a writer */
	int in;   /* and come out here; the writers' end */
	int file; /* one for which there was no room; -1: none */
	struct spare_given given; /* what goes with it */
	size_t used, len;         /* of hints */
	char hints[SPARE_HINTS * QUEUE_HINT_SIZE];
};

/* Open what there is, within the listener's jail.  False with errno; a queue
 * without a pool is none's fault.  SIGIO must be ignored. */
MUST_USE bool spare_open(struct spare *s);

/* Close all. */
void spare_close(struct spare *s);

/* In a writer, after its fork: close all but the writers' end, and return that,
 * or -1. */
MUST_USE int spare_leave(struct spare *s);

/* What to wait for. */
struct pollfd spare_watch(const struct spare *s);

/* It has happened, or may have: hand on what there is and there is room for. */
void spare_run(struct spare *s);

/* A writer's: a file from its end, opened for writing; -1 with errno, EAGAIN
 * when there is none. */
MUST_USE int spare_receive(int in, struct spare_given *given);

#endif
