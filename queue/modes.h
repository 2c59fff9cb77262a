/* modes: whose the queue's folders and files are, from doc/hier and as the
 * programs make them; what is missing is made, what is wrong put right. */
#ifndef QUEUE_MODES_H
#define QUEUE_MODES_H

#include "control/hier.h"
#include "lib/attr.h"
#include "queue/findings.h"
#include "queue/survey.h"
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct want {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* A row of the queue's. */
struct modes_row {
	char path[MOVING_PATH]; /* below queue/; "" is itself */
	enum hier_kind kind;
	struct want want;
};

enum { MODES_ROWS = 64 };

struct modes {
	struct modes_row rows[MODES_ROWS];
	size_t count;                 /* 0: there is no doc/hier */
	struct want message, journal; /* files of culver-queued, of -send */
};

/* Read doc/hier and find the accounts; outside of a jail, where they can be
 * looked up.  False with errno (EPROTO: the table is malformed, or an account
 * is missing, ENOENT); without doc/hier it is empty. */
MUST_USE bool modes_open(struct modes *m);

/* The file is as wanted.  False with *fault, which says whether we may mend
 * it.  In a private instance any group will do. */
bool modes_fit(const struct want *w, const struct stat *st, enum fault *fault);

/* Give the file or folder fd the owner, group and mode.  A file of two names is
 * left: somebody may have put it there.  False with errno; EPERM. */
MUST_USE bool modes_give(const struct want *w, int fd);

/* Look at the folders, the fifo and the made files of the queue and tell f; or,
 * f being NULL, make what is missing and put right what is wrong.  False with
 * errno when that failed. */
MUST_USE bool modes_rows(
    const struct modes *m, const struct survey *s, struct findings *f);

#endif
