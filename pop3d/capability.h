/* capability: what CAPA lists (RFC 2449), the same before and after login. */
#ifndef POP3D_CAPABILITY_H
#define POP3D_CAPABILITY_H

#include "lib/io.h"

/* Write the whole answer to CAPA. */
void capability_list(struct writer *out);

#endif
