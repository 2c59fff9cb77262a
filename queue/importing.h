/* importing: a qmail's queue, message by message, into ours; the steps of
 * doc/INTERNALS, 12.9.  It belongs to one program: it dies (100, 111) where it
 * cannot begin. */
#ifndef QUEUE_IMPORTING_H
#define QUEUE_IMPORTING_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/json.h"
#include "queue/adopt.h"
#include "queue/former.h"
#include "queue/modes.h"
#include "queue/past.h"
#include "queue/survey.h"
#include <stdbool.h>
#include <stdint.h>

struct importing {
	const char *path;          /* of the other queue, absolute */
	struct controls *controls; /* by which its qmail routed */
	bool dry;
	struct former former;
	struct survey survey;
	struct modes modes;
	struct adopt adopt;
	struct past past;
	struct json out;
	bool json, failed, marked;
	/* Counts of messages: taken now, or before this run; finished there; of
	 * which something is left there.  Then of recipients. */
	uint64_t taken, before, finished, left, waiting, done, failures;
};

/* Open both queues, outside of the jail; nothing is changed. */
void importing_open(struct importing *i, const char *path, bool dry);

/* Do it, or with dry say what would be done; the exit code. */
MUST_USE int importing_run(struct importing *i, bool json);

#endif
