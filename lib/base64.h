/* base64: RFC 4648, 4, with its padding and nothing besides. */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>

/* Append; fails as buf_append.  Matched by base64_decode. */
MUST_USE bool base64_encode(struct buf *b, struct str bytes);

/* Append the bytes that text stands for.  False with errno, b as it was:
 * EINVAL for another character, missing or stray padding, or bits behind the
 * end that are not 0; else as buf_append. */
MUST_USE bool base64_decode(struct buf *b, struct str text);

#endif
