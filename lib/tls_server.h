/* tls_server: the server's side of TLS 1.2 and 1.3.  The process that speaks to
 * clients has no private key: certificates, signatures and the keys of session
 * tickets come from a keeper, who is asked through three functions. */
#ifndef LIB_TLS_SERVER_H
#define LIB_TLS_SERVER_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tls.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	TLS_KEY_HASH = 32,      /* SHA-256 of a SubjectPublicKeyInfo */
	TLS_TICKET_NAME = 16,   /* bytes; of a ticket's key, in the clear */
	TLS_TICKET_SECRET = 32, /* bytes of each of its two secrets */
	TLS_IDENTITIES = 64,    /* names whose certificates are kept */
	TLS_FRESH_SECONDS = 5,  /* after which they are asked for again */
	TLS_CHAIN_MAX = 1 << 16 /* bytes of all certificates for a name */
};

enum tls_answer {
	TLS_ANSWER_OK,
	TLS_ANSWER_NONE,   /* there is none */
	TLS_ANSWER_TROUBLE /* the keeper cannot be asked, or not in time */
};

/* What tickets are sealed with: AES-256-CBC and HMAC-SHA-256. */
struct tls_ticket_key {
	unsigned char name[TLS_TICKET_NAME];
	unsigned char cipher[TLS_TICKET_SECRET], mac[TLS_TICKET_SECRET];
};

struct tls_tickets {
	struct tls_ticket_key now;    /* for new tickets */
	struct tls_ticket_key former; /* tickets of this one are taken still */
	uint32_t seconds;             /* until there is another */
};

/* Each waits for a bounded time. */
struct tls_keeper {
	/* Append to out the certificates for a name in lower case (empty: the
	 * client named none): the server's own first, each in DER behind three
	 * bytes of its length. */
	enum tls_answer (*chain)(struct str name, struct buf *out);
	/* Append to out the signature of message, by a scheme of tls_scheme.h,
	 * with the key whose hash that is. */
	enum tls_answer (*sign)(const unsigned char hash[TLS_KEY_HASH],
	    uint16_t scheme, struct str message, struct buf *out);
	/* The keys of tickets. */
	enum tls_answer (*tickets)(struct tls_tickets *out);
};

struct tls_server;

/* A server of service ("smtp"), whose keeper k outlives it.  A ticket is good at
 * the same service, for a name that leads to the same certificates, and nowhere
 * else.  Nothing is read from files.  NULL without memory.  Free with
 * tls_server_free, which accepts NULL. */
MUST_USE struct tls_server *tls_server_new(
    const struct tls_keeper *k, const char *service);

/* Free s; every connection of it must be closed. */
void tls_server_free(struct tls_server *s);

/* Whether clients can be offered TLS: OK when there are certificates for one
 * that names no host; asked anew after TLS_FRESH_SECONDS. */
enum tls_answer tls_server_ready(struct tls_server *s);

/* A server's handshake on fd, else as tls_connect.  TLS_LOCAL when the keeper
 * failed. */
MUST_USE enum tls_fault tls_accept(struct tls **t, struct tls_server *s, int fd,
    int64_t deadline, char why[TLS_WHY]);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384" in out. */
void tls_describe_session(const struct tls *t, char out[TLS_TEXT]);

#endif
