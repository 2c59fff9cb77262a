/* queuelist: the queue, message by message, as its files are on the disk; for
 * the tools that print it.  HOME is the current folder. */
#ifndef TOOLS_QUEUELIST_H
#define TOOLS_QUEUELIST_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/message.h"
#include <stdbool.h>
#include <stdint.h>

struct queuelist_message {
	struct message message;
	bool tried;        /* it has a journal */
	bool bouncing;     /* somebody failed, and no notice is queued yet */
	struct str sender; /* valid during the call */
	const struct buf *over; /* a byte for each recipient known to be done;
				 * those beyond it are waited for */
	int fd;                 /* its file */
};

/* Call each for every message that is not finished; one that goes meanwhile, or
 * is damaged, is passed over.  False with errno (EACCES: the queue shows itself
 * to its owner and root alone). */
MUST_USE bool queuelist_walk(
    bool (*each)(const struct queuelist_message *m, void *context),
    void *context);

/* Call each for every recipient of m, in their order; done: it is over.  False
 * with errno, or where each says false. */
MUST_USE bool queuelist_recipients(const struct queuelist_message *m,
    bool (*each)(struct str address, bool done, void *context), void *context);

#endif
