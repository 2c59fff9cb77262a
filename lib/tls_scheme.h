/* tls_scheme: the ways in which a server signs (RFC 8446, 4.2.3).  None that
 * needs SHA-1 or MD5 is here. */
#ifndef LIB_TLS_SCHEME_H
#define LIB_TLS_SCHEME_H

#include <stdbool.h>
#include <stdint.h>

struct tls_scheme {
	uint16_t code;      /* SignatureScheme */
	const char *type;   /* of the key, as OpenSSL calls it */
	const char *digest; /* NULL: the scheme has its own */
	bool pss;           /* RSASSA-PSS, with a salt as long as the digest */
};

/* The scheme of a code; NULL when there is none. */
const struct tls_scheme *tls_scheme_of(uint16_t code);

/* The scheme of a type of key, a digest by any of OpenSSL's names for it (NULL
 * or "": none) and a padding; NULL when there is none. */
const struct tls_scheme *tls_scheme_find(
    const char *type, const char *digest, bool pss);

#endif
