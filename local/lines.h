/* lines: those that a delivery puts before a message. */
#ifndef LOCAL_LINES_H
#define LOCAL_LINES_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stdint.h>

/* Each a whole line with its LF, and never more than one. */
struct lines {
	struct buf delivered_to; /* "Delivered-To: local@domain" */
	struct buf return_path;  /* "Return-Path: <sender>" */
	struct buf from;         /* "From sender Sat Nov 21 02:50:20 2026" */
	struct buf prefix;       /* Return-Path and Delivered-To */
};

/* Make all of d; seconds since 1970 go into From.  What a line cannot hold is
 * replaced.  False without memory, or beyond some KiB; lines_free in any case.
 */
MUST_USE bool lines_make(
    struct lines *l, const struct delivery *d, int64_t seconds);

/* Free them. */
void lines_free(struct lines *l);

#endif
