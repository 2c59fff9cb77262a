/* desk: who asks culver-keyd is answered here: many connections, one process,
 * nobody waited for. */
#ifndef KEYD_DESK_H
#define KEYD_DESK_H

#include "keyd/store.h"
#include "keyd/tickets.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <sys/types.h>

enum {
	DESK_MOST = 256,    /* connections at once; more wait to be accepted */
	DESK_DOORS = 2,     /* accounts that may ask */
	DESK_OF_DOOR = 128, /* of one account's processes */
	DESK_OF_PROCESS = 4 /* an honest one has one */
};
_Static_assert((int)DESK_DOORS *(int)DESK_OF_DOOR <= (int)DESK_MOST,
    "no account can take the places of another");

struct desk {
	int listening; /* KEY_SOCKET; it does not block */
	uid_t peers[DESK_DOORS];
	struct store *store;
	struct tickets tickets[DESK_DOORS]; /* none opens another's */
};

/* Append to out the answer to one request of peers[door], as a frame.  False
 * without memory. */
MUST_USE bool desk_answer(struct desk *d, size_t door, char letter,
    struct str payload, struct buf *out);

/* Serve for ever. */
NO_RETURN void desk_run(struct desk *d);

#endif
