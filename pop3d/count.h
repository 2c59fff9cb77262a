/* count: how many octets the encoder (pop3d/encoder.h) makes of a message,
 * without making them: no dot is doubled in them. */
#ifndef POP3D_COUNT_H
#define POP3D_COUNT_H

#include "lib/str.h"
#include <stdint.h>

/* All zero bytes: nothing yet. */
struct count {
	uint64_t octets;
	char last; /* byte, where there was one */
};

/* The next bytes of the file. */
void count_add(struct count *c, struct str bytes);

/* All of them, with the end of the last line where the file has none. */
uint64_t count_end(const struct count *c);

#endif
