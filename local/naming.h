/* naming: culver-lspawn's naming halves, which alone ask the system's name service,
 * one for the finding half and one for the asking half.  That may take as long as
 * some server likes: nobody but those who ask for a system's user waits for it,
 * and few of them.
 *
 * Over a SEQPACKET pair goes a local part, and back comes one struct named, in
 * the order of the questions.  Both are one program. */
#ifndef LOCAL_NAMING_H
#define LOCAL_NAMING_H

#include "lib/attr.h"
#include "lib/str.h"
#include "local/finding.h"
#include "local/owner.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	NAMING_MOST = 16,     /* who wait at once */
	NAMING_PATIENCE = 20, /* seconds for an answer */
	NAMING_QUICK = 1 /* seconds in which a service in health has some */
};

_Static_assert((int)NAMING_MOST < (int)FINDING_MOST, "others overtake them");
_Static_assert((int)NAMING_PATIENCE < (int)FINDING_PATIENCE, "root waits on");

struct named {
	int32_t error; /* errno; 0: the row is valid */
	struct owner_row row;
};

struct question {
	void *packet; /* of the caller's, to be freed */
	size_t len;
	int64_t since; /* boot clock */
};

/* Who asks.  Begin with all zero bytes and fd -1. */
struct naming {
	pid_t pid;
	int fd; /* to be polled; -1: it must be started */
	int64_t began;
	bool failing; /* the last question had no answer in time */
	struct question waiting[NAMING_MOST]; /* the oldest first */
	size_t count;
};

/* Start it, unless that was done within a second; never fails for good.  What
 * the caller has open is closed there. */
void naming_start(struct naming *n, const struct owners *o);

/* Ask for a local part; a copy of the packet is kept until its answer.  False with
 * errno, and nobody will answer: EAGAIN, as many wait as may (while the service
 * is failing that is one); ETIMEDOUT, it was given up a moment ago. */
MUST_USE bool naming_ask(
    struct naming *n, struct str local, const void *packet, size_t len);

/* As many wait as may, though none for long yet: there is room in a moment. */
bool naming_busy(const struct naming *n);

/* Milliseconds after which naming_busy, naming_lost and naming_start may have
 * something else to say; -1: never by themselves. */
int naming_wait(const struct naming *n);

/* The answer to the oldest question, which the caller frees.  False when there is
 * none; the half that has ended has fd -1 then, and naming_lost the rest. */
MUST_USE bool naming_hear(
    struct naming *n, struct named *answer, struct question *q);

/* A question that will have no answer, one after the other: the half ended, or
 * the oldest has waited for too long; errno says so.  False: there is none. */
MUST_USE bool naming_lost(struct naming *n, struct question *q);

#endif
