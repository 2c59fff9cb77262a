/* outlet: where a message goes that a local program hands in: culver-queued, a
 * program of the caller's, or standard output. */
#ifndef QUEUE_OUTLET_H
#define QUEUE_OUTLET_H

#include "lib/attr.h"
#include "lib/str.h"
#include "wire/program.h"
#include "wire/submit.h"
#include <stdbool.h>

enum outlet_way { OUTLET_QUEUE, OUTLET_PROGRAM, OUTLET_PRINT };

struct outlet {
	enum outlet_way way;
	struct submit submit;
	struct program program;
	int code; /* enum queue_code of what failed so far */
};

/* Begin a message.  path is that of $QMAILQUEUE, or NULL.  What goes to
 * culver-queued begins with a Received field.  outlet_commit tells of failure,
 * as for the two below. */
void outlet_open(struct outlet *o, enum outlet_way way, const char *path);

/* Add to the message. */
void outlet_body(struct outlet *o, struct str bytes);

/* Add an envelope record.  A program is told F and T alone, and nothing of it
 * is printed. */
void outlet_record(struct outlet *o, char kind, struct str text);

/* Hand the message over.  result->code 0: it is queued, or printed. */
void outlet_commit(struct outlet *o, struct submit_result *result);

/* Forget the message. */
void outlet_abandon(struct outlet *o);

#endif
