/* reserve: what new mail must leave free on the queue's disk. */
#ifndef QUEUE_RESERVE_H
#define QUEUE_RESERVE_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stdint.h>

enum { RESERVE_INODE = 16384 }; /* bytes of the reserve for one inode of it */

/* Writing need bytes more leaves reserve bytes, and reserve / RESERVE_INODE
 * inodes, on the file system of fd.  False with errno, ENOSPC where it does
 * not.  File systems without a number of inodes have enough. */
MUST_USE bool reserve_left(int fd, uint64_t reserve, uint64_t need);

#endif
