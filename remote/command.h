/* command: MAIL and RCPT with their parameters, as far as the host knows them. */
#ifndef REMOTE_COMMAND_H
#define REMOTE_COMMAND_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "remote/offer.h"
#include "remote/parcel.h"

enum { COMMAND_MAX = 8192 }; /* bytes of one */

/* Append "MAIL FROM:<...> ..." and CR LF; utf8: the transaction needs
 * SMTPUTF8.  False as buf_append. */
MUST_USE bool command_mail(struct buf *out, const struct parcel *p,
    const struct offers *offers, bool utf8);

/* "RCPT TO:<...> ..." and CR LF; likewise. */
MUST_USE bool command_rcpt(struct buf *out, const struct addressee *a,
    const struct offers *offers, bool utf8);

#endif
