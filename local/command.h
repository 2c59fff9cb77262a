/* command: a program of a .qmail file, run and waited for. */
#ifndef LOCAL_COMMAND_H
#define LOCAL_COMMAND_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "local/report.h"
#include "wire/body.h"
#include <stdbool.h>
#include <stdint.h>

enum { COMMAND_SAID = 2600 }; /* bytes of what programs said that are kept */
_Static_assert((int)COMMAND_SAID < (int)JOB_TEXT, "more is to be told");

struct command_limits {     /* of each process of it; 0: as ours */
	uint64_t cpu;       /* seconds */
	uint64_t memory;    /* bytes of its own that it can write to */
	uint64_t files;     /* descriptors */
	uint64_t processes; /* of its account, all that there are */
};

struct command {
	struct str line;   /* for /bin/sh -c */
	char *const *list; /* its whole environment */
	int home_fd;       /* its folder */
	struct body *body; /* of the message, which it gets a copy of */
	unsigned seconds;  /* that it may take */
	unsigned grace;    /* that what it leaves behind may take */
	struct command_limits limits;
	struct buf *said; /* what it says is added, COMMAND_SAID in all */
};

enum command_result {
	COMMAND_DONE,
	COMMAND_LAST, /* 99: the instructions behind it are not done */
	COMMAND_FAILED
};

/* Run it in a session and a process group of its own, with three descriptors and
 * within its limits, and wait until it has ended.  What of its group is left then
 * is killed when the grace is over; when its time is over, all of the group are.
 * COMMAND_FAILED: the report says why, in the program's words where it had any.
 * Children of the caller that have ended are taken for its. */
MUST_USE enum command_result command_run(
    const struct command *c, struct report *r);

#endif
