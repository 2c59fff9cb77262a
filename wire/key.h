/* key: programs that speak TLS with clients ask culver-keyd for certificates, for
 * signatures and for the keys of session tickets.  No private key leaves it.
 *
 * Socket    KEY_SOCKET; only culverd and culverp (a private instance: its own
 *           uid).
 * Request   one frame a connection, within KEY_REQUEST seconds:
 *             C  name   the certificates for a host name in lower case, as a
 *                       client said it (RFC 6066, 3); empty: it said none
 *             S  hash, scheme, message
 *                       32 bytes, SHA-256 of the SubjectPublicKeyInfo of the
 *                       key; 2 bytes, a SignatureScheme of lib/tls_scheme.h;
 *                       what is to be signed itself, not its digest: it is
 *                       signed only when it has the form of a handshake, so
 *                       that who may ask can forge nothing but handshakes:
 *                         TLS 1.3 (RFC 8446, 4.4.3)  64 blanks, "TLS 1.3,
 *                           server CertificateVerify", NUL, 32 or 48 bytes
 *                         TLS 1.2 (RFC 8422, 5.4)  64 bytes of randoms, 3,
 *                           2 bytes of a named curve, a length, a point of
 *                           that length
 *             T         the keys of tickets of who asks: each account has
 *                       others
 * Answer    one frame of the request's letter, or one of those below it:
 *             C  each certificate in DER behind 3 bytes of its length, the
 *                server's own first
 *             S  the signature
 *             T  the key of new tickets, the one before it, each 16 bytes of
 *                name and twice 32 of secrets; 4 bytes: seconds until the next
 *             N  there is no such certificate or key, or nothing is signed that
 *                reads so
 *             Z  cannot tell now
 * Limits    Connections beyond what one account or one process may have are
 *           closed without an answer.
 *           KEY_ANSWER seconds for the answer, which ends one handshake and
 *           nothing else.
 */
#ifndef WIRE_KEY_H
#define WIRE_KEY_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tls_server.h"
#include <stdbool.h>
#include <stdint.h>

#define KEY_SOCKET "state/key"

enum {
	KEY_REQUEST = 5,
	KEY_ANSWER = 8,
	KEY_NAME = 253,       /* most bytes of a name */
	KEY_MESSAGE = 256,    /* most bytes to sign */
	KEY_SIGNATURE = 2048, /* most bytes of one: RSA of 16384 bits */
	KEY_HEAD = TLS_KEY_HASH + 2,
	KEY_TICKETS =
	    2 * (TLS_TICKET_NAME + 2 * TLS_TICKET_SECRET) + 4, /* bytes */
	/* A key of tickets is new for so many seconds, and former for as many;
	 * no session lives longer. */
	KEY_TICKET_SECONDS = 3600
};
_Static_assert(
    (int)KEY_ANSWER > (int)KEY_REQUEST, "who asks must outwait culver-keyd");
_Static_assert((int)KEY_TICKET_SECONDS >= (int)TLS_SESSION_SECONDS,
    "a ticket's key must outlive the ticket");

struct key_request {
	char letter;                      /* C, S or T */
	struct str name;                  /* of C */
	unsigned char hash[TLS_KEY_HASH]; /* of S, as what follows */
	uint16_t scheme;
	struct str message;
};

/* Append a request as a frame.  Fails as buf_append, and with EMSGSIZE over a
 * limit.  Matched by key_read. */
MUST_USE bool key_write(struct buf *b, const struct key_request *r);

/* A frame's letter and payload as a request, whose texts point into it.  False
 * for anything malformed; a name that is no host name is. */
MUST_USE bool key_read(char letter, struct str payload, struct key_request *r);

/* The message has the form of one of TLS that a server signs. */
bool key_signable(struct str message);

/* The payload of T; fails as buf_append.  Matched by key_tickets_read. */
MUST_USE bool key_tickets_write(struct buf *b, const struct tls_tickets *t);

/* Matched by key_tickets_write; false for another length. */
MUST_USE bool key_tickets_read(struct str payload, struct tls_tickets *t);

/* culver-keyd, HOME being the current folder, as the keeper of lib/tls_server;
 * static.  SIGPIPE is not raised. */
const struct tls_keeper *key_keeper(void);

#endif
