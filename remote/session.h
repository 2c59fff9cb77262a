/* session: one connection to an SMTP or LMTP host, from its greeting to QUIT.
 * Transactions (transaction.h) go over it one after the other. */
#ifndef REMOTE_SESSION_H
#define REMOTE_SESSION_H

#include "lib/attr.h"
#include "lib/ip.h"
#include "lib/str.h"
#include "lib/tls.h"
#include "remote/offer.h"
#include "remote/outcome.h"
#include "remote/policy.h"
#include "remote/reply.h"
#include "remote/stream.h"
#include <stdbool.h>
#include <stdint.h>

/* How to begin; all of it the caller's. */
struct session_plan {
	const char *helo; /* our name */
	bool lmtp;        /* RFC 2033 */
	bool implicit;    /* TLS from the first byte (RFC 8314) */
	/* What policy_decide said of this host; it learns how it went. */
	struct policy *policy;
	struct tls_context *context;
	struct str user, password; /* empty: no AUTH */
	int timeout_seconds;       /* for each reply, and for each write */
};

struct session {
	struct stream stream;
	char host[IP_SIZE]; /* its address, as reports have it */
	bool lmtp, local;   /* it is on this machine: the loopback */
	bool broken;        /* nothing more can be said; only closed */
	bool began;         /* a transaction is not ended: RSET comes first */
	bool quiet;         /* it was found so, and nothing was asked since */
	int64_t timeout;    /* microseconds */
	int64_t limit;      /* clock_boot: nothing is waited for past it; the
			* caller's, set before session_open */
	uint64_t transactions; /* begun so far */
	struct offers offers;
	struct reply reply; /* the last one */
};

enum session_result {
	SESSION_OK,
	SESSION_NEXT,  /* not here: another address may serve */
	SESSION_AGAIN, /* TLS failed where it only may be: dial the same host
			* once more; the policy is NONE now */
	SESSION_FINAL  /* nor anywhere else */
};

/* Greet the host connected as fd, which is the session's from now on.  On
 * anything but SESSION_OK s is closed and *o says why; what a policy of TLS
 * or a login failed at is JOB_DEAD. */
MUST_USE enum session_result session_open(struct session *s, int fd,
    const struct ip *host, const struct session_plan *plan, struct outcome *o);

/* A session that was kept idle can take another transaction.  Never waits; the
 * session_is_quiet of its first command is this one. */
bool session_usable(struct session *s);

/* Say QUIT, unless it is broken, and close.  The answer is not waited for.  A
 * closed one is left alone. */
void session_quit(struct session *s);

/* Begin with a closed session: session_quit leaves it alone. */
void session_init(struct session *s);

/* Pieces of a command; what fails is told by session_flush. */
void session_put(struct session *s, struct str piece);

/* The same for a C string. */
void session_put_text(struct session *s, const char *piece);

/* And for a decimal number. */
void session_put_number(struct session *s, uint64_t n);

/* Write out what was put.  False: s is broken. */
MUST_USE bool session_flush(struct session *s);

/* Read s->reply.  False: s is broken, there is none. */
MUST_USE bool session_reply(struct session *s);

/* To be asked where no reply is owed, before what asks for one.  False: s is
 * broken, for the host has closed, or has said something already: that is no
 * answer to what follows, nor would any further reply be to what it seems to be.
 * Never waits. */
MUST_USE bool session_is_quiet(struct session *s);

/* A command without its CR LF, and the reply to it.  False: s is broken, there
 * is none, and the code is 0. */
MUST_USE bool session_command(struct session *s, const char *command);

#endif
