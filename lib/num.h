/* num: numbers as text. */
#ifndef LIB_NUM_H
#define LIB_NUM_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUM_SIZE = 21 }; /* a decimal uint64_t and its end byte */

/* All of s as an unsigned decimal (hexadecimal) number of at most max.  No
 * sign, blanks or empty text.  False, *out unchanged, when it is none. */
MUST_USE bool num_parse(struct str s, uint64_t max, uint64_t *out);

/* The same for hexadecimal digits of either case. */
MUST_USE bool num_parse_hex(struct str s, uint64_t max, uint64_t *out);

/* Decimal text of n with an end byte in out.  Returns its length. */
size_t num_format(char out[NUM_SIZE], uint64_t n);

/* Lower-case hexadecimal of n bytes: 2 n characters and an end byte in out. */
void num_hex(char *out, const unsigned char *bytes, size_t n);

/* The other way.  False when s is not exactly 2 n hexadecimal digits. */
MUST_USE bool num_unhex(struct str s, unsigned char *bytes, size_t n);

/* Big-endian 32 and 64 bits, as every wire of ours has them. */
void num_put32(unsigned char out[4], uint32_t n);

/* Matched by num_put32. */
uint32_t num_get32(const unsigned char in[4]);

/* Big-endian 64 bits. */
void num_put64(unsigned char out[8], uint64_t n);

/* Matched by num_put64. */
uint64_t num_get64(const unsigned char in[8]);

#endif
