/* inject: take a message from a local program, make its header whole as
 * qmail-inject does, and hand it to the queue.  The work of culver-inject and of
 * the sendmail command. */
#ifndef QUEUE_INJECT_H
#define QUEUE_INJECT_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "queue/identity.h"
#include "queue/rewrite.h"
#include <stdbool.h>

enum {
	INJECT_WHY = 1024,     /* bytes of what is said of a failure */
	INJECT_KEPT = 1 << 20, /* bytes of a body that are awaited before the
				* queue is asked for anything */
};

enum inject_end {
	INJECT_DONE,
	INJECT_USAGE,   /* asked wrongly: no recipients, a bad variable */
	INJECT_ADDRESS, /* an argument is no address */
	INJECT_DATA,    /* the message is malformed */
	INJECT_REFUSED, /* the queue will never take it */
	INJECT_TEMP     /* the system failed; the message is not queued */
};

/* Whose addresses the message goes to. */
enum inject_to {
	INJECT_TO_EITHER, /* the arguments' if there are any, else the header's */
	INJECT_TO_ARGUMENTS,
	INJECT_TO_HEADER,
	INJECT_TO_BOTH
};

struct inject {
	/* set by inject_begin, changed by its caller */
	struct identity who;
	enum inject_to to;
	bool print;                           /* and do not queue it */
	bool drop_from, drop_id, drop_return; /* fields that came with it */
	const char *program;                  /* $QMAILQUEUE, or NULL */
	/* RFC 3461 and 6152, by the letters of wire/envelope.h; NULL: none */
	const char *notify, *ret, *envid, *body;
	/* the rest is inject's */
	struct controls *controls;
	struct rewrite hosts;
	struct str idhost;
	bool has_sender;
	struct buf sender;
	struct buf recipients; /* of the arguments; a NUL behind each */
	struct buf lists;      /* the lines of $QMAILMFTFILE */
	char why[INJECT_WHY];
};

/* Read the environment and $QMAILMFTFILE, enter HOME, and read control/ there.
 * On any result but INJECT_DONE i->why says what is wrong, in one line; so do
 * all functions below.  Ended by inject_free. */
MUST_USE enum inject_end inject_begin(struct inject *i);

/* Free what i keeps. */
void inject_free(struct inject *i);

/* The envelope's sender, whatever else would be it: an address as it is in an
 * envelope, in angles or not; "" and "<>" are the null sender. */
MUST_USE enum inject_end inject_sender(struct inject *i, struct str address);

/* One more recipient, likewise; every byte before the last '@' is its local
 * part. */
MUST_USE enum inject_end inject_recipient(struct inject *i, struct str address);

/* More recipients, as a header field would list them. */
MUST_USE enum inject_end inject_recipients(struct inject *i, struct str list);

/* Read the message from fd and queue or print it. */
MUST_USE enum inject_end inject_run(struct inject *i, int fd);

/* Print "PROGRAM: fatal: why". */
void inject_complain(const struct inject *i);

#endif
