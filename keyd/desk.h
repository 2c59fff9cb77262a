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

enum { DESK_MOST = 256 }; /* connections at once; more wait to be accepted */

struct desk {
	int listening; /* KEY_SOCKET; it does not block */
	uid_t peers[2];
	struct store *store;
	struct tickets tickets;
};

/* Append to out the answer to one request, as a frame.  False without memory. */
MUST_USE bool desk_answer(
    struct desk *d, char letter, struct str payload, struct buf *out);

/* Serve for ever. */
NO_RETURN void desk_run(struct desk *d);

#endif
