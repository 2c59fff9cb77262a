/* credential: a private key and the certificates for it; see credential.h. */
#include "keyd/credential.h"

#include "lib/tls_provider.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* Nobody is there to be asked for the password of a key. */
static int
no_password(char *out, int size, int writes, void *unused)
{
	if (size > 0)
		out[0] = '\0';
	(void)writes;
	(void)unused;
	return -1;
}

static bool
add(struct buf *chain, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	const unsigned char head[3] = {(unsigned char)(n >> 16),
	    (unsigned char)(n >> 8), (unsigned char)n};
	bool ok = n > 0 && buf_append(chain, head, sizeof(head)) &&
		  buf_append(chain, der, (size_t)n);

	OPENSSL_free(der);
	return ok;
}

static bool
read_certificates(struct credential *c, BIO *from)
{
	X509 *x;

	while ((x = PEM_read_bio_X509(from, NULL, no_password, NULL)) != NULL) {
		bool ok = add(&c->chain, x);

		if (c->leaf == NULL)
			c->leaf = x;
		else
			X509_free(x);
		if (!ok)
			return false;
	}
	return true;
}

static const char *
read_all(struct credential *c, struct str pem)
{
	BIO *from;
	bool fits = false;

	if (pem.len == 0)
		return "it is empty";
	from = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (from == NULL)
		return "no memory";
	c->key = PEM_read_bio_PrivateKey(from, NULL, no_password, NULL);
	if (BIO_reset(from) == 1)
		fits = read_certificates(c, from);
	BIO_free(from);
	if (c->key == NULL)
		return "no private key in it that can be read";
	if (!fits)
		return "too many certificates";
	if (c->leaf == NULL)
		return "no certificate in it";
	if (tls_key_type(c->key) == NULL)
		return "its key is neither RSA, EC nor Ed25519";
	if (X509_check_private_key(c->leaf, c->key) != 1)
		return "its first certificate is not for its key";
	return tls_key_hash(c->key, c->hash) ? NULL : "no memory";
}

struct credential *
credential_new(struct str pem, const char **wrong)
{
	struct credential *c = calloc(1, sizeof(*c));

	*wrong = "no memory";
	if (c == NULL)
		return NULL;
	c->chain.max = TLS_CHAIN_MAX;
	*wrong = read_all(c, pem);
	ERR_clear_error();
	if (*wrong == NULL)
		return c;
	credential_free(c);
	return NULL;
}

void
credential_free(struct credential *c)
{
	if (c == NULL)
		return;
	EVP_PKEY_free(c->key);
	X509_free(c->leaf);
	buf_free(&c->chain);
	free(c);
}
