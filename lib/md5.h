/* md5: the digest of RFC 1321, for APOP alone, which knows no better one. */
#ifndef LIB_MD5_H
#define LIB_MD5_H

#include "lib/attr.h"
#include "lib/str.h"
#include <stdbool.h>

enum { MD5_SIZE = 16 };

/* The digest of a and b, as if they were one.  False without memory, and where
 * the host's policy forbids MD5. */
MUST_USE bool md5_of(unsigned char out[MD5_SIZE], struct str a, struct str b);

#endif
