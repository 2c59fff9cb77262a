/* records: the envelope as qmail-queue has it on descriptor 1: "F" sender NUL,
 * "T" recipient NUL any number of times, and an empty record. */
#ifndef QUEUE_RECORDS_H
#define QUEUE_RECORDS_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who takes the records. */
struct records_to {
	/* One of them: its kind, F or T, and its text.  0, or an enum
	 * queue_code that ends the reading. */
	int (*take)(void *context, char kind, struct str text);
	void *context;
	size_t longest; /* bytes of a record, its kind among them; at most
			 * ENVELOPE_RECORD */
};

/* Read fd to the empty record; what follows is not read.  *recipients tells how
 * many T there were, where it is whole.  Returns 0 or an enum queue_code:
 *   11 a record is too long
 *   54 a read failed, or the envelope ended
 *   91 it is malformed; or what take has returned */
MUST_USE int records_read(
    int fd, const struct records_to *to, uint64_t *recipients);

/* Some bytes of fd: how many, 0 at the end, -1 with errno.  EINTR goes on. */
MUST_USE ssize_t records_read_some(int fd, char *data, size_t size);

#endif
