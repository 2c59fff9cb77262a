/* credential: a private key and the certificates for it, as they stand in one file. */
#ifndef KEYD_CREDENTIAL_H
#define KEYD_CREDENTIAL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tls_server.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

struct credential {
	EVP_PKEY *key;
	X509 *leaf;       /* the server's own certificate */
	struct buf chain; /* it and the others, as wire/key.h has them */
	unsigned char hash[TLS_KEY_HASH];
};

/* The credential in pem: one key, and certificates, the server's own first; what else
 * is in it is passed over, but nothing may be cut off.  NULL with *wrong saying what is wrong.  Free with
 * credential_free, which accepts NULL. */
MUST_USE struct credential *credential_new(struct str pem, const char **wrong);

/* Free c. */
void credential_free(struct credential *c);

#endif
