/* active: a message in hand: its head, its recipients' states, and what its
 * journal does not yet say. */
#ifndef SEND_ACTIVE_H
#define SEND_ACTIVE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "send/schedule.h"
#include "wire/journal.h"
#include "wire/message.h"
#include <stdbool.h>
#include <stdint.h>

enum recipient_state {
	RECIPIENT_TODO,
	RECIPIENT_FLYING,
	RECIPIENT_OK,
	RECIPIENT_FAILED
};

struct recipient {
	int64_t next; /* boot clock, microseconds: not before */
	uint32_t attempts : 24;
	uint32_t state : 8; /* of enum recipient_state */
	uint32_t pause;     /* seconds from the attempt to next, in a journal */
};
_Static_assert(sizeof(struct recipient) == 16, "INTERNALS 5");

enum stage {
	STAGE_TRYING,    /* recipients are given to channels */
	STAGE_RECORDING, /* the attempt is over; its lines are to be written */
	STAGE_BOUNCING,  /* culver-bounce has been asked, or will be */
	STAGE_REMOVING   /* everything is done but the removal */
};

struct active {
	struct active *before,
	    *after; /* in the list of all, the oldest first */
	struct entry *entry;
	struct message message;
	int fd;         /* the message's file */
	int64_t offset; /* of the wall clock from the boot clock, when loaded */
	enum stage stage;
	int64_t again; /* boot clock: next try of a stage */
	struct recipient *recipients;
	uint32_t count, cap; /* recipients seen so far */
	uint32_t flying;
	uint64_t cursor;        /* envelope offset to go on at */
	uint32_t cursor_number; /* recipients before it */
	int blocked;            /* channel without a slot; -1: none */
	bool walked;            /* the envelope's end was reached */
	bool walk_again;        /* somebody is to be tried at once */
	bool untold;            /* a fail that no bounce line covers */
	bool lost;              /* with the spawner that is gone just now */
	bool held;              /* no further attempt: hold it */
	const char *why;        /* it is held; a static string */
	bool noted;             /* the line that says so */
	bool done;              /* the journal says done */
	bool journal;           /* info/INO exists and is ours */
	uint64_t journal_len;   /* its undamaged bytes */
	uint64_t compact_at;    /* bytes: when compacting is worth a try */
	struct buf lines;       /* not on the disk yet */
	bool urgent;            /* a fail is among them */
	bool stuck;             /* the last write of them failed */
	int64_t lines_since;    /* boot clock */
	struct buf sender;
};

enum active_result {
	ACTIVE_OK,
	ACTIVE_GONE,    /* no such message any more */
	ACTIVE_DAMAGED, /* hold it */
	ACTIVE_TROUBLE  /* errno; try later */
};

/* Take e in hand: open and read the message's head, compare the token with the
 * entry's (a newer message with the same number takes the entry over), and
 * read the journal of a repeat, which a message that has one is.  The struct
 * is the caller's to active_free. */
MUST_USE enum active_result active_load(
    struct active **out, struct entry *e, unsigned split, uid_t owner);

/* Close and free a; NULL is accepted. */
void active_free(struct active *a);

/* The state of recipient number, made if need be.  NULL without memory. */
MUST_USE struct recipient *active_recipient(struct active *a, uint32_t number);

/* Add a line that is to reach the journal.  False without memory. */
MUST_USE bool active_note(
    struct active *a, const struct journal_line *line, int64_t now);

/* Recipients that are neither ok nor failed, after the walk; *next is when the
 * first of them may be tried (boot clock). */
uint32_t active_unfinished(const struct active *a, int64_t *next);

#endif
