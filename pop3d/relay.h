/* relay: bytes both ways between a client and its culver-pop3d. */
#ifndef POP3D_RELAY_H
#define POP3D_RELAY_H

#include "lib/io.h"
#include "lib/tls.h"
#include <stdbool.h>
#include <stdint.h>

enum relay_end {
	RELAY_DONE,    /* the mailbox closed, and all it said was passed on */
	RELAY_LEFT,    /* the client went away */
	RELAY_TIMEOUT, /* no byte moved for too long */
	RELAY_SILENT   /* the mailbox closed before it had said anything */
};

struct relay {
	struct reader *in; /* the client; what is buffered is passed on first */
	struct channel *out;
	struct tls *tls; /* what both go through; NULL: nothing */
	int mailbox;     /* a stream socket; stays the caller's */
	int idle_ms;
	uint64_t sent; /* bytes passed to the client: set here */
};

/* Pass bytes on to the end.  When the client closes its half, the mailbox is
 * told and may still answer.  Both sides are waited for at once, so that a
 * client which writes before it reads does not stop either. */
enum relay_end relay_run(struct relay *r);

#endif
