/* session: one SMTP client, from the greeting to its end. */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/str.h"
#include "lib/tls.h"
#include "smtpd/door.h"
#include "smtpd/param.h"
#include "smtpd/passage.h"
#include "smtpd/reply.h"
#include "smtpd/stream.h"
#include "smtpd/submission.h"
#include "wire/sasl.h"
#include <stdbool.h>
#include <stdint.h>

enum phase {
	PH_NEW,     /* no HELO yet */
	PH_GREETED, /* MAIL may come */
	PH_MAIL,    /* a sender, no recipient yet */
	PH_RCPT,    /* a sender and recipients */
	PH_DATA,    /* 354 was said: what comes is the message */
	PH_BDAT,    /* a part of the message has come */
	PH_AUTH,    /* a line of AUTH is to come */
	PH_REFUSED, /* a part was refused; more may have been sent already */
};

enum {
	SESSION_ERRORS = 20,  /* replies of 500 and more without a message */
	SESSION_JUNK = 100,   /* commands that further nothing, likewise */
	SESSION_LOGGED = 100, /* refusals that are logged one by one */
	SESSION_ID = 64,
};

/* AUTH in one session. */
struct auth {
	struct sasl sasl;
	unsigned failures;
	bool heard; /* a password may be in what has been read */
};

struct session {
	struct door *door;
	const struct connection *peer;
	struct stream stream;
	enum phase phase;
	bool lmtp;       /* RFC 2033; set by the caller of session_serve */
	bool secure;     /* TLS from the first byte; likewise */
	bool esmtp;      /* EHLO was said */
	struct tls *tls; /* TLS is on; NULL: it is not */
	char cipher[TLS_TEXT]; /* of tls, with its version */
	const char *closing;   /* why the connection ends; NULL: it goes on */

	struct str command; /* being answered; a view of the stream's line */
	struct buf helo;
	struct auth auth;
	struct buf user;       /* whose mailbox has logged in; empty: nobody */
	struct buf sender;     /* envelope form; empty: the null path */
	struct buf recipients; /* T, N and O records of wire/envelope.h */
	uint64_t recipient_count;
	bool recipients_refused; /* one was at least */
	struct params params;
	long pid;            /* this process */
	char id[SESSION_ID]; /* of the transaction, in Received and the log */
	struct passage passage;
	struct submission submission; /* active: as the passage has begun */
	bool over;  /* the transaction, once its reply is said */
	bool again; /* this refusal was counted with an earlier one */

	uint64_t unknown;      /* recipients who do not exist */
	unsigned errors, junk; /* since the last message taken */
	uint64_t accepted, refused;
	struct buf path; /* address_parse_path writes here */
	struct buf text; /* of a reply that is put together */
};

/* A session of its own memory; NULL without it.  Free with session_free. */
MUST_USE struct session *session_new(struct door *door);

/* Free what the session keeps. */
void session_free(struct session *s);

/* Talk with one client until the connection ends; its descriptors stay open. */
void session_serve(struct session *s, const struct connection *peer);

/* The greeting, or what is said to one that does not wait for it. */
struct reply session_greeting(struct session *s);

/* Forget the transaction: sender, recipients, parameters, message.  The phase
 * falls back to PH_GREETED unless there was no HELO. */
void session_reset(struct session *s);

/* The connection ends, or is to end, as r says.  What to tell the client. */
struct reply session_lost(struct session *s, enum stream_result r);

/* Begin a log line about this client. */
void session_log(const struct session *s, struct log *l, const char *event);

/* The text put together in s->text, ok telling whether all of it fitted. */
struct reply session_text(struct session *s, int code, bool ok);

#endif
