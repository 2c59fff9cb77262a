/* reserve: what new mail must leave free on the queue's disk. */
#ifndef QUEUE_RESERVE_H
#define QUEUE_RESERVE_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	RESERVE_INODE = 16384, /* bytes of the reserve for one inode of it */
	/* Whose disk has so many bytes more than need be does not fill it within
	 * RESERVE_AMPLE_TIME microseconds with messages of RESERVE_SMALL bytes. */
	RESERVE_AMPLE = 256 << 20,
	RESERVE_AMPLE_TIME = 100000,
	RESERVE_SMALL = 16384
};

/* Writing need bytes more leaves reserve bytes, and reserve / RESERVE_INODE
 * inodes, on the file system of fd.  False with errno, ENOSPC where it does
 * not.  File systems without a number of inodes have enough. */
MUST_USE bool reserve_left(int fd, uint64_t reserve, uint64_t need);

/* What was seen last; all zero: nothing. */
struct ample {
	uint64_t reserve; /* left, and RESERVE_AMPLE besides */
	int64_t until;    /* boot clock: what was seen counts */
};

/* The same; for little after there was much it is not looked. */
MUST_USE bool reserve_left_lately(
    struct ample *a, int fd, uint64_t reserve, uint64_t need);

#endif
