/* tls_provider: an OpenSSL 3 provider whose keys are elsewhere: it knows their
 * public halves and asks a keeper for signatures. */
#ifndef LIB_TLS_PROVIDER_H
#define LIB_TLS_PROVIDER_H

#include "lib/attr.h"
#include "lib/tls_server.h"
#include <openssl/evp.h>
#include <openssl/types.h>
#include <stdbool.h>

enum { TLS_PROVIDERS = 2 };

/* Load it into library, beside OpenSSL's own, which is loaded first, and say
 * what both are in loaded, of which NULL is none.  False without memory.  Give
 * them back, whatever the result, before the library is freed. */
MUST_USE bool tls_provider_load(
    OSSL_LIB_CTX *library, OSSL_PROVIDER *loaded[TLS_PROVIDERS]);

/* A key of that library for a public one (RSA, EC or Ed25519), which signs by
 * keeper->sign and sets *trouble when that fails; both must outlive it, and so
 * must name, whose certificates are asked for once more where the keeper does
 * not know the key: it may have begun anew.  NULL for another type or without
 * memory.  Free with EVP_PKEY_free. */
MUST_USE EVP_PKEY *tls_provider_key(OSSL_LIB_CTX *library, EVP_PKEY *public,
    const struct tls_keeper *keeper, const char *name, bool *trouble);

/* SHA-256 of a key's SubjectPublicKeyInfo, by which a keeper knows it.  False
 * without memory. */
MUST_USE bool tls_key_hash(
    const EVP_PKEY *key, unsigned char hash[TLS_KEY_HASH]);

/* "RSA", "EC" or "ED25519"; NULL for another. */
const char *tls_key_type(const EVP_PKEY *key);

#endif
