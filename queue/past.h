/* past: one message of a qmail's queue: who it is from, whom it was given to
 * and whom not, and what its bounce would say. */
#ifndef QUEUE_PAST_H
#define QUEUE_PAST_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "queue/former.h"
#include "wire/message.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAST_FILE = 1 << 27, /* bytes of one file that is read whole */
	PAST_START = 4096,   /* bytes of a message that tell it from others */
	PAST_WHY = 256       /* bytes of what is wrong, end byte included */
};

enum past_state {
	PAST_S1, /* without a message: a number was begun, or is gone */
	PAST_S2, /* a message and no envelope: never acknowledged */
	PAST_S3, /* likewise, its envelope begun */
	PAST_S4, /* queued */
	PAST_S5  /* queued, and sorted into local and remote */
};

struct past_recipient {
	struct str address; /* as it came, without what virtualdomains put
			     * in front of it */
	bool done;
	struct str report; /* why it failed: what its bounce says; or empty */
};

struct past {
	enum past_state state;
	struct former_message files;
	int mess; /* open; -1: not */
	uint64_t size;
	struct message old; /* arrival, uid, writer, and a token that is
			     * always the same for this message */
	struct str sender;
	struct past_recipient *list;
	size_t count, cap;
	struct buf text, bounce; /* what the views point into */
	struct buf work;
	char why[PAST_WHY]; /* what is wrong: "info/3/7: ..." */
};

/* Nothing is held. */
void past_init(struct past *p);

/* Let go of a message. */
void past_close(struct past *p);

/* What files stand for which state. */
enum past_state past_state_of(const struct former_message *m);

/* Open the message and learn its size and token, of PAST_S2 to PAST_S5.  False
 * with why. */
MUST_USE bool past_open(
    struct past *p, const struct former *f, const struct former_message *m);

/* Read its envelope, of PAST_S4 and PAST_S5.  c has locals and virtualdomains as
 * that qmail had them: by them a local recipient's own address is found again.
 * False with why. */
MUST_USE bool past_read(
    struct past *p, const struct former *f, const struct controls *c);

#endif
