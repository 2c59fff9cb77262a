/* mechanism: the mechanisms of AUTH, each a row of a table. */
#ifndef SMTPD_MECHANISM_H
#define SMTPD_MECHANISM_H

#include "lib/str.h"
#include "smtpd/session.h"
#include <stdbool.h>

enum { AUTH_CONTINUE = 334 };

struct mechanism {
	const char *name;
	bool server_first; /* no initial response */
	bool bound;        /* by the channel: only where it has a binding */
	/* Without an initial response: the first challenge. */
	struct reply (*begin)(struct session *s);
	/* Answer a message, s->auth saying which; AUTH_CONTINUE is another
	 * challenge, anything else the end. */
	struct reply (*step)(struct session *s, struct str message);
};

/* By its name, ASCII case ignored; NULL. */
const struct mechanism *mechanism_find(struct str name);

#endif
