/* compose: the header fields that a message lacks. */
#ifndef QUEUE_COMPOSE_H
#define QUEUE_COMPOSE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "queue/fields.h"
#include "queue/identity.h"
#include "queue/rewrite.h"
#include <stdbool.h>
#include <stdint.h>

struct compose {
	const bool *seen; /* of enum field_id: the message has it */
	bool resent;      /* it is sent on: its Resent- fields are meant */
	int64_t seconds;  /* since 1970 */
	struct str idhost;
	const struct identity *who;
	const struct rewrite *hosts;
	struct str lists;     /* lines of addresses; of $QMAILMFTFILE */
	struct str followers; /* the addresses of To and Cc, NUL-ended */
};

/* Append them: Date, Message-ID, From, "Cc: recipient list not shown: ;" where
 * there is neither To nor Cc, and Mail-Followup-To where one of lists is a
 * follower.  False with EINVAL when the caller's name makes no address, or with
 * another errno. */
MUST_USE bool compose_fields(const struct compose *c, struct buf *out);

#endif
