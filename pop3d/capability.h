/* capability: what CAPA lists (RFC 2449), the same before and after login but for SASL. */
#ifndef POP3D_CAPABILITY_H
#define POP3D_CAPABILITY_H

#include "lib/io.h"
#include <stdbool.h>

/* Write the whole answer to CAPA; sasl: AUTH may come. */
void capability_list(struct writer *out, bool sasl);

#endif
