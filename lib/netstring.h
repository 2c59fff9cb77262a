/* netstring: Bernstein's netstrings, LENGTH ':' BYTES ',', read as they come.
 * LENGTH is decimal, without zeros in front, and no more than 64 bits hold.
 * Nothing is kept of the bytes, so a length that is a lie costs nothing. */
#ifndef LIB_NETSTRING_H
#define LIB_NETSTRING_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum netstring_event {
	NETSTRING_MORE,  /* *in is used up, and the netstring goes on */
	NETSTRING_BYTES, /* *piece is what comes next of its bytes; not empty */
	NETSTRING_END,   /* its comma has come; the next one may begin */
	NETSTRING_BAD,   /* it is none, and never will be */
};

enum netstring_phase {
	NETSTRING_LENGTH, /* before and within the length; zero */
	NETSTRING_BODY,
	NETSTRING_COMMA,
	NETSTRING_LOST,
};

/* Zero is the start. */
struct netstring {
	enum netstring_phase phase;
	bool begun;    /* a digit has come */
	uint64_t left; /* the length so far; then the bytes still to come */
};

/* Take from the front of *in what the next event takes.  *piece points into
 * *in and is set by NETSTRING_BYTES only. */
MUST_USE enum netstring_event netstring_take(
    struct netstring *n, struct str *in, struct str *piece);

/* Append s as a netstring.  Fails as buf_append does. */
MUST_USE bool netstring_append(struct buf *b, struct str s);

#endif
