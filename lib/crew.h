/* crew: the worker processes of a listener, and what they say to each other
 * over a SEQPACKET pair: the listener sends struct handover with a descriptor,
 * the worker a byte when it is prepared and one after each connection that is
 * not its last.  Within a connection it may send struct claim, and waits for a
 * byte of the listener, CREW_YES or CREW_NO.  A closed pair means: finish and
 * end. */
#ifndef LIB_CREW_H
#define LIB_CREW_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "lib/listener.h"
#include "lib/tally.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct handover {
	struct ip remote;
	uint16_t remote_port;
};

/* The connection is that of another address. */
struct claim {
	char what; /* CREW_CLAIM */
	struct ip client;
};

enum {
	CREW_READY = 'r', /* a worker says: prepared */
	CREW_DONE = 'd',  /* a worker says: I can take another */
	CREW_CLAIM = 'c',
	CREW_YES = 'y',
	CREW_NO = 'n'
};

enum worker_phase {
	WORKER_IDLE,
	WORKER_BUSY,
	WORKER_LEAVING /* it closed its end, or was told to go */
};

struct worker {
	pid_t pid;
	int fd; /* our end of the pair; -1 when leaving */
	enum worker_phase phase;
	bool ready;   /* it has been prepared */
	bool counted; /* client is, in the crew's tally */
	struct ip client;
	int64_t since; /* idle or born, boot clock */
};

struct crew {
	struct worker *workers; /* owned; ended by crew_free */
	size_t count, room;
	struct tally tally; /* of the connections that workers serve */
	/* One more connection of an address that a worker claims may be
	 * served; NULL: always. */
	bool (*admit)(void *context, const struct ip *client);
	void *context;
};

/* Fork an idle worker.  Returns 1, -1 with errno, and 0 in the child, whose
 * *control is its end of the pair and whose crew is closed and empty. */
MUST_USE int crew_hire(struct crew *c, int *control);

/* The life of a worker, from ops->prepare to _exit. */
NO_RETURN void crew_work(const struct listener_ops *ops, int control);

/* There is an idle worker; how many are busy. */
bool crew_has_idle(const struct crew *c);

/* How many workers serve a connection. */
size_t crew_busy(const struct crew *c);

/* Pass a descriptor, which stays the caller's, to an idle worker that takes it;
 * one that died unseen does not.  False when there is none. */
MUST_USE bool crew_give(struct crew *c, const struct handover *from, int fd);

/* Worker number number said something, or ended. */
void crew_hear(struct crew *c, size_t number);

/* Bury who ended, with a warning unless it meant to.  False when one of them
 * ended badly before it was prepared. */
MUST_USE bool crew_reap(struct crew *c);

/* Dismiss who is idle for 60 seconds.  Returns when the next one is (boot
 * clock), or -1 when nobody is idle. */
int64_t crew_retire(struct crew *c, int64_t now);

/* Dismiss all; by SIGTERM, too, when asked. */
void crew_stop(struct crew *c, bool now);

/* Free c. */
void crew_free(struct crew *c);

#endif
