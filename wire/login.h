/* login: culver-popup asks culver-authd to check a password and to open the
 * mailbox; the mailbox comes back as a socket to its culver-pop3d.
 *
 * Socket    LOGIN_SOCKET; only culverp (a private instance: its own uid).
 * Request   frame L: "pop3" NUL, the client's address in text NUL, then the
 *           bytes of wire/checkpw.h.  One request a connection.
 * Answer    one packet of frame form, K with a descriptor passed beside it:
 *             K        the descriptor is a stream to a culver-pop3d in its
 *                      TRANSACTION state, started as the mailbox's user
 *             N  text  wrong user or password (said alike for both)
 *             Z  text  cannot tell now
 * Limits    LOGIN_ANSWER seconds for the answer.  A failure is answered after
 *           LOGIN_DELAY seconds, whatever failed.
 */
#ifndef WIRE_LOGIN_H
#define WIRE_LOGIN_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "wire/checkpw.h"
#include <stdbool.h>

#define LOGIN_SOCKET "state/auth"

enum {
	LOGIN_ANSWER = 120,
	LOGIN_DELAY = 2,
};

struct login {
	struct str service, client;
	struct checkpw who;
};

/* Payload of the request; write fails as buf_append and checkpw_write, read is
 * false for anything malformed. */
MUST_USE bool login_write(struct buf *b, const struct login *l);
MUST_USE bool login_read(struct str in, struct login *l);

#endif
