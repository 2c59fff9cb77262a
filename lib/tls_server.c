/* tls_server: the server's side; see tls_server.h. */
#include "lib/tls_server.h"

#include "lib/tls_inside.h"
#include "lib/tls_provider.h"
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>

/* TLS 1.2 only with a fresh key exchange and ciphers that authenticate. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS  "X25519:P-256:P-384"
#define SCHEMES                                                                \
	"ed25519:ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:"               \
	"ecdsa_secp521r1_sha512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:"      \
	"rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512"

static bool
set_up(struct tls_server *s)
{
	char groups[] = GROUPS, schemes[] = SCHEMES; /* macros drop const */
	SSL_CTX *x = s->ssl;

	SSL_CTX_set_options(x, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				   SSL_OP_CLEANSE_PLAINTEXT |
				   SSL_OP_CIPHER_SERVER_PREFERENCE |
				   SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(x, TLS_SESSION_SECONDS);
	SSL_CTX_set_app_data(x, s);
	SSL_CTX_set_client_hello_cb(x, tls_identity_choose, s);
	SSL_CTX_set_read_ahead(x, 1); /* a record is one call, not two */
	return SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(x, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(x, CIPHERS) == 1 &&
	       SSL_CTX_set1_groups_list(x, groups) == 1 &&
	       SSL_CTX_set1_sigalgs_list(x, schemes) == 1 &&
	       SSL_CTX_set_num_tickets(x, 1) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(x, tls_ticket_key) == 1;
}

struct tls_server *
tls_server_new(const struct tls_keeper *k, const char *service)
{
	struct tls_server *s = calloc(1, sizeof(*s));
	bool ok;

	if (s == NULL)
		return NULL;
	s->keeper = k;
	s->service = service;
	s->method = tls_bio_method();
	s->library = OSSL_LIB_CTX_new();
	ok = s->method != NULL && s->library != NULL &&
	     tls_provider_load(s->library, s->providers);
	if (ok) {
		s->ssl = SSL_CTX_new_ex(
		    s->library, "?provider=default", TLS_server_method());
		s->cipher = EVP_CIPHER_fetch(
		    s->library, "AES-256-CBC", "?provider=default");
	}
	if (ok && s->ssl != NULL && s->cipher != NULL && set_up(s))
		return s;
	ERR_clear_error();
	tls_server_free(s);
	return NULL;
}

void
tls_server_free(struct tls_server *s)
{
	if (s == NULL)
		return;
	tls_identity_clear(s);
	SSL_CTX_free(s->ssl);
	EVP_CIPHER_free(s->cipher);
	for (size_t i = 0; i < TLS_PROVIDERS; i++)
		if (s->providers[i] != NULL)
			(void)OSSL_PROVIDER_unload(s->providers[i]);
	OSSL_LIB_CTX_free(s->library);
	BIO_meth_free(s->method);
	OPENSSL_cleanse(&s->tickets, sizeof(s->tickets));
	free(s);
}

enum tls_answer
tls_server_ready(struct tls_server *s)
{
	struct tls_identity *unused;

	return tls_identity_find(s, "", &unused);
}

static struct tls *
new_server(struct tls_server *s, int fd)
{
	struct tls *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->fd = fd;
	t->verdict = TLS_UNTRUSTED;
	t->ssl = SSL_new(s->ssl);
	if (t->ssl == NULL || !tls_bio_attach(t, s->method)) {
		tls_close(t, false);
		return NULL;
	}
	SSL_set_accept_state(t->ssl);
	return t;
}

enum tls_fault
tls_accept(struct tls **out, struct tls_server *s, int fd, int64_t deadline,
    char why[TLS_WHY])
{
	struct tls *t = new_server(s, fd);
	enum tls_fault f;

	*out = t;
	s->trouble = false;
	if (t == NULL) {
		(void)snprintf(why, TLS_WHY, "%s", tls_fault_text(TLS_LOCAL));
		return TLS_LOCAL;
	}
	if (tls_shake(t, deadline))
		return TLS_OK;
	f = tls_shake_fault(t, TLS_ANYBODY, why);
	if (s->trouble) {
		(void)snprintf(why, TLS_WHY, "no key or certificate");
		f = TLS_LOCAL;
	}
	*out = NULL;
	tls_close(t, false);
	return f;
}

void
tls_describe_session(const struct tls *t, char out[TLS_TEXT])
{
	(void)snprintf(out, TLS_TEXT, "%s %s", SSL_get_version(t->ssl),
	    SSL_get_cipher_name(t->ssl));
}
