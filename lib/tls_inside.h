/* tls_inside: what the files of tls know of each other. */
#ifndef LIB_TLS_INSIDE_H
#define LIB_TLS_INSIDE_H

#include "lib/attr.h"
#include "lib/tls.h"
#include "lib/tls_provider.h"
#include "lib/tls_server.h"
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

enum { TLS_KEY = 32 }; /* bytes of a SHA-256 */

struct tls_session {
	unsigned char key[TLS_KEY];
	SSL_SESSION *session; /* NULL: a free place */
	int64_t since;        /* clock_boot */
};

struct tls_context {
	SSL_CTX *ssl; /* NULL until there is a handshake */
	X509_STORE *store;
	BIO_METHOD *method;
	struct buf authorities; /* PEM that no handshake has needed yet */
	struct tls_session sessions[TLS_SESSIONS];
};

/* The certificates for one name. */
struct tls_identity {
	char name[TLS_NAME_SIZE];     /* "": for who names none */
	int64_t since;                /* clock_boot */
	unsigned char chain[TLS_KEY]; /* the certificates' SHA-256 */
	unsigned char scope[TLS_KEY]; /* where its tickets are good */
	X509 *leaf;                   /* NULL: a free place */
	STACK_OF(X509) * others;
	EVP_PKEY *key; /* of the provider */
};

struct tls_server {
	const struct tls_keeper *keeper;
	const char *service;
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *providers[TLS_PROVIDERS];
	SSL_CTX *ssl;
	BIO_METHOD *method;
	EVP_CIPHER *cipher; /* of tickets */
	struct tls_tickets tickets;
	int64_t tickets_until; /* clock_boot; 0: there are none */
	bool trouble;          /* the keeper failed since it was cleared */
	struct tls_identity identities[TLS_IDENTITIES];
};

struct tls {
	SSL *ssl;
	struct tls_context *context; /* of a client; NULL for a server */
	int fd;
	bool broken;   /* nothing more can be said, not even the end */
	bool patient;  /* the next recv waits itself */
	bool remember; /* keep its sessions under key */
	unsigned char key[TLS_KEY];
	enum tls_fault verdict;
	char word[16];
};

/* Make c ready for a handshake of that trust: what was read is made sense of,
 * which costs as much as some handshakes, by the first that needs it.  False
 * without memory; it can be tried again. */
MUST_USE bool tls_context_ready(struct tls_context *c, enum tls_trust trust);

/* What t's SSL reads from and writes to is t->fd, without signals; false
 * without memory.  The method is one of tls_bio_method. */
MUST_USE bool tls_bio_attach(struct tls *t, BIO_METHOD *method);

/* Shake hands, whichever side t is, until deadline.  False with errno, as
 * tls_read, ETIMEDOUT among them; t is broken then. */
MUST_USE bool tls_shake(struct tls *t, int64_t deadline);

/* Why it failed: errno, or OpenSSL's own words. */
enum tls_fault tls_shake_fault(
    const struct tls *t, enum tls_trust trust, char why[TLS_WHY]);

/* The certificates for a name ("": the default), as the keeper has them now or
 * had them TLS_FRESH_SECONDS ago. */
MUST_USE enum tls_answer tls_identity_find(
    struct tls_server *s, const char *name, struct tls_identity **found);

/* Forget them all. */
void tls_identity_clear(struct tls_server *s);

/* OpenSSL's callbacks: the certificates for one client, before it is looked
 * whether a session goes on; seal or open a ticket. */
int tls_identity_choose(SSL *ssl, int *alert, void *server);

/* Likewise. */
int tls_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal);

/* The method of such a BIO; NULL without memory.  Free with BIO_meth_free. */
MUST_USE BIO_METHOD *tls_bio_method(void);

/* Make the key of a connection to wish->peer as wish wants it: no session goes
 * on under another.  False without a peer or memory. */
MUST_USE bool tls_session_key(
    const struct tls_wish *wish, unsigned char key[TLS_KEY]);

/* Remember, in s's place of the oldest, or of the one with that key; s is the
 * context's then. */
void tls_session_keep(
    struct tls_context *c, const unsigned char key[TLS_KEY], SSL_SESSION *s);

/* Take the session of that key out; NULL when there is none that can go on.
 * The caller frees it. */
MUST_USE SSL_SESSION *tls_session_take(
    struct tls_context *c, const unsigned char key[TLS_KEY]);

/* Forget them all. */
void tls_session_clear(struct tls_context *c);

/* Tell t's SSL what the wish is.  TLS_OK, TLS_UNUSABLE or TLS_LOCAL. */
MUST_USE enum tls_fault tls_wish_apply(SSL *ssl, const struct tls_wish *wish);

/* What an X509_V_ERR_ means to a wish of that trust. */
enum tls_fault tls_fault_of(long verify_result, enum tls_trust trust);

#endif
