/* deposit: what the queue is told of a message besides its bytes: the trace
 * field on top, the envelope behind; and what it answers. */
#ifndef SMTPD_DEPOSIT_H
#define SMTPD_DEPOSIT_H

#include "lib/attr.h"
#include "smtpd/session.h"
#include <stdint.h>

/* Begin a message, name the transaction and write the trace field.  0, or the
 * enum queue_code of what failed; nothing is begun then. */
MUST_USE int deposit_begin(struct session *s);

/* The message of so many bytes (RFC 1870) is whole: hand over the envelope and
 * ask for it to be kept.  The queue's answer as a reply; after a refusal
 * nothing is left open. */
struct reply deposit_commit(struct session *s, uint64_t bytes);

/* What to tell the client when the queue fails with an enum queue_code. */
struct reply deposit_trouble(struct session *s, int code);

#endif
