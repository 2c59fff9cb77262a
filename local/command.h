/* command: a program of a .qmail file, run and waited for. */
#ifndef LOCAL_COMMAND_H
#define LOCAL_COMMAND_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "local/report.h"
#include "wire/body.h"
#include <stdbool.h>

enum { COMMAND_SAID = 2600 }; /* bytes of what programs said that are kept */
_Static_assert((int)COMMAND_SAID < (int)JOB_TEXT, "more is to be told");

struct command {
	struct str line;   /* for /bin/sh -c */
	char *const *list; /* its whole environment */
	int home_fd;       /* its folder */
	struct body *body; /* of the message, which it gets a copy of */
	unsigned seconds;  /* that it may take */
	struct buf *said;  /* what it says is added, COMMAND_SAID in all */
};

enum command_result {
	COMMAND_DONE,
	COMMAND_LAST, /* 99: the instructions behind it are not done */
	COMMAND_FAILED
};

/* Run it in a session of its own, with three descriptors, and wait until it has
 * ended, though not for what it has started.  When its time is over its process
 * group is killed.  COMMAND_FAILED: the report says why, in the program's words
 * where it had any. */
MUST_USE enum command_result command_run(
    const struct command *c, struct report *r);

#endif
