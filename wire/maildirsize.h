/* maildirsize: the file of that name (wire/quota.h) of one Maildir: asked for
 * room, changed, and made anew.  No lock is held and no symbolic link followed.
 *
 * A delivery reserves before its message has a name: a crash between the two
 * leaves the sum too high, which the next recount mends, since a sum that leaves
 * no room is not believed for long.  Two who reserve at once are told apart by
 * the order of their lines: who is behind the last room gives back.  A recount
 * that was overtaken by a change spoils its own file, and so does a delivery
 * whose line went into a file that was replaced meanwhile.
 */
#ifndef WIRE_MAILDIRSIZE_H
#define WIRE_MAILDIRSIZE_H

#include "lib/attr.h"
#include "wire/quota.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum room {
	ROOM_YES,
	ROOM_NO,
	ROOM_UNKNOWN, /* it must be counted */
	ROOM_NO_QUOTA,
	ROOM_ERROR /* errno */
};

/* One Maildir.  The caller sets all up to fd, which is -1. */
struct maildirsize {
	int root_fd;         /* the Maildir, open for reading; the caller's */
	struct quota limits; /* none: what maildirsize itself says */
	struct quota otherwise; /* where that is nothing, either */
	bool trash;             /* what is in .Trash counts, too */
	int64_t deadline;       /* for counting, boot clock */
	int fd;                 /* maildirsize; -1: not open */
	struct stat st;         /* of it when it was read */
	bool sound;             /* it parses, and has these limits */
	struct quota use;       /* what is known of it, reservations included */
};

/* Open maildirsize of the Maildir dirfd by flags.  -1 with errno, EINVAL where it
 * is no regular file of one name; a fifo is not waited for. */
MUST_USE int maildirsize_open(int dirfd, int flags);

/* Append one change by one write; false with errno. */
MUST_USE bool maildirsize_change(
    int fd, const struct quota *figures, bool negative);

/* What maildirsize says of room for one message of size bytes, read by flags;
 * it stays open.  ROOM_UNKNOWN: it is not there, or not to be believed.
 * ROOM_NO_QUOTA: neither limits, nor otherwise, nor it gives any.  limits and use
 * are what was found. */
MUST_USE enum room maildirsize_look(
    struct maildirsize *m, uint64_t size, int flags);

/* Room for one message of size bytes, which is taken; counted where need be.
 * Never ROOM_UNKNOWN.  Matched by maildirsize_settle or maildirsize_return. */
MUST_USE enum room maildirsize_reserve(struct maildirsize *m, uint64_t size);

/* The same whether there is room or not. */
MUST_USE enum room maildirsize_add(struct maildirsize *m, uint64_t size);

/* What was reserved is there now.  Nothing stays open. */
void maildirsize_settle(struct maildirsize *m);

/* What was reserved has not come about.  Nothing stays open. */
void maildirsize_return(struct maildirsize *m, uint64_t size);

/* Count, and write maildirsize for limits (unless they are none).  *written
 * tells: false where the Maildir kept changing.  use is what was counted.  False with errno. */
MUST_USE bool maildirsize_recount(struct maildirsize *m, bool *written);

#endif
