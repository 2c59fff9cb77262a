/* auth: AUTH (RFC 4954), by mechanisms that know no secret: culver-authd checks
 * (wire/login.h). */
#ifndef SMTPD_AUTH_H
#define SMTPD_AUTH_H

#include "lib/address.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "smtpd/session.h"
#include <stdbool.h>

enum { AUTH_FAILURES = 3 }; /* then the connection ends */

/* The verb: a mechanism and what may follow it. */
struct reply do_auth(struct session *s, struct str argument);

/* Phase PH_AUTH: read the client's next line and answer it. */
struct reply auth_line(struct session *s);

/* Append the line of EHLO, for those who may. */
MUST_USE bool auth_offer(const struct session *s, struct buf *b);

/* What forbids MAIL: nobody has logged in where somebody must, or it is not his
 * address; code 0: nothing.  The sender is a, with empty parts the null path. */
struct reply auth_mail(const struct session *s, const struct address *a);

/* He who has logged in may send as this sender, as control/senderlogin has it;
 * case is ignored.  FOUND_ERROR: the table cannot be read. */
enum found auth_may_use(const struct session *s, struct str sender);

/* Wipe what is kept of an exchange. */
void auth_forget(struct session *s);

#endif
