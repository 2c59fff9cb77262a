/* active: a message in hand: its head, its recipients' states, and what its
 * journal does not yet say. */
#ifndef SEND_ACTIVE_H
#define SEND_ACTIVE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "send/schedule.h"
#include "wire/bounce.h"
#include "wire/envelope.h"
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

/* NOTIFY and a notice of delay (RFC 3461, 4.1). */
enum recipient_wish { WISH_UNSAID, WISH_YES, WISH_NO };

struct recipient {
	int64_t next;           /* boot clock, microseconds: not before */
	uint64_t attempts : 24; /* so far */
	uint64_t offset : 35;   /* of its record in the envelope */
	uint64_t success : 1;   /* NOTIFY asks for a notice of success */
	uint64_t owes : 1;   /* ok with an act, no success line tells of it */
	uint64_t delay : 2;  /* of enum recipient_wish */
	uint64_t told : 1;   /* a delay line tells of it */
	uint32_t pause : 30; /* seconds from the attempt to next, in a
				 * journal */
	uint32_t state : 2;  /* of enum recipient_state */
	uint32_t part;       /* the schedule's; SCHEDULE_NONE: done */
};
_Static_assert(sizeof(struct recipient) == 24, "INTERNALS 5");

enum { RECIPIENT_PAUSE = (1 << 30) - 1 }; /* the longest that is kept */

#define RECIPIENT_OFFSET ((UINT64_C(1) << 35) - 1)
_Static_assert(3ULL * ENVELOPE_RECORD * ENVELOPE_RECIPIENTS < RECIPIENT_OFFSET,
    "the last record of the longest envelope");

/* The recipients of one part. */
struct share {
	uint32_t part;
	uint32_t first, end; /* theirs in order */
	uint32_t cursor;     /* in order: none before it is to be tried now */
	uint32_t flying;     /* jobs */
	bool queued;         /* the schedule has it: its turn will come */
	bool ready;          /* and was due when it was put there */
	bool going;          /* a round of jobs has begun, and is not over */
};

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
	uint32_t count, cap;  /* recipients seen so far */
	uint32_t open;        /* those that are neither ok nor failed */
	uint32_t *order;      /* numbers of those, part by part */
	struct share *shares; /* by part */
	uint32_t share_count;
	uint32_t ready;  /* shares that are */
	uint32_t flying; /* jobs */
	bool tried;      /* a job has left since it came into hand */
	bool parted;     /* some recipients have parts */
	bool partial;    /* there was no lane for some: they have no part */
	bool stale;      /* what control/ says has changed: to be read anew */
	bool untold;     /* a fail that no bounce line covers */
	enum bounce_kind asked; /* the notice of STAGE_BOUNCING */
	bool turn;              /* a part's turn brought it here, whose share
				 * is to be set right then */
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
	struct buf customer; /* whose it is to the schedule */
};

enum active_result {
	ACTIVE_OK,
	ACTIVE_GONE,    /* no such message any more */
	ACTIVE_DAMAGED, /* hold it */
	ACTIVE_TROUBLE  /* errno; try later */
};

/* Take e in hand: open and read the message's head, compare the token with the
 * entry's (a newer message with the same number takes the entry over), and
 * read the journal of a repeat, which a message that has one is.  turn: the
 * schedule knows its parts, and one of them has its turn.  The struct is the
 * caller's to active_free. */
MUST_USE enum active_result active_load(struct active **out, struct entry *e,
    bool turn, unsigned split, uid_t owner);

/* Close and free a; NULL is accepted. */
void active_free(struct active *a);

/* The state of recipient number, made if need be.  NULL without memory. */
MUST_USE struct recipient *active_recipient(struct active *a, uint32_t number);

/* Add a line that is to reach the journal.  False without memory. */
MUST_USE bool active_note(
    struct active *a, const struct journal_line *line, int64_t now);

/* When the first of the recipients that are neither ok nor failed may be tried
 * (boot clock); INT64_MAX when there is none. */
int64_t active_next(const struct active *a);

#endif
