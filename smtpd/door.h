/* door: what a worker keeps from one connection to the next: settings, the
 * table of mailboxes, the way into the queue. */
#ifndef SMTPD_DOOR_H
#define SMTPD_DOOR_H

#include "control/control.h"
#include "lib/attr.h"
#include "lib/cdb.h"
#include "lib/str.h"
#include "wire/submit.h"
#include <stdbool.h>
#include <stdint.h>

struct door {
	struct controls *controls;
	struct table *mailboxes; /* users/rcpt.cdb; NULL: there is none */
	struct submit submit;
	/* Of the environment; data is NULL where it is not set. */
	struct str relayclient, databytes;
	struct str host, info; /* of the client of a UCSPI server */
	uint64_t transactions; /* begun by this process */
};

/* Begin, HOME being the current folder: no file is read yet but the folder
 * control/ is held open.  Dies (111) when it cannot be.  ucspi: the environment
 * describes the client. */
void door_open(struct door *d, bool ucspi);

/* Close what is open. */
void door_close(struct door *d);

/* Read what has changed on disk.  False, with one line in the log that names
 * file and line, when something cannot be read or does not parse: then no mail
 * is taken until it can. */
MUST_USE bool door_refresh(struct door *d);

/* This host's name; "localhost" while control/me cannot be read. */
struct str door_me(const struct door *d);

/* The largest message in bytes, UINT64_MAX without a limit: $DATABYTES, else
 * the control file. */
uint64_t door_databytes(const struct door *d);

#endif
