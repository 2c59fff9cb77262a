/* header: what the header of a message passing by tells: how far it has come
 * and how large it is.  Keeps no text. */
#ifndef SMTPD_HEADER_H
#define SMTPD_HEADER_H

#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HEADER_HOPS_MAX = 100,      /* RFC 5321, 6.3; qmail's number */
	HEADER_BYTES_MAX = 1 << 20, /* of the whole header block */
	HEADER_NAME_MAX = 13,       /* bytes of a line that are looked at */
};

/* Zero is the start. */
struct header {
	bool over;      /* the empty line was passed */
	uint64_t bytes; /* of the header so far */
	unsigned
	    hops; /* Received and Delivered-To fields; stops at a million */
	size_t line_len;
	char start[HEADER_NAME_MAX];
};

/* The message, of which these are the first bytes, begins with a blank: a field
 * written on top of it would go on in its first line. */
bool header_is_folded(struct str first);

/* The next bytes of the message, with LF line ends. */
void header_scan(struct header *h, struct str text);

/* It has HEADER_HOPS_MAX hops (is over HEADER_BYTES_MAX). */
bool header_loops(const struct header *h);

/* It is over HEADER_BYTES_MAX. */
bool header_large(const struct header *h);

#endif
