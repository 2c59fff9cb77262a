/* tracee: the processes that faultrun holds by ptrace(2), and what is done to
 * their registers.  x86_64. */
#ifndef TESTS_CRASH_FAULTRUN_TRACEE_H
#define TESTS_CRASH_FAULTRUN_TRACEE_H

#include "lib/attr.h"
#include "tests/crash/faultrun/call.h"
#include "tests/crash/faultrun/plan.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TRACEES_MAX = 512 };

enum bend {
	BEND_NONE,
	BEND_RESULT, /* at its end it is told that it failed */
	BEND_BYTES   /* it was asked for fewer bytes */
};

struct tracee {
	pid_t pid;
	char program[PLAN_WORD]; /* without culver-; "": nobody told us yet */
	bool started;            /* by us; its end is somebody's business */
	bool early;              /* it stopped before its parent spoke of it */
	bool inside;             /* in a call whose end we want to see */
	struct entered call;     /* the one it is in, or was in last */
	enum bend bend;
	int error;         /* of BEND_RESULT */
	uint64_t saved[3]; /* the call's registers as they were */
};

struct tracees {
	struct tracee all[TRACEES_MAX]; /* pid 0: a free place */
	size_t count;                   /* places that were ever taken */
};

/* The one of pid; NULL. */
struct tracee *tracee_find(struct tracees *t, pid_t pid);

/* A new one without a name; NULL when there are too many. */
struct tracee *tracee_add(struct tracees *t, pid_t pid);

/* Forget one; its place is free, and the others keep theirs. */
void tracee_drop(struct tracee *one);

/* Start argv with standard output and error appended to log (NULL: ours), in
 * our hands from its first call on; calls of at least that kind stop it.  NULL
 * with errno. */
MUST_USE struct tracee *tracee_start(struct tracees *t, char *const *argv,
    const char *log, enum call_kind least);

/* Take the program's name from the kernel: the file that runs, without
 * "culver-". */
void tracee_learn(struct tracee *one);

/* At the entry of a call: it shall fail with error, or work on at most bytes.
 * False when that cannot be done. */
MUST_USE bool tracee_fail(struct tracee *one, int error);

/* The same for fewer bytes. */
MUST_USE bool tracee_shorten(struct tracee *one, uint64_t bytes);

/* At its end: what was bent is put right, but for the result that was asked
 * for. */
void tracee_mend(struct tracee *one);

/* Let it go on to its next stop, with a signal or 0. */
void tracee_go(const struct tracee *one, int signal);

#endif
