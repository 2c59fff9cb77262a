/* utf8: well-formed UTF-8 (RFC 3629), byte by byte, without a locale. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include "lib/str.h"
#include <stdbool.h>
#include <stddef.h>

/* Octets (2 to 4) of the character beyond ASCII that begins at s.data[at]; 0
 * when none does: ASCII, an overlong form, a surrogate, beyond U+10FFFF, cut
 * off, or one of the control characters U+0080 to U+009F. */
size_t utf8_length(struct str s, size_t at);

/* All of s is ASCII or well-formed as above; any ASCII byte may stand in it. */
bool utf8_valid(struct str s);

#endif
