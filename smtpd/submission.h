/* submission: mail of who has logged in, RFC 6409: mended on its way, and its
 * author is he (doc/INTERNALS, 12.6). */
#ifndef SMTPD_SUBMISSION_H
#define SMTPD_SUBMISSION_H

#include "lib/str.h"
#include "smtpd/mending.h"
#include "smtpd/reply.h"
#include <stdbool.h>

struct session;

/* Zero is none. */
struct submission {
	bool active;          /* the message is one */
	struct reply verdict; /* what forbids it; code 0: nothing */
	unsigned named;       /* bits of enum mending_field: From, Sender */
	bool noted;           /* that the author is another */
	struct mending mending;
	struct mending_ops ops;
};

/* A message begins, of s, in whose queue it has begun. */
void submission_begin(struct submission *u, struct session *s);

/* The next bytes of an active one, which go on to the queue, with what is
 * missing, until something forbids it. */
void submission_scan(struct submission *u, struct str text);

/* It has ended. */
void submission_end(struct submission *u);

/* Free what it keeps. */
void submission_free(struct submission *u);

#endif
