/* session: one connection to queue/submit, wire/submit.h, as the writer sees
 * it.  What comes over it is trusted in nothing. */
#ifndef QUEUE_SESSION_H
#define QUEUE_SESSION_H

#include "lib/attr.h"
#include "lib/sock.h"
#include "queue/hint.h"
#include "queue/place.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Kept up to date by the listener in memory that writers share. */
struct settings {
	_Atomic uint64_t reserve; /* control/queuereserve */
	_Atomic bool unknown;     /* control/ cannot be read: defer */
};

/* Who is at the other end, and what he may. */
struct terms {
	struct peer peer;
	bool trusted;        /* say more about a submitter: S, C and Q */
	bool uses_reserve;   /* bounces */
	bool notices_use_it; /* of all it sends, those with a bounce's sender */
	const struct settings *settings;
};

/* Serve fd, which stays the caller's, until one side has enough.  The caller
 * has blocked SIGTERM; it is let in while waiting, and then the connection ends
 * as soon as no message is in hand.  False with errno when there was no memory
 * to begin. */
MUST_USE bool session_run(
    int fd, const struct terms *terms, struct place *place, struct hint *hint);

#endif
