/* plan: which call of which program is to go wrong, and how. */
#ifndef TESTS_CRASH_FAULTRUN_PLAN_H
#define TESTS_CRASH_FAULTRUN_PLAN_H

#include "lib/attr.h"
#include "lib/str.h"
#include "tests/crash/faultrun/call.h"
#include <stdbool.h>
#include <stdint.h>

enum plan_action {
	PLAN_COUNT,   /* nothing: the counting pass */
	PLAN_KILL,    /* the process dies at the call, which is not made */
	PLAN_KILLALL, /* so do all others */
	PLAN_CUT,     /* the file system loses its power, then all die */
	PLAN_SYNCCUT, /* the same, after a neighbour has synced its own file */
	PLAN_SIGNAL,  /* the process gets a signal instead of the call */
	PLAN_ERROR,   /* the call fails */
	PLAN_SHORT    /* it reads or writes fewer bytes than asked */
};

enum { PLAN_WORD = 64 /* bytes of a program's or a call's name */ };

struct plan {
	char program[PLAN_WORD]; /* without culver-; "*": any */
	char calls[PLAN_WORD];   /* "changing", "all", or one call's name */
	uint64_t at;             /* the first is 1 */
	enum plan_action action;
	int error;      /* of PLAN_ERROR */
	int signal;     /* of PLAN_SIGNAL */
	uint64_t bytes; /* of PLAN_SHORT: this many at most */
	bool sticky;    /* that call of that program, from then on */
	uint64_t seen;  /* calls counted so far */
	long nr;        /* of the call that was hit; -1: none was */
};

/* Read an action: count, kill, killall, cut, synccut, signal=NAME, errno=NAME,
 * short=BYTES; the last three sticky with a "+" behind them.  False when it is
 * none. */
MUST_USE bool plan_action(struct plan *p, const char *text);

/* A call is entered.  True when the plan has this one go wrong; *counted is
 * its number where it was counted, else 0. */
MUST_USE bool plan_hits(struct plan *p, const char *program,
    const struct entered *e, uint64_t *counted);

#endif
