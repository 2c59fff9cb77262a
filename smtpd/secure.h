/* secure: TLS with a client: STARTTLS (RFC 3207), or from the first byte (RFC
 * 8314). */
#ifndef SMTPD_SECURE_H
#define SMTPD_SECURE_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "smtpd/session.h"
#include <stdbool.h>

/* Shake hands, unless the connection is secure.  All that was said before is
 * forgotten. */
struct reply do_starttls(struct session *s, struct str none);

/* Append what EHLO offers on its account.  Fails as buf_append. */
MUST_USE bool secure_offer(const struct session *s, struct buf *b);

/* The client begins with a handshake.  False when nothing came of it: the
 * connection is to be closed without a word, s->closing says why. */
MUST_USE bool secure_begin(struct session *s);

/* What is written has been: say that nothing follows, and let the client read
 * it; the stream is in the clear after this.  Nothing happens without TLS. */
void secure_end(struct session *s);

#endif
