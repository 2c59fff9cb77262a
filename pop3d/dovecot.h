/* dovecot: have a Dovecot check a password, by the protocol of its sockets for
 * clients of its auth service ("unix_listener auth-client"), version 1.
 *
 * Both      lines of words between tabs: VERSION 1 MINOR.
 * Dovecot   MECH NAME ... for each mechanism, SPID, CUID, COOKIE and others, and
 *           DONE.
 * We        CPID PROCESS, then AUTH 1 PLAIN service=... resp=BASE64.
 * Dovecot   OK 1 user=NAME ...; FAIL 1 ..., with the word "temp" where it could
 *           not tell; CONT 1 BASE64 where it wants the response by itself: CONT 1
 *           BASE64.
 */
#ifndef POP3D_DOVECOT_H
#define POP3D_DOVECOT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "wire/login.h"

enum {
	DOVECOT_LINE = 8192,  /* most bytes of a line */
	DOVECOT_LINES = 256,  /* most lines before an answer */
	DOVECOT_SECONDS = 30, /* for each */
};

enum dovecot_result {
	DOVECOT_RIGHT, /* user has the name that Dovecot has for him */
	DOVECOT_WRONG,
	DOVECOT_LATER /* a warning has said why */
};

/* Ask at socket; l->how is LOGIN_PASS.  user is appended to, in lower case. */
MUST_USE enum dovecot_result dovecot_ask(
    const char *socket, const struct login *l, struct buf *user);

#endif
