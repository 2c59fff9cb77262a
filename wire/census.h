/* census: what lies in a Maildir and its folders, counted by listing. */
#ifndef WIRE_CENSUS_H
#define WIRE_CENSUS_H

#include "lib/attr.h"
#include "wire/quota.h"
#include <stdbool.h>
#include <stdint.h>

#define CENSUS_TRASH ".Trash"

struct census {
	struct quota use; /* saturates far above any limit that is met */
	uint64_t stamp; /* of all folders that were listed, and their mtimes */
	int64_t newest; /* the latest of those, nanoseconds since 1970 */
};

/* Count the messages of the Maildir open as root_fd: names in new/ and cur/, its
 * own and those of the folders .X in it, of which .Trash is left out unless
 * trash is set.  No symbolic link is followed; a folder that its user may not
 * read, or that is none, is passed over.  Memory is of fixed size.  False with
 * errno, ETIMEDOUT once the boot clock has passed deadline. */
MUST_USE bool census_take(
    int root_fd, bool trash, int64_t deadline, struct census *c);

/* The stamp alone, likewise: what it was, unless something came or went. */
MUST_USE bool census_stamp(
    int root_fd, bool trash, int64_t deadline, struct census *c);

#endif
