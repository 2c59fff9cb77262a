/* reply: what a host answers to a command (RFC 5321, 4.2).  A line may end in
 * LF alone, as hosts do; a NUL, a line that is no reply's, or more than the
 * limits below is no answer, and the connection is good for nothing more. */
#ifndef REMOTE_REPLY_H
#define REMOTE_REPLY_H

#include "lib/attr.h"
#include "lib/str.h"
#include "remote/stream.h"
#include "wire/job.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REPLY_BYTES = 65536, /* of one reply */
	REPLY_LINES = 500,   /* likewise */
	REPLY_SECONDS = 300  /* from its first line to its last */
};

struct reply {
	unsigned code;               /* 200 to 599, the last line's; 0: none */
	char status[JOB_STATUS + 1]; /* "5.1.1" where the host gave one that
				      * goes with code, else "" */
	/* All lines, each with its LF, as they came; what is too long for a
	 * report is left out. */
	char text[JOB_TEXT + 1];
	size_t len;
};

enum reply_result {
	REPLY_OK,
	REPLY_CLOSED,  /* the host has closed */
	REPLY_TIMEOUT, /* it says nothing, or for too long */
	REPLY_ERROR,   /* errno */
	REPLY_GARBLED  /* no reply: too long, a NUL, or not of the form */
};

/* Told the text of each line, which is the stream's until the next. */
typedef void reply_line(void *context, struct str line);

/* The next reply, by deadline (clock_boot, microseconds).  line, where it is
 * not NULL, is told each line's text, without the code.  On anything but
 * REPLY_OK r->code is 0. */
MUST_USE enum reply_result reply_read(struct stream *s, int64_t deadline,
    struct reply *r, reply_line *line, void *context);

/* Its first digit: 2 to 5. */
unsigned reply_class(const struct reply *r);

#endif
