/* fold: a header field written word by word, in lines that are not long. */
#ifndef QUEUE_FOLD_H
#define QUEUE_FOLD_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

enum { FOLD_WIDTH = 78 }; /* octets; RFC 5322, 2.1.1 */

struct fold {
	struct buf *out;
	size_t column; /* octets of the line begun */
};

/* Begin the field name: "Name:".  Fails as buf_append, as do all. */
MUST_USE bool fold_begin(struct fold *f, struct buf *out, struct str name);

/* Add text where the line is. */
MUST_USE bool fold_text(struct fold *f, struct str text);

/* Add a blank, then text; a line end before the blank where text, up to its own
 * first line end, would not fit. */
MUST_USE bool fold_word(struct fold *f, struct str text);

/* End the field. */
MUST_USE bool fold_end(struct fold *f);

#endif
