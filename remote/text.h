/* text: bytes of a message as a host gets them: every line ends in CR LF, and
 * neither CR nor LF ever stands alone, whatever the message holds. */
#ifndef REMOTE_TEXT_H
#define REMOTE_TEXT_H

#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* Bytes that text_put stores at most for n bytes given. */
#define TEXT_ROOM(n) (2 * (n) + 2)

enum { TEXT_END = 2 }; /* bytes that text_end stores at most */

struct text {
	bool dots;  /* a '.' at the start of a line gets another */
	bool start; /* the next byte begins a line */
	bool cr;    /* a CR came, and no line end is stored for it yet */
};

/* Begin a message: for DATA, where dots are stuffed (RFC 5321, 4.5.2), or for
 * BDAT, where they are not. */
void text_begin(struct text *t, bool dots);

/* Store in as a host gets it: LF, CR LF, and a CR alone each become CR LF.
 * Returns the bytes stored, at most TEXT_ROOM(in.len); with out NULL they are
 * only counted.  A CR at the end of in is stored by the next call. */
size_t text_put(struct text *t, struct str in, char *out);

/* Store what is missing of the last line's end: at most TEXT_END bytes.
 * Returns how many; with out NULL, they are only counted.  An empty message
 * stays empty. */
size_t text_end(struct text *t, char *out);

#endif
