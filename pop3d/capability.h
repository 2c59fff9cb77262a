/* capability: what CAPA lists (RFC 2449), the same before and after login, but
 * for how to log in. */
#ifndef POP3D_CAPABILITY_H
#define POP3D_CAPABILITY_H

#include "lib/io.h"
#include "lib/str.h"

enum {
	CAPABLE_USER = 1, /* USER and PASS may come */
	CAPABLE_STLS = 2  /* and STLS (RFC 2595) */
};

/* Write the whole answer to CAPA, with what else can be had now: the mechanisms
 * of AUTH (RFC 5034; empty: it may not come), and enum above. */
void capability_list(struct writer *out, struct str sasl, unsigned also);

#endif
