/* order: what culver-policyd's keeper tells its fetcher to do, and what came of
 * it: packets between two processes of one program. */
#ifndef POLICY_ORDER_H
#define POLICY_ORDER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "policy/fetch.h"
#include <stdbool.h>
#include <stdint.h>

/* Octets of a packet of either kind. */
enum { ORDER_PACKET = STS_TEXT_MAX + STS_DOMAIN_MAX + WEB_WHY + 256 };

struct order {
	uint32_t job;
	bool anyway; /* fetch even where the id is known */
	struct str domain, known;
};

struct outcome {
	uint32_t job;
	enum fetch_result result;
	struct str id, why, text; /* id and text of FETCH_NEW */
};

/* Packets.  Each write fails as buf_append, b is unchanged then; each read is
 * false for anything malformed, its texts point into in. */
MUST_USE bool order_write(struct buf *b, const struct order *o);

/* Matched by order_write. */
MUST_USE bool order_read(struct str in, struct order *o);

/* An outcome; likewise.  Matched by outcome_read. */
MUST_USE bool outcome_write(struct buf *b, const struct outcome *o);

/* Matched by outcome_write. */
MUST_USE bool outcome_read(struct str in, struct outcome *o);

#endif
