/* schedule: every queued message that culver-send knows, and the order of their
 * turns.  One struct entry each (P7); addresses stay on the disk. */
#ifndef SEND_SCHEDULE_H
#define SEND_SCHEDULE_H

#include "lib/attr.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum entry_flag {
	ENTRY_REPEAT = 1 << 0, /* not a first hint: it may have been tried */
	ENTRY_KNOWN = 1 << 1,  /* the token has been learnt */
	ENTRY_TOLD = 1 << 2,   /* "new msg" has been logged */
	ENTRY_FORCE = 1 << 3,  /* SIGALRM: try all recipients now */
	ENTRY_ACTIVE = 1 << 4, /* in hand: not in the heap */
	ENTRY_HELD = 1 << 5,   /* waits for release: not in the heap */
	/* due is what the earliest stamp in the journal stood for. */
	ENTRY_STAMPED = 1 << 6,
};

struct entry {
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	int64_t due;   /* on the boot clock, microseconds */
	uint32_t heap; /* place in the heap; SCHEDULE_NONE: not in it */
	uint32_t flags;
};

#define SCHEDULE_NONE UINT32_MAX

struct schedule;

/* An empty schedule; NULL without memory.  schedule_free accepts NULL. */
MUST_USE struct schedule *schedule_new(void);

/* Free t and all entries; NULL is accepted. */
void schedule_free(struct schedule *t);

/* The message with this number, or NULL.  Entries do not move. */
struct entry *schedule_find(const struct schedule *t, uint64_t ino);

/* Add a message that is not there yet; it is not in the heap.  NULL without
 * memory. */
MUST_USE struct entry *schedule_add(struct schedule *t, uint64_t ino);

/* Forget a message. */
void schedule_remove(struct schedule *t, struct entry *e);

/* Put e into the heap with this due time, or move it there. */
void schedule_put(struct schedule *t, struct entry *e, int64_t due);

/* Take e out of the heap, if it is in it. */
void schedule_take(struct schedule *t, struct entry *e);

/* The entry whose turn comes first; NULL when none waits. */
struct entry *schedule_first(const struct schedule *t);

/* Everything that waits is due now and forced (SIGALRM). */
void schedule_force(struct schedule *t, int64_t now);

/* How many messages are known, and how many wait in the heap. */
size_t schedule_count(const struct schedule *t);

/* How many messages wait in the heap. */
size_t schedule_waiting(const struct schedule *t);

/* The memory that all this takes, bytes (P7). */
size_t schedule_bytes(const struct schedule *t);

#endif
