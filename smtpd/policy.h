/* policy: which recipients are taken, and in whose name. */
#ifndef SMTPD_POLICY_H
#define SMTPD_POLICY_H

#include "lib/address.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "smtpd/door.h"
#include "smtpd/reply.h"
#include "wire/who.h"
#include <stdbool.h>
#include <stdint.h>

/* For whom a recipient is decided on. */
struct policy {
	const struct door *door;
	struct ip local; /* the address the client came to; zero: unknown */
	struct who_client *who; /* NULL: whether a user exists is not asked */
	uint64_t size;          /* of the message, as announced; 0: unknown */
};

/* What is said when our configuration cannot be read. */
struct reply policy_trouble(void);

/* What is said to a message over databytes. */
struct reply policy_too_large(void);

/* The refusal is that of a recipient who does not exist. */
bool policy_is_unknown(struct reply r);

/* It is the answer to a recipient elsewhere, of who may not relay. */
bool policy_is_foreign(struct reply r);

/* Whether control/badmailfrom-out or badmailto-out (id) lists the address, in
 * envelope form: it, its @domain, or a .suffix of that.  FOUND_ERROR: the table
 * cannot be read.  door_outbound has succeeded before. */
enum found policy_listed(
    const struct door *d, enum control_id id, struct str address);

/* Decide on a sender.  code 0: who may not relay, or one that is not in
 * badmailfrom-out; else the refusal. */
struct reply policy_mail(struct door *d, struct str sender);

/* Decide on a recipient.  code 0: it is taken, and its envelope form stands in
 * out.  Otherwise the refusal.  Trouble of ours is 451, never an acceptance. */
struct reply policy_rcpt(
    const struct policy *p, const struct address *a, struct buf *out);

#endif
