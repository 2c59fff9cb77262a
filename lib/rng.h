/* rng: random bytes from the kernel. */
#ifndef LIB_RNG_H
#define LIB_RNG_H

#include "lib/attr.h"
#include <stdbool.h>
#include <stddef.h>

/* n random bytes (getrandom(2), EINTR waited through).  False with errno. */
MUST_USE bool rng_bytes(void *out, size_t n);

#endif
