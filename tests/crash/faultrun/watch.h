/* watch: hold processes, follow what they fork, and do to one call of theirs
 * what a plan says. */
#ifndef TESTS_CRASH_FAULTRUN_WATCH_H
#define TESTS_CRASH_FAULTRUN_WATCH_H

#include "lib/attr.h"
#include "tests/crash/faultrun/plan.h"
#include "tests/crash/faultrun/record.h"
#include "tests/crash/faultrun/tracee.h"
#include <stdbool.h>
#include <stdio.h>

struct watch {
	struct tracees tracees;
	struct plan plan;
	struct record record;
	enum call_kind least; /* calls of at least this kind are seen */
	FILE *counts; /* a line for each call that is counted; NULL: none */
	FILE *events; /* "hit", "exit" and "dead" lines for the driver; NULL */
	const char *power; /* folder whose file system PLAN_CUT shuts down */
	bool failed;       /* the cut could not be made, or something broke */
	bool dying;        /* all were killed and not all are gone */
	int last; /* wait status of the last started process that ended */
};

/* All that has happened and was not handled yet.  With wait, until something
 * happens.  False when no process is left. */
MUST_USE bool watch_turn(struct watch *w, bool wait);

/* SIGKILL for every process; watch_turn goes on until they are gone. */
void watch_kill(struct watch *w);

#endif
