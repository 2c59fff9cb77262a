/* removal: finished messages leave the disk, in batches (INTERNALS 3, R). */
#ifndef SEND_REMOVAL_H
#define SEND_REMOVAL_H

#include "lib/attr.h"
#include "send/spare.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REMOVAL_WAIT = 500000 }; /* a batch, microseconds on the boot clock */

struct removal {
	unsigned split;
	unsigned char *dirty; /* for each mess/SS: to be synced */
	uint64_t *journals;   /* to be unlinked after their folder's sync */
	size_t count, cap;
	struct spare spare; /* what becomes of their files */
	bool pending;
	int64_t due; /* boot clock */
};

/* A message that is finished. */
struct removed {
	struct spare_file file;
	bool journal; /* it has one */
};

/* False with errno. */
MUST_USE bool removal_init(struct removal *r, unsigned split);

/* Free r. */
void removal_free(struct removal *r);

/* Remove mess/SS/INO; its journal, where it has one, follows after the folder
 * is synced.  False with errno when the message is still there: try again. */
MUST_USE bool removal_add(
    struct removal *r, const struct removed *m, int64_t now);

/* Sync the folders of the batch, then unlink the journals, then offer the files
 * to the writers.  What fails is said in the log and stays for the next
 * batch. */
void removal_run(struct removal *r, int64_t now);

#endif
