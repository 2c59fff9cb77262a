/* tls_channel: a channel of lib/io.h through TLS. */
#ifndef LIB_TLS_CHANNEL_H
#define LIB_TLS_CHANNEL_H

#include "lib/io.h"
#include "lib/tls.h"

/* What c reads and writes goes through t from now on, with c's time limit; t
 * stays the caller's and must outlive c's use. */
void tls_channel(struct channel *c, struct tls *t);

#endif
