/* program: $QMAILQUEUE, a program with qmail-queue's interface: the message on
 * its descriptor 0, the envelope on 1, an exit code of wire/queue.h; with 82 or
 * 88 a text of its own, D or Z first, on descriptor 4 or 6. */
#ifndef WIRE_PROGRAM_H
#define WIRE_PROGRAM_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/submit.h"
#include <stdbool.h>
#include <sys/types.h>

struct program {
	pid_t pid;
	int message, envelope; /* our ends; -1: closed */
	int said;
	bool failed; /* it did not take what was written */
};

/* Run the program at path.  SIGPIPE is to be ignored; SIGCHLD is made the
 * default.  False with errno; a path that cannot be run is told by program_end.
 */
MUST_USE bool program_start(struct program *p, const char *path);

/* Add to the message. */
void program_body(struct program *p, struct str bytes);

/* Add a record, F first, then Ts; no more is added to the message. */
void program_record(struct program *p, char kind, struct str text);

/* End the envelope, wait for the program, and say what it said. */
void program_end(struct program *p, struct submit_result *result);

/* Have the program see an envelope that ends too early, and wait for it. */
void program_abandon(struct program *p);

#endif
