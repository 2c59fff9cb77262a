/* noticelist: what a journal says that a sender was not told of yet. */
#ifndef SEND_NOTICELIST_H
#define SEND_NOTICELIST_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/bounce.h"
#include "wire/journal.h"
#include "wire/queue.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NOTICE_TEXTS_MAX = 1 << 27, /* bytes of all texts of one notice */
	NOTICE_STATUS = 16          /* bytes of a status and its end */
};

/* What became of one recipient. */
struct noticeline {
	uint32_t recipient;
	int64_t at;           /* microseconds since 1970 */
	enum journal_act act; /* of a success */
	char status[NOTICE_STATUS];
	size_t reply_at, reply_len, via_len; /* in texts; via follows reply */
};

struct noticelist { /* zero is none */
	struct noticeline *list;
	size_t count, room;
	struct buf texts;
};

/* The line of each recipient that a notice of this kind speaks of, as
 * wire/bounce.h says, from a journal (all of its text), sorted by the
 * recipient's number.  False with errno: ENOMEM or EMSGSIZE; ESTALE when it is
 * not this message's journal.  Free with noticelist_free, also after a
 * failure. */
MUST_USE bool noticelist_read(struct noticelist *l, enum bounce_kind kind,
    struct str journal, uint64_t ino, const unsigned char token[QUEUE_TOKEN]);

/* The line of a recipient, or NULL. */
const struct noticeline *noticelist_find(
    const struct noticelist *l, uint64_t recipient);

/* What was said of it, as it is in the journal. */
struct str noticelist_reply(
    const struct noticelist *l, const struct noticeline *one);

/* Where it was tried; likewise. */
struct str noticelist_via(
    const struct noticelist *l, const struct noticeline *one);

/* Free what reading took. */
void noticelist_free(struct noticelist *l);

#endif
