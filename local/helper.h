/* helper: what the programs for .qmail files have in common.  All of them die
 * (111, or 100 for what will never do) where they cannot go on. */
#ifndef LOCAL_HELPER_H
#define LOCAL_HELPER_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Answer --help, take the name, ignore SIGPIPE, and drop to what the caller
 * is. */
void helper_begin(int argc, char **argv, const char *name, const char *usage);

/* The variable, which culver-local sets; dies (100) without it. */
struct str helper_need(const char *name);

/* Run argv, found by PATH, and wait: its exit code.  Dies (111) when a signal
 * ended it.  One that cannot be run has 111 where that may change, else 100. */
MUST_USE int helper_run(char *const *argv);

/* Descriptor 0 from its start again. */
void helper_rewind(void);

/* Queue what descriptor 0 still has, behind $DTLINE, for count recipients, with
 * the sender $NEWSENDER; the process that wrote it.  Dies where it is not
 * queued: 100 where it never will be. */
MUST_USE uint32_t helper_forward(char *const *recipients, size_t count);

/* Queue a message of ours with the null sender for one recipient, likewise. */
void helper_answer(struct str message, struct str recipient);

/* Say "NAME: qp N" on descriptor 2. */
void helper_say_queued(uint32_t writer);

#endif
