/* pool: the workers of culver-lspawn, each of one user.  Runs as root. */
#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "local/owner.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	POOL_MAX = 4096, /* workers; further jobs are put off */
	POOL_KEEP = 64   /* with more than these none is kept without work */
};

struct worker {
	pid_t pid;
	int fd; /* -1: it was ended, and is not yet gone */
	uid_t uid;
	gid_t gid;
	bool ready; /* it runs; before that its death is nobody's doing */
	bool busy;
	uint32_t job; /* of a busy one */
};

struct pool {
	struct worker workers[POOL_MAX];
	size_t count;
	int send_fd; /* culver-send; -1: nobody */
	bool failed; /* it could not be answered: the connection must end */
};

/* Give a packet with the message's open file to a worker of the account, an
 * idle one or a new one.  False with errno: nobody has it, and nobody will
 * answer; else there will be one end of it. */
MUST_USE bool pool_give(struct pool *p, const struct account_row *a,
    uint32_t job, struct str packet, int fd);

/* A result for culver-send.  Its socket's buffer takes it, or a time limit of
 * the socket ends the wait. */
void pool_answer(struct pool *p, const struct result *r);

/* Take what worker i has to say; it may be that it is gone. */
void pool_hear(struct pool *p, size_t i);

/* Collect workers that died, and answer what they had. */
void pool_reap(struct pool *p);

/* End all of them.  It waits until they are gone, or as good as: killed, and
 * stuck in a system call. */
void pool_end(struct pool *p);

/* Some are at work. */
bool pool_busy(const struct pool *p);

#endif
