/* signing: a signature by one of the schemes of TLS; see signing.h. */
#include "keyd/signing.h"

#include "lib/tls_provider.h"
#include "lib/tls_scheme.h"
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

static bool
begin(EVP_MD_CTX *c, EVP_PKEY *key, const struct tls_scheme *s)
{
	EVP_PKEY_CTX *p;

	if (EVP_DigestSignInit_ex(c, &p, s->digest, NULL, NULL, key, NULL) != 1)
		return false;
	return !s->pss ||
	       (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
		   EVP_PKEY_CTX_set_rsa_pss_saltlen(
		       p, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool
make(EVP_MD_CTX *c, struct str message, struct buf *out)
{
	const unsigned char *data = (const unsigned char *)message.data;
	size_t n;

	if (EVP_DigestSign(c, NULL, &n, data, message.len) != 1 ||
	    !buf_reserve(out, n) ||
	    EVP_DigestSign(c, (unsigned char *)out->data + out->len, &n, data,
		message.len) != 1)
		return false;
	out->len += n;
	return true;
}

bool
signing_make(
    EVP_PKEY *key, uint16_t scheme, struct str message, struct buf *out)
{
	const struct tls_scheme *s = tls_scheme_of(scheme);
	const char *type = tls_key_type(key);
	EVP_MD_CTX *c;
	bool ok;

	if (s == NULL || type == NULL || strcmp(type, s->type) != 0)
		return false;
	c = EVP_MD_CTX_new();
	ok = c != NULL && begin(c, key, s) && make(c, message, out);
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return ok;
}
