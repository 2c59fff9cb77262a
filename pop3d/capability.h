/* capability: what CAPA lists (RFC 2449), the same before and after login, but
 * for SASL and STLS. */
#ifndef POP3D_CAPABILITY_H
#define POP3D_CAPABILITY_H

#include "lib/io.h"

enum {
	CAPABLE_SASL = 1, /* AUTH may come (RFC 5034) */
	CAPABLE_STLS = 2  /* and STLS (RFC 2595) */
};

/* Write the whole answer to CAPA, with what else can be had now. */
void capability_list(struct writer *out, unsigned also);

#endif
