/* secure: TLS with a client of culver-popup: STLS (RFC 2595), or from the first
 * byte (RFC 8314). */
#ifndef POP3D_SECURE_H
#define POP3D_SECURE_H

#include "lib/attr.h"
#include "lib/io.h"
#include "lib/listener.h"
#include "lib/tls_server.h"
#include <stdbool.h>
#include <stdint.h>

/* Shake hands on c->in_fd until deadline (clock_boot).  What in and out read and
 * write goes through the result from then on; the caller closes it.  NULL, and a
 * line in the log, when nothing came of it: the connection is over. */
MUST_USE struct tls *secure_begin(struct tls_server *s,
    const struct connection *c, struct channel *in, struct channel *out,
    int64_t deadline);

#endif
