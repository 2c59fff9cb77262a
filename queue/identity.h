/* identity: who the caller says he is, for the fields From and Return-Path. */
#ifndef QUEUE_IDENTITY_H
#define QUEUE_IDENTITY_H

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/str.h"
#include "queue/rewrite.h"
#include <stdbool.h>
#include <stdint.h>

struct identity {
	struct str user, host;               /* of From; "": the default host */
	struct str sender_user, sender_host; /* of the envelope */
	struct str name;                     /* "": none */
	bool name_in_comment; /* "user@host (name)", not "name <user@host>" */
	bool own_sender;      /* each message has one (QMAILINJECT m) */
	bool own_recipients;  /* so has each recipient (QMAILINJECT r) */
};

/* From $QMAILUSER and its kin; where none is set the user is he whose uid we
 * have, or anonymous.  Texts point into the environment, or live as long as
 * the program. */
void identity_read(struct identity *who);

/* Append the value of a From field: "name <user@host>".  False with EINVAL when
 * user and host are no address. */
MUST_USE bool identity_from(
    const struct identity *who, const struct rewrite *hosts, struct buf *out);

/* Append the envelope's sender, seconds being the time of the message.  False
 * with EINVAL likewise. */
MUST_USE bool identity_sender(const struct identity *who,
    const struct rewrite *hosts, int64_t seconds, struct buf *out);

#endif
