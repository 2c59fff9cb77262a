/* login: a door (culver-popup, culver-smtpd) asks culver-authd to check who logs
 * in.  For "pop3" the mailbox comes back as a socket to its culver-pop3d; for
 * "smtp" there is only an answer.
 *
 * Socket    LOGIN_SOCKET; culverp for "pop3", culverd for "smtp", and nobody
 *           else (a private instance: its own uid for both).
 * Request   frame L: service, "pop3" or "smtp", NUL; how NUL; the client's
 *           address in text NUL, its port NUL; our own address NUL, and port
 *           NUL; then three texts, each with a NUL.  One request a connection,
 *           within LOGIN_REQUEST seconds.
 *             pass   the bytes of wire/checkpw.h: user, password, and the stamp
 *                    of the greeting in its brackets (smtp: empty)
 *             apop   the same; for the password the digest: MD5 of stamp and
 *                    secret in 32 lower-case hexadecimal digits (RFC 1939, 7);
 *                    pop3 alone
 *             cram   the same; HMAC-MD5 of the third text, our challenge, by
 *                    the secret in such digits (RFC 2195)
 *             first  client-first-message of SCRAM-SHA-256 (RFC 5802, 7; RFC
 *                    7677), twice empty
 *             final  client-first-message, client-final-message, and the
 *                    server-first-message that "first" was answered with.  The
 *                    door has compared nonce and channel binding with what it
 *                    knows of the connection (lib/scram.h): no process waits
 *                    here while a client thinks.  A "first" without it is a
 *                    failure
 *             send   who has logged in, how many recipients more, and how many
 *                    an hour he may have at most (control/authrate), both in
 *                    decimal; smtp alone.  K: they are counted; N: no more now
 *             seen   three times empty; smtp alone.  K: mail was read by POP3
 *                    from the client's address within control/popbeforesmtp
 * Answer    one frame; K may have a descriptor beside its first byte:
 *             K  address NUL text
 *                      right.  The address is the mailbox's own in lower case,
 *                      by whatever name it was asked for (users_login_name);
 *                      where control/checkpassword or dovecotauth checks, the
 *                      name that it was checked by.  The text is empty, but
 *                      after "final" the server-final-message.
 *                      pop3: the descriptor is a stream to a culver-pop3d
 *                      started as the mailbox's user; its first line answers
 *                      PASS.  Without one the culver-pop3d is at the other end
 *                      of this connection from now on, and waits to be given
 *                      the client (wire/handover.h).  smtp: no descriptor
 *             C  text  after "first": the server-first-message.  It is the
 *                      same for a user that is not there, or that has nothing
 *                      to check SCRAM by
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
	LOGIN_CLIENT = 64,  /* most bytes of each text before the user */
	LOGIN_SCRAM = 1024, /* most bytes of the texts of first and final */
	LOGIN_PAYLOAD = LOGIN_SCRAM + 6 * (LOGIN_CLIENT + 1), /* most bytes */
	LOGIN_TEXT = 512, /* most bytes of an answer's text; more is cut */
	LOGIN_SAID = CHECKPW_MAX + 1 + LOGIN_TEXT, /* most bytes of an answer */
	LOGIN_LETTER = 'L'                         /* kind of the request */
};
_Static_assert(LOGIN_ANSWER > LOGIN_REQUEST + LOGIN_DELAY_MOST,
    "culver-popup must outwait culver-authd");
_Static_assert((int)LOGIN_SCRAM >= (int)CHECKPW_MAX, "any texts fit");

enum login_how {
	LOGIN_PASS,
	LOGIN_APOP,
	LOGIN_CRAM,
	LOGIN_FIRST,
	LOGIN_FINAL,
	LOGIN_SEND,
	LOGIN_SEEN
};

struct login {
	struct str service;
	enum login_how how;
	struct str client, client_port, server, server_port;
	struct checkpw who;
};

/* Payload of the request; write fails as buf_append and checkpw_write, read is
 * false for anything malformed. */
MUST_USE bool login_write(struct buf *b, const struct login *l);

/* Matched by login_write. */
MUST_USE bool login_read(struct str in, struct login *l);

struct login_answer {
	char letter;        /* K, C, N or Z */
	struct str address; /* of K */
	struct str text;
	int fd; /* of K; -1 without one */
};

/* Send an answer on the blocking socket s; fd stays the caller's.  False with
 * errno, EINVAL or EMSGSIZE for an address that is none among them.  Matched by login_receive. */
MUST_USE bool login_send(int s, const struct login_answer *a);

/* Wait at most ms for each part of the answer.  Then address and text
 * point into b (emptied first, its max is set) and fd is the caller's.  False with errno:
 * ETIMEDOUT, EPIPE for an early end, EPROTO for anything that is no answer;
 * a->fd is -1 then. */
MUST_USE bool login_receive(
    int s, int ms, struct buf *b, struct login_answer *a);

#endif
