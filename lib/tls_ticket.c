/* tls_ticket: session tickets (RFC 8446, 4.6.1).  Only TLS 1.3 has them here: its
 * tickets go with a new key exchange, so that who learns a ticket's key later
 * reads nothing of what was recorded. */
#include "lib/tls_inside.h"

#include "lib/clock.h"
#include "lib/rng.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

enum { IV = 16, ANSWER_NONE = 0, ANSWER_YES = 1, ANSWER_AGAIN = 2 };

/* The keys of now; false when there are none. */
static bool
refresh(struct tls_server *s)
{
	int64_t now = clock_boot();

	if (now < s->tickets_until)
		return true;
	s->tickets_until = 0;
	if (s->keeper->tickets(&s->tickets) != TLS_ANSWER_OK)
		return false;
	s->tickets_until = now + (int64_t)s->tickets.seconds * CLOCK_SECOND;
	return true;
}

static bool
set_mac(EVP_MAC_CTX *mac, struct tls_ticket_key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(
				   OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end()};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static const struct tls_ticket_key *
named(const struct tls_server *s, const unsigned char *name)
{
	if (memcmp(s->tickets.now.name, name, TLS_TICKET_NAME) == 0)
		return &s->tickets.now;
	if (memcmp(s->tickets.former.name, name, TLS_TICKET_NAME) == 0)
		return &s->tickets.former;
	return NULL;
}

/* Without keys there is no ticket, and a full handshake. */
int
tls_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct tls_server *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct tls_ticket_key *k;
	struct tls_ticket_key copy;
	bool ok;

	if (SSL_version(ssl) != TLS1_3_VERSION || !refresh(s))
		return ANSWER_NONE;
	k = seal ? &s->tickets.now : named(s, name);
	if (k == NULL || (seal && !rng_bytes(iv, IV)))
		return ANSWER_NONE;
	copy = *k;
	if (seal)
		memcpy(name, k->name, TLS_TICKET_NAME);
	ok = EVP_CipherInit_ex2(
		 cipher, s->cipher, k->cipher, iv, seal != 0, NULL) == 1 &&
	     set_mac(mac, &copy);
	OPENSSL_cleanse(&copy, sizeof(copy));
	if (!ok)
		return ANSWER_NONE;
	/* One that was used is followed by another, so that a client need not
	 * say the same twice (RFC 8446, C.4). */
	return seal ? ANSWER_YES : ANSWER_AGAIN;
}
