/* pool: the workers of a spawner, each for the jobs of one key: culver-lspawn's
 * of one user, culver-rspawn's of one set of hosts.  Runs as root in
 * culver-lspawn. */
#ifndef WIRE_POOL_H
#define WIRE_POOL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	POOL_MAX = 4096 /* workers; further jobs are put off */
};

struct worker {
	pid_t pid;
	int fd; /* -1: it was ended, and is not yet gone */
	uint64_t key;
	int64_t since; /* boot clock: it has no work since then */
	bool ready;    /* it runs; before that its death is nobody's doing */
	bool busy;
	uint32_t job; /* of a busy one; and who of it has no result yet */
	uint32_t count, numbers[JOB_RECIPIENTS];
};

struct pool {
	const char *program; /* what a worker runs: "culver-local", of bin/ */
	/* In a new worker: become whom it is for, as pool_give was told.  What
	 * is false here is a worker that never runs.  NULL: it stays who we
	 * are. */
	bool (*become)(const void *whom);
	size_t
	    keep; /* with more workers than these none is kept without work */
	pid_t other; /* the caller's child that is no worker; 0 when it died */
	struct worker workers[POOL_MAX];
	size_t count;
	int send_fd;    /* culver-send; -1: nobody */
	struct buf out; /* for it: what pool_flush writes */
	bool failed;    /* it could not be answered: the connection must end */
};

/* The index of an idle worker of the key; count when there is none. */
size_t pool_idle(const struct pool *p, uint64_t key);

/* Give the packet of a job with the message's open file to a worker of the key,
 * an idle one or a new one, which becomes whom.  False with errno: nobody has it, and
 * nobody will answer; else there will be one end of it. */
MUST_USE bool pool_give(struct pool *p, uint64_t key, const void *whom,
    const struct job *job, struct str packet, int fd);

/* A result for culver-send, which pool_flush sends. */
void pool_answer(struct pool *p, const struct result *r);

/* Write the results there are, by one call.  The socket's buffer takes them, or
 * a time limit of the socket ends the wait. */
void pool_flush(struct pool *p);

/* Take a packet of what worker i has to say; it may be that it is gone.  One
 * that answers for another job, or for a recipient that is not its job's or has
 * had a result, is ended: culver-send would take it for our lie.  False when
 * there was none, or will be none. */
bool pool_hear(struct pool *p, size_t i);

/* Collect workers that died, and answer what they had; end those that were
 * stopped, which end for nobody else. */
void pool_reap(struct pool *p);

/* End all of them.  It waits until they are gone, or as good as: killed, and
 * stuck in a system call. */
void pool_end(struct pool *p);

/* Some are at work. */
bool pool_busy(const struct pool *p);

#endif
