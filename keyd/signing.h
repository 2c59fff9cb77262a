/* signing: a signature by one of the schemes of TLS. */
#ifndef KEYD_SIGNING_H
#define KEYD_SIGNING_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

/* Append the signature of message with key.  False when the scheme is none of
 * lib/tls_scheme.h, not one of such a key, or OpenSSL fails. */
MUST_USE bool signing_make(
    EVP_PKEY *key, uint16_t scheme, struct str message, struct buf *out);

#endif
