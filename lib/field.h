/* field: numbers and texts within a frame or packet.  Numbers are big-endian;
 * a text ends with a NUL and holds none. */
#ifndef LIB_FIELD_H
#define LIB_FIELD_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append.  Fail as buf_append; a text that holds a NUL is EINVAL.  Each is
 * matched by the field_take of its kind. */
MUST_USE bool field_put32(struct buf *b, uint32_t n);

/* 64 bits; likewise. */
MUST_USE bool field_put64(struct buf *b, uint64_t n);

/* A text and its NUL; likewise. */
MUST_USE bool field_put_text(struct buf *b, struct str text);

/* Take one from the front of *rest.  False, both untouched, when there is not
 * enough (for a text: no NUL).  A text points into *rest. */
MUST_USE bool field_take32(struct str *rest, uint32_t *n);

/* 64 bits; likewise. */
MUST_USE bool field_take64(struct str *rest, uint64_t *n);

/* n bytes, copied; likewise. */
MUST_USE bool field_take_bytes(struct str *rest, void *out, size_t n);

/* A text, without its NUL; likewise. */
MUST_USE bool field_take_text(struct str *rest, struct str *text);

#endif
