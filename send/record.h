/* record: lines of an active message brought to the disk (INTERNALS 3, J). */
#ifndef SEND_RECORD_H
#define SEND_RECORD_H

#include "lib/attr.h"
#include "send/active.h"
#include <stdbool.h>
#include <stdint.h>

/* Write a's waiting lines to its journal, made if need be, and sync them, and
 * the folder of a new one.  next is the hint kept as its mtime (wall clock,
 * microseconds; 0: it is due at once).  False with errno: the lines still wait, whatever of
 * them reached the file is written over the next time. */
MUST_USE bool record_flush(struct active *a, unsigned split, int64_t next);

/* Write the journal anew with what still matters, when it has grown over
 * JOURNAL_COMPACT, and that makes it half: a temporary file, fsync, rename, fsync
 * of the folder.  a->compact_at says when to try again.  False with errno, the old
 * one in place. */
MUST_USE bool record_compact(struct active *a, unsigned split);

#endif
