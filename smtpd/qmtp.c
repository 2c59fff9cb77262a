/* qmtp: any number of messages, an answer for each recipient; see qmtp.h.
 *
 * A message is three netstrings: one that holds a byte for the line ends (LF or
 * CR) and the message; the sender; and one that holds a netstring for each
 * recipient.  An answer is a netstring.  Recipients go to the queue as they
 * come; what is kept of each is a byte, its verdict. */
#include "smtpd/qmtp.h"

#include "lib/address.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "smtpd/consign.h"
#include "smtpd/policy.h"
#include "wire/envelope.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REASONS = 16,
	FORM_MAX = 2 * ADDRESS_MAX, /* bytes, before it is judged */
	REASON = 160,               /* bytes with the end byte */
	VERDICT_TAKEN = 0,
	VERDICT_OTHER = REASONS + 1, /* there was no room for its words */
};

static const char odd[] = "Dsorry, I can't handle that recipient (#5.1.3)";
static const char full[] = "Zsorry, too many recipients (#4.5.3)";
static const char no_memory[] = "Zout of memory (#4.3.0)";

struct qmtp {
	struct package *package;
	struct buf sender, recipient; /* envelope forms */
	struct buf verdicts; /* VERDICT_*, or the number of a reason, from 1 */
	char reasons[REASONS][REASON];
	size_t reason_count;
	char refusal[REASON]; /* of the whole message */
};

struct qmtp *
qmtp_new(struct package *p)
{
	struct qmtp *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->package = p;
	q->sender.max = ADDRESS_MAX;
	q->recipient.max = FORM_MAX; /* $RELAYCLIENT is appended */
	q->verdicts.max = ENVELOPE_RECIPIENTS;
	return q;
}

void
qmtp_free(struct qmtp *q)
{
	if (q == NULL)
		return;
	buf_free(&q->sender);
	buf_free(&q->recipient);
	buf_free(&q->verdicts);
	free(q);
}

/* Take an envelope form apart.  The domain is judged as SMTP does; the local
 * part may hold what SMTP would quote.  out holds the domain. */
static bool
take_apart(struct str envelope, struct buf *out, struct address *a)
{
	struct buf named = {.max = ADDRESS_MAX + 2};
	struct str local, domain;
	bool ok;

	address_split(envelope, &local, &domain);
	if (local.len == 0 || local.len > ADDRESS_LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.len; i++)
		if (local.data[i] < ' ' || local.data[i] > '~')
			return false;
	*a = (struct address){.local = local};
	if (domain.len == 0)
		return local.len == envelope.len &&
		       str_equal_nocase(local, str_of("postmaster"));
	ok = buf_append_text(&named, "x@") && buf_append_str(&named, domain) &&
	     address_parse(buf_str(&named), false, out, a) == ADDRESS_OK;
	a->local = local;
	buf_free(&named);
	return ok;
}

/* qmail's own forms of sender, "#@[]" and "list-@host-@[]", are for those who
 * may relay. */
static bool
sender_fine(const struct door *d, struct str sender)
{
	struct buf out = {.max = FORM_MAX};
	struct address a;
	bool fine;

	if (sender.len == 0)
		return true;
	if (d->relayclient.data != NULL && str_ends(sender, str_of("@[]")))
		return package_plain(sender);
	fine = take_apart(sender, &out, &a) && a.domain.len > 0;
	buf_free(&out);
	return fine;
}

/* A reply of SMTP in words of ours, in text, REASON bytes. */
static void
reword(char *text, struct reply r)
{
	const char *words = r.text;

	if (words[0] >= '0' && words[0] <= '9') {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	(void)snprintf(text, REASON, "%c%s", r.code >= 500 ? 'D' : 'Z', words);
}

/* control/badmailfrom-out has nothing against him; the refusal lives in q. */
static bool
may_send(struct qmtp *q, struct str sender)
{
	struct reply r = policy_mail(q->package->door, sender);

	if (r.code == 0)
		return true;
	reword(q->refusal, r);
	package_refuse(q->package, q->refusal);
	return false;
}

static bool
take_sender(struct qmtp *q)
{
	struct package *p = q->package;
	struct str text;
	enum package_part part = package_string(p, false, &text);

	buf_clear(&q->sender);
	if (part == PART_LOST)
		return false;
	if (part == PART_LONG || !sender_fine(p->door, text))
		package_refuse(p, "Dunacceptable sender (#5.1.7)");
	else if (!buf_append_str(&q->sender, text))
		package_refuse(p, no_memory);
	else if (may_send(q, text))
		consign_sender(p, text);
	return true;
}

/* Why this recipient is not taken, in text, REASON bytes; else its envelope
 * form stands in q->recipient. */
static bool
may_have(struct qmtp *q, enum package_part part, struct str rcpt, char *text)
{
	struct package *p = q->package;
	const struct policy policy = {.door = p->door,
	    .local = p->peer->local,
	    .who = &p->door->who,
	    .size = p->bytes};
	struct buf out = {.max = FORM_MAX};
	struct address a;
	struct reply r = {0, NULL};
	const char *wrong = NULL;

	if (part == PART_LONG || !take_apart(rcpt, &out, &a))
		wrong = odd;
	else if (p->recipients >= control_number(p->door->controls, C_maxrcpt))
		wrong = full;
	else
		r = policy_rcpt(&policy, &a, &q->recipient);
	if (r.code == 0 && wrong == NULL && q->recipient.len > ADDRESS_MAX)
		wrong = odd;
	if (r.code != 0)
		reword(text, r);
	else if (wrong != NULL)
		(void)snprintf(text, REASON, "%s", wrong);
	buf_free(&out);
	return r.code == 0 && wrong == NULL;
}

/* The number of a reason. */
static char
number(struct qmtp *q, const char *text)
{
	size_t i = 0;

	while (i < q->reason_count && strcmp(q->reasons[i], text) != 0)
		i++;
	if (i == REASONS)
		return VERDICT_OTHER;
	if (i == q->reason_count)
		memcpy(q->reasons[q->reason_count++], text, REASON);
	return (char)(i + 1);
}

/* One recipient; what is said of the whole message need not be found out. */
static char
decide(struct qmtp *q, enum package_part part, struct str rcpt)
{
	struct package *p = q->package;
	char text[REASON] = "";

	if (p->refusal != NULL)
		return VERDICT_TAKEN;
	if (may_have(q, part, rcpt, text)) {
		consign_recipient(p, buf_str(&q->recipient));
		return VERDICT_TAKEN;
	}
	package_log_refusal(p, buf_str(&q->sender), rcpt, text);
	return number(q, text);
}

static bool
take_recipients(struct qmtp *q)
{
	struct package *p = q->package;
	struct str text;
	enum package_part part;

	buf_clear(&q->verdicts);
	q->reason_count = 0;
	while ((part = package_string(p, true, &text)) == PART_STRING ||
	       part == PART_LONG) {
		if (buf_append_byte(&q->verdicts, decide(q, part, text)))
			continue;
		p->closing = "recipients";
		return false;
	}
	return part == PART_NONE;
}

/* What is said to a recipient that was not taken by itself. */
static const char *
reason(const struct qmtp *q, char verdict)
{
	return verdict == VERDICT_OTHER ? odd : q->reasons[verdict - 1];
}

/* One answer for each; a client that does not read them is not waited for
 * longer than one that does not send. */
static void
answer(struct qmtp *q)
{
	struct package *p = q->package;
	bool whole = p->recipients > 0 || p->refusal != NULL;
	const char *all = whole ? consign_commit(p, buf_str(&q->sender)) : NULL;
	int64_t until = clock_boot() + (int64_t)PACKAGE_SECONDS * CLOCK_SECOND;

	for (size_t i = 0; i < q->verdicts.len; i++) {
		char verdict = q->verdicts.data[i];

		if (clock_boot() > until) {
			p->closing = "timeout";
			return;
		}
		package_say(
		    p, verdict == VERDICT_TAKEN ? all : reason(q, verdict));
	}
}

static void
take_message(struct qmtp *q)
{
	struct package *p = q->package;

	if (!package_begin(p))
		return;
	consign_begin(p, true);
	if (package_message(p, false, LINES_SAID) && take_sender(q) &&
	    take_recipients(q))
		answer(q);
	package_end(p);
}

void
qmtp_serve(struct qmtp *q, const struct connection *peer)
{
	package_open(q->package, peer);
	while (q->package->closing == NULL)
		take_message(q);
	package_close(q->package);
}
