/* buf: a byte string that grows.  Owns its memory; empty is all zero bytes. */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUF_MAX_DEFAULT = 1 << 20 }; /* the ceiling where max is 0, bytes */

struct buf {
	char *data;
	size_t len, cap;
	size_t max; /* set it for anything fed from outside */
};

/* Append.  Each returns false and leaves b unchanged when the result would
 * pass b->max (errno EMSGSIZE) or memory runs out (errno ENOMEM).  In order:
 * n bytes; a view; a C string without its end byte; one byte; a decimal
 * number; ASCII lower case of a view. */
MUST_USE bool buf_append(struct buf *b, const void *src, size_t n);

/* A view. */
MUST_USE bool buf_append_str(struct buf *b, struct str s);

/* A C string, without its end byte. */
MUST_USE bool buf_append_text(struct buf *b, const char *s);

/* One byte. */
MUST_USE bool buf_append_byte(struct buf *b, char c);

/* A decimal number. */
MUST_USE bool buf_append_number(struct buf *b, uint64_t n);

/* A view, in ASCII lower case. */
MUST_USE bool buf_append_lower(struct buf *b, struct str s);

/* Room for n more bytes at data + len, which the caller fills and counts into
 * len.  Same failures as buf_append. */
MUST_USE bool buf_reserve(struct buf *b, size_t n);

/* Put an end byte behind the contents, not counted in len, so that data can be
 * used as a C string until the next append.  Same failures as buf_append. */
MUST_USE bool buf_terminate(struct buf *b);

/* The contents; valid until b is appended to or freed. */
struct str buf_str(const struct buf *b);

/* Remove n bytes (at most all) from the front. */
void buf_drop(struct buf *b, size_t n);

/* Empty b: the first keeps its memory for the next use, the second frees it. */
void buf_clear(struct buf *b);

/* Empty b and free its memory. */
void buf_free(struct buf *b);

#endif
