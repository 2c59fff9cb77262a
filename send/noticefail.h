/* noticefail: what a journal says failed and nobody was told of. */
#ifndef SEND_NOTICEFAIL_H
#define SEND_NOTICEFAIL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NOTICE_TEXTS_MAX = 1 << 27, /* bytes of all replies of one notice */
	NOTICE_STATUS = 16          /* bytes of a status and its end */
};

struct failure {
	uint32_t recipient;
	int64_t at; /* microseconds since 1970 */
	char status[NOTICE_STATUS];
	size_t reply_at, reply_len; /* in texts */
};

struct failures { /* zero is none */
	struct failure *list;
	size_t count, room;
	struct buf texts;
};

/* Every fail line of a journal (all of its text) that no bounce line follows,
 * one for a recipient, sorted by its number.  False with errno: ENOMEM or
 * EMSGSIZE; ESTALE when it is not this message's journal.  Free with
 * noticefail_free, also after a failure. */
MUST_USE bool noticefail_read(struct failures *f, struct str journal,
    uint64_t ino, const unsigned char token[QUEUE_TOKEN]);

/* The failure of a recipient, or NULL. */
const struct failure *noticefail_find(
    const struct failures *f, uint64_t recipient);

/* What it was told, as it is in the journal. */
struct str noticefail_reply(
    const struct failures *f, const struct failure *one);

/* Free what reading took. */
void noticefail_free(struct failures *f);

#endif
