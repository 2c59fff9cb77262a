/* draft: a message on its way to the disk, in bounded memory; W1 to W6 of
 * doc/INTERNALS, 3.  One that fits the buffer is one write. */
#ifndef QUEUE_DRAFT_H
#define QUEUE_DRAFT_H

#include "lib/attr.h"
#include "lib/str.h"
#include "queue/msgid.h"
#include "queue/place.h"
#include "queue/reserve.h"
#include "wire/message.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DRAFT_BUFFER = 1 << 17, /* bytes */
	DRAFT_TOKENS = 16       /* that the kernel is asked for at once */
};

struct draft {
	struct place *place; /* the caller's */
	struct slot slot;
	struct message head;
	struct msgid id;
	uint64_t reserve;
	struct ample ample; /* room that was there a moment ago */
	uint32_t writer;    /* this process */
	bool told;          /* the head's stamp and token are the caller's */
	unsigned char tokens[DRAFT_TOKENS * QUEUE_TOKEN];
	size_t tokens_left; /* bytes of them that no message has */
	uint64_t at; /* where data goes in the file; 0: nothing is written */
	int code;    /* enum queue_code of the first failure */
	int error;   /* its errno */
	size_t len;
	char data[DRAFT_BUFFER];
};

/* Before the first draft_begin. */
void draft_init(struct draft *d, struct place *place);

/* Begin a message of the submitter uid, forgetting any other.  reserve bytes of
 * the disk are not for it. */
void draft_begin(struct draft *d, uint32_t uid, uint64_t reserve);

/* The same for a message that another queue had: it keeps the arrival, uid,
 * writer and token of old. */
void draft_begin_old(
    struct draft *d, const struct message *old, uint64_t reserve);

/* Add to the body; then to the envelope, its NULs included.  They remember
 * failure in code and do nothing after it. */
void draft_body(struct draft *d, struct str bytes);

/* Add to the envelope, its NULs included; likewise. */
void draft_envelope(struct draft *d, struct str bytes);

/* Make it durable under its name.  0, with d->slot.ino and d->head.token
 * telling which it is; else an enum queue_code, and nothing is queued. */
MUST_USE int draft_commit(struct draft *d);

/* Forget it. */
void draft_drop(struct draft *d);

#endif
