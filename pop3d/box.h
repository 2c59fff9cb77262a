/* box: one session at one Maildir, from its jail to its line in the log. */
#ifndef POP3D_BOX_H
#define POP3D_BOX_H

#include "lib/attr.h"
#include "lib/drop.h"
#include "lib/str.h"
#include "pop3d/maildrop.h"
#include "pop3d/sizes.h"
#include <stdbool.h>
#include <stdint.h>

enum { BOX_PROMISES = PROMISE_READ | PROMISE_WRITE };

struct box {
	int here;     /* the Maildir */
	int quota_fd; /* its maildirsize (wire/quota.h); -1: none */
	struct sizes sizes;
	struct maildrop drop;
};

struct box_client {
	int in, out;              /* descriptors; stay the caller's */
	int seconds;              /* of silence after which to end; 0: never */
	struct str said;          /* what was read of it already */
	struct str user, address; /* for the log; data NULL: unknown */
};

/* Enter the Maildir, go to jail there for ever, and list it.  False with errno;
 * box_close is due either way. */
MUST_USE bool box_open(struct box *b, const char *maildir);

/* Say +OK and answer commands to the end, which is logged.  Returns the word
 * for how it ended; *sent is how many bytes the client was sent. */
const char *box_serve(
    struct box *b, const struct box_client *c, uint64_t *sent);

/* Free what opening took. */
void box_close(struct box *b);

#endif
