/* spawn: what the spawners have in common: they serve one culver-send at a time,
 * open the messages of its jobs, and hear their workers (wire/job.h).  Runs as
 * root in culver-lspawn. */
#ifndef WIRE_SPAWN_H
#define WIRE_SPAWN_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/job.h"
#include "wire/message.h"
#include "wire/pool.h"
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	/* What is to be done with a job: it is given to the pool, or answered.
	 * False for one that culver-send cannot mean: the connection ends. */
	bool (*begin)(struct spawn *s, const struct job *j);
	/* Called whenever something has happened, and once a second while it is
	 * restless; NULL: nobody is. */
	void (*tend)(struct spawn *s);
	/* Called when other_fd is readable; -1: there is none. */
	void (*hear)(struct spawn *s);
	int other_fd;
	bool restless;
	struct pool pool; /* program, become and keep are the caller's */
	struct pollfd polls[POOL_MAX + 2];
	struct buf in; /* from culver-send: jobs, the last perhaps in part */
	int listen_fd;
	unsigned split;
	uid_t send_uid, queue_uid;
};

/* Find the queue, and listen at path for culver-send.  Dies (111). */
void spawn_open(struct spawn *s, const char *path);

/* Serve until SIGTERM, and then until what is under way has ended, ten seconds
 * at most.  Dies (111) when it cannot work. */
void spawn_run(struct spawn *s);

/* The file of a job's message, and its head.  -1 with errno: ENOENT when it is
 * gone or has another token, EPROTO when its head is damaged. */
MUST_USE int spawn_message(
    const struct spawn *s, const struct job *j, struct message *m);

#endif
