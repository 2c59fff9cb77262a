/* door: what a worker keeps from one connection to the next: settings, the
 * table of mailboxes, the way into the queue; and what it knows of the client
 * that stands there now. */
#ifndef SMTPD_DOOR_H
#define SMTPD_DOOR_H

#include "control/control.h"
#include "control/gate.h"
#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/listener.h"
#include "lib/str.h"
#include "lib/tls_server.h"
#include "smtpd/guesses.h"
#include "wire/submit.h"
#include "wire/who.h"
#include <stdbool.h>
#include <stdint.h>

struct door {
	struct controls *controls;
	struct table *mailboxes; /* users/rcpt.cdb; NULL: there is none */
	struct submit submit;
	struct who_client who; /* tells which users exist */
	struct guesses guesses;
	/* NULL: this program has no TLS; else what can be offered, and when
	 * that was asked (clock_boot; 0: never). */
	struct tls_server *tls;
	enum tls_answer tls_answer;
	int64_t tls_asked;
	/* When door_outbound has read (clock_boot); 0: never, or in vain. */
	int64_t outbound;
	uint64_t transactions; /* begun by this process */
	enum control_id rules; /* for clients */
	bool guests;           /* only whom a rule allows comes in */

	/* The client: what the rule for it says, else the environment, else
	 * data is NULL.  Set by door_enter and door_change. */
	struct str relayclient, databytes, filter;
	struct str host, info, local;
	bool wants_auth; /* $REQUIREAUTH: no mail without it, but at port 25 */
	struct connection client;
	bool xclient;     /* it may say for whom it speaks */
	bool relay_asked; /* whether it may because it has read mail */
	bool porter;      /* submit leads to the environment's filter */

	struct buf vars; /* of the rule */
	struct buf name; /* of a client that another speaks for */
	bool foreign;    /* it is not the one whom the environment is about */
	/* The client is our caller: he may talk ahead of the replies, and only
	 * the kernel tells culver-queued who he is. */
	bool caller;
	/* Under a UCSPI server, who checks passwords in place of culver-authd
	 * (smtpd/checkpw.h) and the name for it to be asked by; -1. */
	int checkpw;
	struct str checkpw_host;
};

/* Begin, HOME being the current folder: no file is read yet but the folder
 * control/ is held open.  Dies (111) when it cannot be. */
void door_open(struct door *d);

/* The same for another program than culver-smtpd: what it reads of control/
 * besides, and its rules.  guests: without a rule nobody comes in, unless a
 * UCSPI server has let the client in. */
void door_open_for(struct door *d, enum control_reader also,
    enum control_id rules, bool guests);

/* Before the jail, under a UCSPI server: where $QMAILQUEUE is set messages go to
 * that program, and nowhere else.  Dies (111) when it cannot be had. */
void door_filter(struct door *d);

/* Close what is open. */
void door_close(struct door *d);

/* The same as door_enter, but the client is not told. */
MUST_USE enum gate door_ask(struct door *d, const struct connection *c);

/* A client has come.  d->client is who it is, behind a proxy too, and what the
 * rules say of it is in force.  False: it has been told that it may not come
 * in, the log says why, and the connection is to be closed. */
MUST_USE bool door_enter(struct door *d, const struct connection *c);

/* The client is who d->client says now, and has this name (empty: none that is
 * known), because one who may say so did.  Not GATE_OPEN: it may not come in. */
MUST_USE enum gate door_change(struct door *d, struct str name);

/* What a client is told that did not find the gate open; code 0 for one that is
 * told nothing. */
const char *door_words(enum gate g, int *code);

/* Read what has changed on disk; what control/ says may have changed within the
 * last second of a connection (control_refresh_lately).  False, with one line in the log that names
 * file and line, when something cannot be read or does not parse: then no mail
 * is taken until it can. */
MUST_USE bool door_refresh(struct door *d);

/* The same of what concerns only clients that may relay, for each of their
 * messages: the rows that controls.def calls LATE. */
MUST_USE bool door_outbound(struct door *d);

/* This host's name; "localhost" while control/me cannot be read. */
struct str door_me(const struct door *d);

/* The name that the client reached, for the trace: $TCPLOCALHOST if that is a
 * domain, else this host's. */
struct str door_local(const struct door *d);

/* The largest message in bytes, UINT64_MAX without a limit: $DATABYTES, else
 * the control file. */
uint64_t door_databytes(const struct door *d);

#endif
