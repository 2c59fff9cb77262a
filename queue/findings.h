/* findings: what culver-check found, as a table of 80 columns or as JSON, said
 * as it is found: nothing is kept but counts. */
#ifndef QUEUE_FINDINGS_H
#define QUEUE_FINDINGS_H

#include "lib/attr.h"
#include "lib/json.h"
#include <stdbool.h>
#include <stdint.h>

/* How a finding is mended. */
enum cure {
	CURE_NONE,  /* by a person, or not at all */
	CURE_MAKE,  /* a folder or fifo is made */
	CURE_NAMES, /* names are moved */
	CURE_MODES  /* owner and mode are set */
};

/* id, its word in JSON, what is wrong, what --repair does, cure, blocks: while
 * there is one no name is moved */
#define FAULTS(X)                                                              \
	X(UNFINISHED, "unfinished", "a repair is unfinished", "finished",      \
	    CURE_NAMES, false)                                                 \
	X(PLACE, "place", "its name is not its inode", "renamed", CURE_NAMES,  \
	    false)                                                             \
	X(MOVING, "moving", "left by a repair", "finished", CURE_NAMES, false) \
	X(NUMBER, "number", "it says another number", "written anew",          \
	    CURE_NAMES, false)                                                 \
	X(HEAD, "head", "its head is damaged", "none: it is held", CURE_NONE,  \
	    false)                                                             \
	X(ENVELOPE, "envelope", "its envelope is damaged", "none: it is held", \
	    CURE_NONE, false)                                                  \
	X(BODY, "body", "its body is damaged", "none: it is held", CURE_NONE,  \
	    false)                                                             \
	X(NO_FILE, "no-file", "it is no plain file", "none: take it away",     \
	    CURE_NONE, true)                                                   \
	X(NO_FOLDER, "no-folder", "it is no folder", "none: take it away",     \
	    CURE_NONE, true)                                                   \
	X(UNREADABLE, "unreadable", "it cannot be read", "none:", CURE_NONE,   \
	    true)                                                              \
	X(STRAY, "stray", "it does not belong here", "none: look at it",       \
	    CURE_NONE, false)                                                  \
	X(MISSING, "missing", "it is missing", "made", CURE_MAKE, false)       \
	X(NO_TABLE, "missing", "it is missing", "none: culver setup",          \
	    CURE_NONE, false)                                                  \
	X(KIND, "kind", "it is something else", "none: take it away",          \
	    CURE_NONE, false)                                                  \
	X(MODE, "mode", "owner, group or mode", "put right", CURE_MODES,       \
	    false)                                                             \
	X(OWNER, "owner", "it is another account's", "none: only root can",    \
	    CURE_NONE, false)

enum fault {
#define FAULT_ID(id, word, what, mend, cure, blocks) FAULT_##id,
	FAULTS(FAULT_ID)
#undef FAULT_ID
	    FAULT_COUNT
};

struct findings {
	bool json, silent; /* silent: only counted */
	struct json out;   /* what --json says, written as it grows */
	bool begun;        /* the table has its first line */
	uint64_t counts[FAULT_COUNT];
	uint64_t messages, journals;
	uint64_t left; /* things that culver-send will see to */
	bool progress; /* stderr is a terminal */
	int64_t start, said;
};

/* Begin; with json the object is opened. */
void findings_begin(struct findings *f, bool json);

/* One finding about path (below queue/, any bytes); to, if not NULL, is the
 * path that the file is given.  Dies (111) when it cannot be written. */
void findings_add(
    struct findings *f, enum fault fault, const char *path, const char *to);

/* Something was looked at: says how far we are, on a terminal, after 2 s. */
void findings_tick(struct findings *f);

/* How many there are in all, and of those that a cure is for. */
uint64_t findings_count(const struct findings *f);

/* Those with this cure; likewise. */
uint64_t findings_curable(const struct findings *f, enum cure cure);

/* Those that keep names from being moved. */
uint64_t findings_blocking(const struct findings *f);

/* The end: the line of counts.  repaired: after how many were left.  Dies (111)
 * when it cannot be written. */
void findings_end(struct findings *f, bool repair, uint64_t left);

#endif
