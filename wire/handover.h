/* handover: culver-popup gives a client that is logged in to its culver-pop3d,
 * and hears at the end what became of it.
 *
 * Stream    the connection on which a K came without a descriptor
 *           (wire/login.h).
 * Popup     one of
 *             C  the client's TCP socket comes as a descriptor beside this
 *                byte: answer there
 *             R  answer on this stream: its bytes are passed on
 *           then the seconds of silence after which to end (0: never) NUL, the
 *           client's address in text NUL, and what the client has said since
 *           its password, HANDOVER_SAID bytes at most; behind R, what it says
 *           later may have come already.
 * Pop3d     after C, when the session has ended: a word that says how, NUL, and
 *           the bytes that were sent to the client NUL; then it closes.
 */
#ifndef WIRE_HANDOVER_H
#define WIRE_HANDOVER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	HANDOVER_SAID = 4096,
	HANDOVER_ADDRESS = 64, /* bytes of an address in text */
	HANDOVER_WORD = 16,    /* of how it ended */
	HANDOVER_SECONDS = 10  /* how long the mailbox waits for its client */
};

struct handover_client {
	int fd; /* of C; -1: R */
	uint64_t seconds;
	struct str address, said;
};

/* Give the client on the blocking socket s; c->fd stays the caller's.  False
 * with errno.  Matched by handover_take. */
MUST_USE bool handover_give(int s, const struct handover_client *c);

/* Wait HANDOVER_SECONDS at most for a client; its texts point into b, which is
 * emptied first and whose max is set, and c->fd is the caller's.  False with
 * errno: EPIPE for an early end, EPROTO for anything else; c->fd is -1 then. */
MUST_USE bool handover_take(int s, struct buf *b, struct handover_client *c);

/* Say how a session has ended.  False with errno.  Matched by handover_hear. */
MUST_USE bool handover_end(int s, const char *how, uint64_t sent);

/* Wait for that, without end.  False when the mailbox ended without a word, or
 * says anything else. */
MUST_USE bool handover_hear(int s, char how[HANDOVER_WORD], uint64_t *sent);

#endif
