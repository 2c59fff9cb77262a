/* trying: queue/trying, what culver-send has in hand; mapped and shared, so
 * that it outlives a crash of culver-send (not one of the machine, after which
 * nothing in it is missed).  P9 is counted here.
 *
 *   the file is struct trying as the machine lays it out: it never leaves it
 *
 * hand     the message whose files culver-send is reading this moment; ino 0:
 *          none.  Its signal is written by the handler of a deadly signal.
 * suspect  messages that were in hand when a program died, with how often.
 *          Cleared when an attempt on the message ends.
 */
#ifndef WIRE_TRYING_H
#define WIRE_TRYING_H

#include "lib/attr.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	TRYING_MAGIC = 0x63747279,
	TRYING_SUSPECTS = 1024,
	TRYING_CRASHES = 2, /* SEGV, BUS, ABRT, ILL, FPE or SYS: hold */
	TRYING_DEATHS = 5,  /* any other death, one after the other: hold */
};

struct trying_suspect {
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	uint32_t crashes, deaths;
};

struct trying {
	uint32_t magic, version;
	uint32_t suspected; /* places taken among suspects */
	uint32_t spare;
	struct trying_suspect hand; /* crashes is the signal, 0: none */
	struct trying_suspect suspects[TRYING_SUSPECTS];
};

/* Map QUEUE_TRYING, made anew where it is missing or not of this form.  NULL
 * with errno. */
MUST_USE struct trying *trying_open(void);

/* The program begins to read, or is done with, a message's files. */
void trying_take(
    struct trying *t, uint64_t ino, const unsigned char token[QUEUE_TOKEN]);

/* The program is done with the message it took in hand. */
void trying_release(struct trying *t);

/* A program died by signal (0: it vanished) with this message in hand.  True
 * when that was once too often: hold it. */
MUST_USE bool trying_died(struct trying *t, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN], int signal);

/* An attempt ended as it should: forget the message's deaths. */
void trying_clear(struct trying *t, uint64_t ino);

/* What the last run had in hand when it ended, if anything; counted as
 * trying_died does.  *hold tells whether it is to be held. */
MUST_USE bool trying_last(struct trying *t, uint64_t *ino,
    unsigned char token[QUEUE_TOKEN], bool *hold);

/* A death by this signal is a crash of the program, not a kill. */
bool trying_is_crash(int signal);

#endif
