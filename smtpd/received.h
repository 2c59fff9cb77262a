/* received: the trace field on top of every message, RFC 5321 4.4. */
#ifndef SMTPD_RECEIVED_H
#define SMTPD_RECEIVED_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/str.h"
#include <stdbool.h>
#include <stdint.h>

struct received {
	bool hidden;             /* who the client is, all of it, is not told */
	struct str helo;         /* as the client said it */
	struct str host;         /* its name from DNS; empty: unknown */
	struct str info;         /* its user by ident; empty: unknown */
	const struct ip *remote; /* NULL: unknown */
	struct str me;
	const char *protocol; /* "SMTP", "ESMTP", "LMTP" ... */
	const char *cipher;   /* of TLS, with its version; NULL: none */
	struct str id;        /* of the transaction, as logged */
	int64_t seconds;      /* since 1970 */
};

/* Append the field with LF line ends.  What comes from outside is written in
 * the characters that received_safe knows.  Fails as buf_append does. */
MUST_USE bool received_write(struct buf *b, const struct received *r);

/* Append s with every byte that is not a letter, a digit or one of "-._:[]+="
 * written as '?': nothing of it can end a line, a comment or a field. */
MUST_USE bool received_safe(struct buf *b, struct str s);

#endif
