/* offer: what a host says it can do, in its answer to EHLO (RFC 5321, 4.1.1.1). */
#ifndef REMOTE_OFFER_H
#define REMOTE_OFFER_H

#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

enum offer {
	OFFER_PIPELINING = 1 << 0, /* RFC 2920 */
	OFFER_SIZE = 1 << 1,       /* RFC 1870 */
	OFFER_8BITMIME = 1 << 2,   /* RFC 6152 */
	OFFER_SMTPUTF8 = 1 << 3,   /* RFC 6531 */
	OFFER_CHUNKING = 1 << 4,   /* RFC 3030 */
	OFFER_DSN = 1 << 5,        /* RFC 3461 */
	OFFER_STARTTLS = 1 << 6,   /* RFC 3207 */
	OFFER_AUTH = 1 << 7,       /* RFC 4954 */
	OFFER_REQUIRETLS = 1 << 8, /* RFC 8689 */
	OFFER_LIMITS = 1 << 9      /* RFC 9422 */
};

enum mechanism {
	AUTH_PLAIN = 1 << 0,
	AUTH_LOGIN = 1 << 1,
	AUTH_CRAM_MD5 = 1 << 2
};

struct offers {
	unsigned bits;         /* of enum offer */
	unsigned mechanisms;   /* of enum mechanism */
	uint64_t size;         /* bytes of a message; 0: no limit is known */
	uint64_t recipients;   /* of a transaction (RCPTMAX); 0: likewise */
	uint64_t transactions; /* of a connection (MAILMAX); 0: likewise */
};

/* Add what a line says, the first one, the host's name, left out.  A keyword
 * that we do not know, and a value that is none, is passed over. */
void offer_line(struct offers *o, struct str line);

/* The host offers it. */
bool offer_has(const struct offers *o, enum offer offer);

#endif
