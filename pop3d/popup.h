/* popup: the AUTHORIZATION state of POP3 (RFC 1939, 4 and 7). */
#ifndef POP3D_POPUP_H
#define POP3D_POPUP_H

#include "lib/listener.h"
#include "lib/str.h"
#include "lib/tls_server.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	POPUP_FAILURES = 3, /* wrong passwords of one connection */
	POPUP_ERRORS = 10   /* answers with -ERR, those among them */
};

struct popup {
	struct str me;          /* this host's name, for the stamp */
	bool apop;              /* show the stamp, and take APOP */
	bool plain;             /* take passwords from elsewhere without TLS */
	struct str mechanisms;  /* of AUTH, the words of wire/saslname.h */
	const char *login;      /* path of culver-authd's socket */
	struct tls_server *tls; /* for STLS; NULL: there is none */
	bool secure;            /* begin with TLS */
	int timeout_seconds;    /* of each wait, and of the login as a whole */
};

/* Greet the client, log it in, and pass bytes between it and its mailbox until
 * either ends; one line in the log says how.  Closes nothing of c. */
void popup_serve(const struct popup *p, const struct connection *c);

/* Tell the client that it cannot be served now. */
void popup_refuse(const struct connection *c);

#endif
