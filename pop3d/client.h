/* client: what the files of culver-popup know of one client. */
#ifndef POP3D_CLIENT_H
#define POP3D_CLIENT_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/io.h"
#include "lib/str.h"
#include "lib/tls.h"
#include "pop3d/command.h"
#include "pop3d/popup.h"
#include "wire/login.h"
#include <stdbool.h>
#include <stdint.h>

enum { CLIENT_STAMP = 320 /* "<PID.TIME.RANDOM@ME>" */ };

/* One client.  Until it is logged in, reading also ends at a fixed time, so
 * that a client which dribbles does not stay for ever. */
struct client {
	const struct popup *p;
	const struct connection *c;
	struct channel in, out;
	struct tls *tls;        /* what in and out go through; NULL: nothing */
	struct channel hurried; /* in, until deadline */
	int64_t deadline;       /* on the boot clock */
	struct reader reader;
	struct writer writer;
	char stamp[CLIENT_STAMP];
	char user[CHECKPW_MAX];
	bool named;
	const char *why; /* STLS has ended the connection; NULL: it has not */
	unsigned failures, errors;
	int mailbox; /* -1: none is open */
	bool waits;  /* for us to be given to it */
	uint64_t sent;
	char storage[COMMAND_STORAGE], answers[COMMAND_STORAGE];
};

/* What a verb answers; an answer with -ERR is counted.  NULL: none yet. */
struct reply {
	const char *text;
	enum { NEXT_COMMAND, NEXT_CLOSE, NEXT_MAILBOX } next;
};

/* Have culver-authd check who it is; user and text (NULL: not wanted) as
 * mailbox_ask appends them.  K, and the mailbox is open; C; N; or Z for any
 * trouble, of which a warning has told. */
MUST_USE char client_ask(struct client *who, enum login_how how,
    const struct checkpw *w, struct buf *user, struct buf *text);

/* What to say to that letter, C not among them; N is counted. */
struct reply client_told(struct client *who, char letter);

/* Wipe what is a view of the reader's storage. */
void client_forget(struct client *who, struct str secret);

/* AUTH (RFC 5034), where it may come. */
struct reply client_auth(struct client *who, struct str argument);

/* Append the mechanisms that CAPA names. */
MUST_USE bool client_offer(const struct client *who, struct buf *b);

#endif
