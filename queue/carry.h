/* carry: a message on the move, and the journal that goes with it. */
#ifndef QUEUE_CARRY_H
#define QUEUE_CARRY_H

#include "lib/attr.h"
#include "queue/modes.h"
#include "queue/survey.h"
#include <stdbool.h>

/* A file in mess/ that is to have the moving name to. */
struct carried {
	const struct spot *at;
	struct name to;
	int fd; /* the file */
	struct stat st;
	enum head head;         /* fine or damaged */
	struct message message; /* with HEAD_FINE */
};

/* A moving name that was copied with its file: where it came from, or where it
 * belonged, is the same message, undamaged.  Then this one is unlinked, its
 * journal too where that of the other is there, and *dropped set. */
MUST_USE bool carry_drop_copy(const struct carried *c, bool *dropped);

/* Find the message's journal, and write it under the moving name, if it is not
 * where it belongs with the right number.  What another run wrote there is
 * written again; nothing is synced.  True also without a journal; false with
 * errno. */
MUST_USE bool carry_journal(const struct carried *c, const struct want *w);

/* Unlink the journal that has the name of the spot in mess/. */
MUST_USE bool carry_drop_journal(const struct spot *at);

/* Q6 for a moving name in info/: unlink the journal that it was made of, and
 * give it its right name.  One that is of no message is left. */
MUST_USE bool carry_settle(const struct spot *at);

/* Q10 for a moving name in info/: unlink it, if it has its right name besides or
 * is of no message. */
MUST_USE bool carry_end(const struct spot *at);

#endif
