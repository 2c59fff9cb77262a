/* credential: a private key and the certificates for it; see credential.h. */
#include "keyd/credential.h"

#include "lib/tls_provider.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

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

/* What was read last ended where nothing more begins. */
static bool
is_at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM &&
	       ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* The last line is the beginning of one of PEM's. */
static bool
is_cut(struct str pem)
{
	struct str end = str_of("-----END "), dashes = str_of("-----");
	struct str line;
	size_t lf;

	while (pem.len > 0 && strchr(" \t\r\n", pem.data[pem.len - 1]) != NULL)
		pem.len--;
	lf = str_rfind(pem, '\n');
	line = lf == pem.len ? pem : str_slice(pem, lf + 1, pem.len);
	return line.len > 0 && line.data[0] == '-' &&
	       !(str_starts_nocase(line, end) && line.len > end.len &&
		   str_ends(line, dashes));
}

static const char *
read_all(struct credential *c, struct str pem)
{
	BIO *from;
	bool fits = false, whole = false;

	if (pem.len == 0)
		return "it is empty";
	if (is_cut(pem))
		return "its end is cut off";
	from = BIO_new_mem_buf(pem.data, (int)pem.len);
	if (from == NULL)
		return "no memory";
	c->key = PEM_read_bio_PrivateKey(from, NULL, no_password, NULL);
	if (BIO_reset(from) == 1) {
		ERR_clear_error();
		fits = read_certificates(c, from);
		whole = is_at_end();
	}
	BIO_free(from);
	if (c->key == NULL)
		return "no private key in it that can be read";
	if (!fits)
		return "too many certificates";
	if (!whole)
		return "a part of it cannot be read";
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
