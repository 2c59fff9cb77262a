/* login: culver-popup asks culver-authd to check a password and to open the
 * mailbox; the mailbox comes back as a socket to its culver-pop3d.
 *
 * Socket    LOGIN_SOCKET; only culverp (a private instance: its own uid).
 * Request   frame L: "pop3" NUL; how, "pass" or "apop", NUL; the client's
 *           address in text NUL, its port NUL; our own address NUL, and port
 *           NUL; then the bytes of wire/checkpw.h: user, password, and the
 *           stamp of the greeting in its brackets.  With apop the password is
 *           the digest: MD5 of stamp and secret in 32 lower-case hexadecimal
 *           digits (RFC 1939, 7).  One request a connection, within
 *           LOGIN_REQUEST seconds.
 * Answer    one frame; K may have a descriptor beside its first byte:
 *             K        the descriptor is a stream to a culver-pop3d started as
 *                      the mailbox's user; its first line answers PASS.
 *                      Without one the culver-pop3d is at the other end of this
 *                      connection from now on, and waits to be given the client
 *                      (wire/handover.h)
 *             N  text  wrong user or password (said alike for both)
 *             Z  text  cannot tell now
 * Limits    LOGIN_ANSWER seconds for the answer.  A failure is answered after
 *           LOGIN_DELAY seconds, whatever failed; where the same user or
 *           address has failed before, later, up to LOGIN_DELAY_MOST.
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
	LOGIN_REQUEST = 10,
	LOGIN_ANSWER = 120,
	LOGIN_DELAY = 2,
	LOGIN_DELAY_MOST = 30,
	LOGIN_CLIENT = 64, /* most bytes of each text before the user */
	LOGIN_PAYLOAD = CHECKPW_MAX + 6 * (LOGIN_CLIENT + 1), /* most bytes */
	LOGIN_TEXT = 200,  /* most bytes of an answer's text; more is cut */
	LOGIN_LETTER = 'L' /* kind of the request */
};
_Static_assert(LOGIN_ANSWER > LOGIN_REQUEST + LOGIN_DELAY_MOST,
    "culver-popup must outwait culver-authd");

struct login {
	struct str service;
	bool apop;
	struct str client, client_port, server, server_port;
	struct checkpw who;
};

/* Payload of the request; write fails as buf_append and checkpw_write, read is
 * false for anything malformed. */
MUST_USE bool login_write(struct buf *b, const struct login *l);

/* Matched by login_write. */
MUST_USE bool login_read(struct str in, struct login *l);

struct login_answer {
	char letter;     /* K, N or Z */
	struct str text; /* of N and Z */
	int fd;          /* of K; -1 without one */
};

/* Send an answer on the blocking socket s; fd stays the caller's.  False with
 * errno.  Matched by login_receive. */
MUST_USE bool login_send(int s, const struct login_answer *a);

/* Wait at most ms for each part of the answer.  Then text points into b
 * (emptied first, its max is set) and fd is the caller's.  False with errno:
 * ETIMEDOUT, EPIPE for an early end, EPROTO for anything that is no answer;
 * a->fd is -1 then. */
MUST_USE bool login_receive(
    int s, int ms, struct buf *b, struct login_answer *a);

#endif
