/* space: whether a virtual mailbox has room for a message, for who only asks. */
#ifndef LOCAL_SPACE_H
#define LOCAL_SPACE_H

#include "lib/attr.h"
#include "lib/cdb.h"
#include "wire/quota.h"
#include "wire/users.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
	SPACE_ROWS = 64,         /* counts remembered */
	SPACE_FRESH = 15000000,  /* for so long, microseconds */
	SPACE_COUNTING = 200000, /* that counting may take, microseconds */
	SPACE_LONG = 10000,      /* who has taken more, microseconds, */
	SPACE_PAUSE = 10         /* counts again after so often its time */
};

struct space_row { /* what counting found */
	dev_t dev;
	ino_t ino;      /* of the Maildir */
	struct stat st; /* of its maildirsize; all zero: none */
	int64_t until;  /* boot clock */
	struct quota use;
};

/* Empty is all zero bytes. */
struct spaces {
	struct space_row rows[SPACE_ROWS];
	int64_t next; /* boot clock: no counting before */
};

/* The mailbox of record, a look-up's, has room for a message of size bytes.  Its
 * maildirsize says so; where that is not to be believed its files are counted,
 * and nothing is written.  FOUND_ERROR: it cannot be known, as where counting
 * would take too long; where there is no quota, or no Maildir that we may read,
 * the answer is yes.  trash: .Trash counts. */
MUST_USE enum found space_find(struct spaces *s,
    const struct user_record *record, bool trash, uint64_t size);

#endif
