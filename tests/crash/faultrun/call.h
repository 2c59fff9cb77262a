/* call: the system calls that faultrun knows by name, and of what kind each
 * is. */
#ifndef TESTS_CRASH_FAULTRUN_CALL_H
#define TESTS_CRASH_FAULTRUN_CALL_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stdint.h>

enum { CALL_ARGS = 6 };

/* A call as it was entered. */
struct entered {
	long nr;
	uint64_t args[CALL_ARGS];
};

enum call_kind {
	CALL_UNSEEN, /* counted nowhere: the end of a process, its own memory */
	CALL_LOOKING, /* fails like any other, and changes nothing */
	CALL_CHANGING /* what a disk, a peer or another process sees */
};

struct call {
	long nr;
	const char *name;
	enum call_kind kind;
	/* The argument that says how many bytes; -1: none. */
	int count;
	/* What it is turned into when it shall fail: it runs, and its result
	 * is replaced.  Closing closes whatever it answers. */
	bool runs;
};

/* The row of nr; for an unknown one a row named "other", CALL_LOOKING. */
const struct call *call_of(long nr);

/* What kind the call is with these arguments: an open changes something only
 * when it makes or empties a file.  Writes to standard error are left alone:
 * the driver reads there what the programs say. */
enum call_kind call_kind(const struct entered *e);

/* Have the kernel stop this process, and what it becomes, for its tracer at
 * each call of at least that kind, by a filter that allows everything.  False
 * with errno. */
MUST_USE bool call_stop(enum call_kind least);

/* The number of an error by its name ("ENOSPC"); 0 when it has none. */
int call_errno(const char *name);

#endif
