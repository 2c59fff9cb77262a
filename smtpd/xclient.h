/* xclient: XCLIENT, by which a client that control/xclientclients names says for
 * whom it speaks (Postfix's XCLIENT_README). */
#ifndef SMTPD_XCLIENT_H
#define SMTPD_XCLIENT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "smtpd/session.h"

/* The verb, its attributes being the argument.  The session begins again, with
 * the greeting. */
struct reply do_xclient(struct session *s, struct str attributes);

/* Append the line of EHLO, for those who may. */
MUST_USE bool xclient_offer(const struct session *s, struct buf *b);

#endif
