/* tls_identity: the certificates of a server, by the name that a client asks
 * for. */
#include "lib/tls_inside.h"

#include "lib/clock.h"
#include "lib/tls_provider.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

static void
forget(struct tls_identity *i)
{
	X509_free(i->leaf);
	sk_X509_pop_free(i->others, X509_free);
	EVP_PKEY_free(i->key);
	*i = (struct tls_identity){.leaf = NULL};
}

void
tls_identity_clear(struct tls_server *s)
{
	for (size_t i = 0; i < TLS_IDENTITIES; i++)
		forget(&s->identities[i]);
}

/* One certificate behind its three bytes of length. */
static X509 *
take_certificate(struct str *chain)
{
	const unsigned char *at = (const unsigned char *)chain->data;
	size_t size;

	if (chain->len < 3)
		return NULL;
	size = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
	at += 3;
	if (size > chain->len - 3)
		return NULL;
	*chain = str_slice(*chain, 3 + size, chain->len);
	return d2i_X509(NULL, &at, (long)size);
}

static bool
take_others(struct tls_identity *i, struct str rest)
{
	i->others = sk_X509_new_null();
	while (i->others != NULL && rest.len > 0) {
		X509 *x = take_certificate(&rest);

		if (x == NULL)
			return false;
		if (sk_X509_push(i->others, x) == 0) {
			X509_free(x);
			return false;
		}
	}
	return i->others != NULL;
}

static bool
digest(unsigned char out[TLS_KEY], const void *data, size_t n)
{
	return EVP_Digest(data, n, out, NULL, EVP_sha256(), NULL) == 1;
}

/* A ticket of another service, or of certificates that were replaced, opens
 * nothing. */
static bool
take_scope(const struct tls_server *s, struct tls_identity *i)
{
	char both[TLS_KEY + TLS_KEY] = {0};

	memcpy(both, i->chain, TLS_KEY);
	return str_copy(both + TLS_KEY, TLS_KEY, str_of(s->service)) &&
	       digest(i->scope, both, sizeof(both));
}

static bool
take_chain(struct tls_server *s, struct tls_identity *i, struct str chain)
{
	i->leaf = take_certificate(&chain);
	if (i->leaf == NULL || !take_others(i, chain))
		return false;
	i->key = tls_provider_key(s->library, X509_get0_pubkey(i->leaf),
	    s->keeper, i->name, &s->trouble);
	return i->key != NULL && take_scope(s, i);
}

/* The place of that name, else of whoever was asked for longest ago; a free one
 * has no time. */
static struct tls_identity *
place(struct tls_server *s, const char *name)
{
	struct tls_identity *oldest = &s->identities[0];

	for (size_t n = 0; n < TLS_IDENTITIES; n++) {
		struct tls_identity *i = &s->identities[n];

		if (i->leaf != NULL && strcmp(i->name, name) == 0)
			return i;
		if (i->since < oldest->since)
			oldest = i;
	}
	return oldest;
}

static bool
is_fresh(const struct tls_identity *i, const char *name)
{
	return i->leaf != NULL && strcmp(i->name, name) == 0 &&
	       clock_boot() - i->since <
		   (int64_t)TLS_FRESH_SECONDS * CLOCK_SECOND;
}

/* What the keeper said; the same as before is not made sense of again. */
static bool
take(struct tls_server *s, struct tls_identity *i, const char *name,
    struct str chain)
{
	unsigned char hash[TLS_KEY];

	if (!digest(hash, chain.data, chain.len))
		return false;
	if (i->leaf != NULL && strcmp(i->name, name) == 0 &&
	    memcmp(i->chain, hash, sizeof(hash)) == 0)
		return true;
	forget(i);
	memcpy(i->chain, hash, sizeof(hash));
	return str_copy(i->name, sizeof(i->name), str_of(name)) &&
	       take_chain(s, i, chain);
}

enum tls_answer
tls_identity_find(
    struct tls_server *s, const char *name, struct tls_identity **found)
{
	struct tls_identity *i = place(s, name);
	struct buf chain = {.max = TLS_CHAIN_MAX};
	enum tls_answer a;

	*found = i;
	if (is_fresh(i, name))
		return TLS_ANSWER_OK;
	a = s->keeper->chain(str_of(name), &chain);
	if (a == TLS_ANSWER_OK && !take(s, i, name, buf_str(&chain)))
		a = TLS_ANSWER_TROUBLE;
	if (a == TLS_ANSWER_OK)
		i->since = clock_boot();
	else
		forget(i);
	ERR_clear_error();
	buf_free(&chain);
	return a;
}

/* What the extension says (RFC 6066, 3): one name, of the type 0, in a list.
 * Another form OpenSSL refuses by itself. */
static struct str
said_name(SSL *ssl)
{
	enum { HEAD = 5 }; /* length of the list, type, length */
	const unsigned char *at;
	struct str none = {"", 0};
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &at, &n) !=
		1 ||
	    n < HEAD || at[2] != TLSEXT_NAMETYPE_host_name ||
	    (size_t)(at[3] << 8 | at[4]) != n - HEAD)
		return none;
	return (struct str){(const char *)at + HEAD, n - HEAD};
}

/* A host name in lower case; what is none is as if nothing had been said. */
static void
host_name(char out[TLS_NAME_SIZE], struct str said)
{
	out[0] = '\0';
	if (said.len >= TLS_NAME_SIZE)
		return;
	for (size_t i = 0; i < said.len; i++) {
		char c = str_lower(said.data[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' &&
		    c != '_' && (c != '.' || i == 0)) {
			out[0] = '\0';
			return;
		}
		out[i] = c;
		out[i + 1] = '\0';
	}
}

int
tls_identity_choose(SSL *ssl, int *alert, void *server)
{
	struct tls_server *s = server;
	struct tls_identity *i;
	char name[TLS_NAME_SIZE];

	host_name(name, said_name(ssl));
	s->trouble = tls_identity_find(s, name, &i) != TLS_ANSWER_OK;
	if (!s->trouble &&
	    SSL_use_cert_and_key(ssl, i->leaf, i->key, i->others, 1) == 1 &&
	    SSL_set_session_id_context(ssl, i->scope, sizeof(i->scope)) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}
