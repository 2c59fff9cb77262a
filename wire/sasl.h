/* sasl: the server's side of the mechanisms of SASL (RFC 4422), for doors that
 * know no secret: what proves who a client is goes to culver-authd
 * (wire/login.h).  The door says challenges and reads messages, in base64; here
 * are their bytes.
 *
 * PLAIN RFC 4616; LOGIN; CRAM-MD5 RFC 2195; SCRAM-SHA-256 and -PLUS RFC 5802
 * and 7677, bound to the connection by tls-exporter (RFC 9266), tls-unique or
 * tls-server-end-point (RFC 5929), whichever the client wants of those that
 * lib/tls.h has for it.
 */
#ifndef WIRE_SASL_H
#define WIRE_SASL_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "lib/tls.h"
#include "wire/login.h"
#include <stdbool.h>

struct sasl_mechanism;

enum sasl_result {
	SASL_CHALLENGE, /* say it, and give the next message to sasl_step */
	SASL_RIGHT,     /* user has logged in */
	SASL_WRONG,     /* he has not; the same for whatever was wrong */
	SASL_MALFORMED, /* no message of this mechanism */
	SASL_LATER      /* cannot be told now */
};

/* What a door lends to an exchange. */
struct sasl_door {
	void *context;
	/* Ask culver-authd; user gets the address of K, text what K or C says,
	 * appended.  K, C, N or Z. */
	char (*ask)(void *context, enum login_how how,
	    const struct checkpw *who, struct buf *user, struct buf *text);
	struct str me;         /* this host, for a challenge */
	const struct tls *tls; /* NULL: in the clear */
	struct str offered;    /* the words of control/authmechanisms */
};

/* One exchange; empty is all zero bytes. */
struct sasl {
	const struct sasl_mechanism *how; /* while it goes on */
	bool proven;            /* only a last empty message is to come */
	struct buf said, given; /* what later steps need of earlier ones */
	struct buf challenge;
	struct buf user; /* of SASL_RIGHT: the mailbox's own address */
};

/* The mechanism of that name, ASCII case ignored, where d offers it: it is among
 * d's words and, where it wants to be bound, the connection can be.  NULL. */
const struct sasl_mechanism *sasl_find(
    const struct sasl_door *d, struct str name);

/* Append the names of what d offers, in its order, between blanks. */
MUST_USE bool sasl_offer(const struct sasl_door *d, struct buf *b);

/* No initial response goes with it: the server speaks first. */
bool sasl_server_first(const struct sasl_mechanism *m);

/* Begin an exchange without an initial response; where there is one,
 * sasl_choose and sasl_step. */
MUST_USE enum sasl_result sasl_begin(
    struct sasl *s, const struct sasl_door *d, const struct sasl_mechanism *m);

/* What is sent next is of this mechanism. */
void sasl_choose(struct sasl *s, const struct sasl_mechanism *m);

/* The client's next message. */
MUST_USE enum sasl_result sasl_step(
    struct sasl *s, const struct sasl_door *d, struct str message);

/* Who gives up now, or says something malformed, has learned what a failure
 * would have taught: it is one. */
bool sasl_counts(const struct sasl *s);

/* Wipe what is kept of an exchange, user too. */
void sasl_forget(struct sasl *s);

/* The same, and give the memory back. */
void sasl_free(struct sasl *s);

#endif
