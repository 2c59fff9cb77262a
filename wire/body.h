/* body: the body of a queued message, read a window at a time by pread within
 * its bounds.  A body that fits the window is read once, however often it is
 * gone through. */
#ifndef WIRE_BODY_H
#define WIRE_BODY_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BODY_WINDOW = 1 << 17,
	BODY_HEADER_MAX = 1 << 20 /* bytes that are searched for a line */
};

struct body {
	int fd; /* the caller's */
	uint64_t at, len;
	uint64_t shift; /* see body_align */
	uint64_t start; /* offset in the body of the window */
	size_t have;    /* bytes in it */
	char window[BODY_WINDOW];
};

/* The body of len bytes at offset at of fd.  Nothing is read yet. */
void body_open(struct body *b, int fd, uint64_t at, uint64_t len);

/* The bytes from offset on, at least one unless the body ends there (then
 * chunk is empty); valid until the next call.  False with errno, EPIPE when
 * the file is shorter than its head said. */
MUST_USE bool body_get(struct body *b, uint64_t offset, struct str *chunk);

/* Let windows end where shift and the offset are a multiple of BODY_WINDOW, so
 * that whoever writes the body behind shift other bytes of a file writes no page
 * twice; without this it is where the offset is one.  A window that has the
 * whole body stays as it is. */
void body_align(struct body *b, uint64_t shift);

/* The bytes of the header, the empty line not counted: at most max. */
MUST_USE bool body_header(struct body *b, uint64_t max, uint64_t *len);

/* The header has this line (given without its LF; ASCII case is ignored).  Only
 * BODY_HEADER_MAX bytes are searched: what a loop adds, it adds at the top. */
MUST_USE bool body_has_line(struct body *b, struct str line, bool *has);

#endif
