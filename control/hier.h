/* hier: the table of the file hier, one row a folder, fifo or file. */
#ifndef CONTROL_HIER_H
#define CONTROL_HIER_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <sys/types.h>

enum hier_kind {
	HIER_FOLDER, /* "/" */
	HIER_FIFO,   /* "|" */
	HIER_MADE,   /* "?": a program makes it */
	HIER_FILE    /* installed */
};

struct hier_row {
	enum hier_kind kind;
	struct str path; /* below HOME, without the mark of its kind */
	struct str owner, group;
	mode_t mode;
};

/* The next row of *rest, comments and empty lines skipped; views point into it.
 * False at the end; and with *bad set at a line that is none. */
bool hier_next(struct str *rest, struct hier_row *row, bool *bad);

/* The numbers of a row's owner and group; in a private instance HOME's.  False
 * with errno ENOENT when there is no such account or group. */
MUST_USE bool hier_owner(const struct hier_row *row, uid_t *uid, gid_t *gid);

#endif
