/* store: many short texts that are kept until the end, and never move. */
#ifndef POP3D_STORE_H
#define POP3D_STORE_H

#include "lib/attr.h"

struct store;

/* A copy of text, valid until store_free.  *s is NULL at first.  NULL without
 * memory. */
MUST_USE const char *store_keep(struct store **s, const char *text);

/* Free all copies. */
void store_free(struct store *s);

#endif
