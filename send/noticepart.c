/* noticepart: the parts of a notice; see noticepart.h. */
#include "send/noticepart.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/date.h"
#include "send/noticetext.h"
#include <errno.h>

/* Memory that ran out is remembered until the end. */
static void
check(struct notice *n, bool ok)
{
	n->failed = n->failed || !ok;
}

static void
put(struct notice *n, struct str s)
{
	check(n, buf_append_str(&n->out, s));
}

static void
put_text(struct notice *n, const char *text)
{
	put(n, str_of(text));
}

void
noticepart_hand_on(struct notice *n)
{
	submit_body(n->submit, buf_str(&n->out));
	buf_clear(&n->out);
}

/* "NAME: value", where value is put by one of noticetext. */
static void
put_field(struct notice *n, const char *name, struct str value,
    bool (*clean)(struct buf *, struct str))
{
	put_text(n, name);
	check(n, clean(&n->out, value));
	put_text(n, "\n");
}

static void
put_date(struct notice *n, const char *name, int64_t at)
{
	char text[DATE_SIZE];

	date_rfc5322(text, at / CLOCK_SECOND);
	put_text(n, name);
	put_text(n, text);
	put_text(n, "\n");
}

/* As headers have it; what cannot be quoted is made harmless. */
static void
put_mailbox(struct notice *n, struct str mailbox)
{
	struct str local, domain;

	address_split(mailbox, &local, &domain);
	if (!address_quote(&n->out, local, domain))
		check(
		    n, errno == EINVAL && noticetext_address(&n->out, mailbox));
}

static void
put_part(struct notice *n, const char *type)
{
	put_text(n, "\n--");
	put(n, buf_str(&n->boundary));
	put_text(n, "\nContent-Type: ");
	put_text(n, type);
	put_text(n, "\n");
}

static void
put_encoding(struct notice *n)
{
	if (noticetext_is_8bit(n->copy))
		put_text(n, "Content-Transfer-Encoding: 8bit\n");
}

/* MAILER-DAEMON at this host. */
static void
put_from(struct notice *n)
{
	struct buf from = {0};

	check(n,
	    buf_append_str(&from, control_line(n->controls, C_bouncefrom)) &&
		buf_append_byte(&from, '@') &&
		buf_append_str(&from, control_line(n->controls, C_bouncehost)));
	put_mailbox(n, buf_str(&from));
	buf_free(&from);
}

void
noticepart_header(struct notice *n)
{
	int64_t now = clock_wall();

	put_date(n, "Date: ", now);
	put_text(n, "From: ");
	put_from(n);
	put_text(n, "\nTo: ");
	put_mailbox(n, buf_str(&n->to));
	put_text(n, "\nSubject: failure notice\nMessage-ID: <");
	check(n, buf_append_number(
		     &n->out, now < 0 ? 0 : (uint64_t)(now / CLOCK_SECOND)));
	put_text(n, ".");
	put(n, buf_str(&n->boundary));
	put_text(n, "@");
	check(n, noticetext_address(
		     &n->out, control_line(n->controls, C_bouncehost)));
	put_text(n, ">\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
		    "Content-Type: multipart/report; "
		    "report-type=delivery-status;\n\tboundary=\"");
	put(n, buf_str(&n->boundary));
	put_text(n, "\"\n");
	put_encoding(n);
}

void
noticepart_intro(struct notice *n)
{
	put_part(n, "text/plain; charset=us-ascii");
	put_text(n, "\nHi. This is the culver-send program at ");
	check(n, noticetext_address(
		     &n->out, control_line(n->controls, C_bouncehost)));
	put_text(n, n->is_double
			? ".\nI tried to deliver a bounce message to this "
			  "address, but the bounce bounced!\n\n"
			: ".\nI'm afraid I wasn't able to deliver your "
			  "message to the following addresses.\n"
			  "This is a permanent error; I've given up. Sorry "
			  "it didn't work out.\n\n");
}

void
noticepart_paragraph(struct notice *n, const struct told *told)
{
	struct str reply = noticefail_reply(n->failures, told->failure);

	if (reply.len == 0)
		reply = str_of("Sorry, no reason was given. (#5.0.0)");
	put_text(n, "<");
	check(n, noticetext_address(&n->out, told->address));
	put_text(n, ">:\n");
	check(n, noticetext_report(&n->out, reply));
	put_text(n, "\n");
}

void
noticepart_status_head(struct notice *n)
{
	put_text(n, n->is_double
			? "--- Below this line is the original bounce.\n"
			: "--- Below this line is a copy of the message.\n");
	put_part(n, "message/delivery-status");
	put_field(n, "\nReporting-MTA: dns; ", control_line(n->controls, C_me),
	    noticetext_field);
	if (n->envid.len > 0)
		put_field(n, "Original-Envelope-Id: ", buf_str(&n->envid),
		    noticetext_field);
	put_date(n, "Arrival-Date: ", n->message.arrived);
}

void
noticepart_status(struct notice *n, const struct told *told)
{
	const struct failure *f = told->failure;
	struct str reply = noticefail_reply(n->failures, f);

	put_text(n, "\n");
	if (told->original.len > 0)
		put_field(n, "Original-Recipient: ", told->original,
		    noticetext_xtext);
	put_field(
	    n, "Final-Recipient: rfc822;", told->address, noticetext_address);
	put_text(n, "Action: failed\n");
	put_field(n, "Status: ", noticetext_status(str_of(f->status)),
	    noticetext_field);
	if (reply.len > 0)
		put_field(n,
		    noticetext_is_smtp(reply) ? "Diagnostic-Code: smtp; "
					      : "Diagnostic-Code: x-culver; ",
		    reply, noticetext_field);
	put_date(n, "Last-Attempt-Date: ", f->at);
}

void
noticepart_copy(struct notice *n)
{
	put_part(n, n->whole ? "message/rfc822" : "text/rfc822-headers");
	put_encoding(n);
	put_text(n, "\nReturn-Path: <");
	put_mailbox(n, buf_str(&n->sender));
	put_text(n, ">\n");
	noticepart_hand_on(n);
	submit_body(n->submit, n->copy);
	put_text(n, "\n--");
	put(n, buf_str(&n->boundary));
	put_text(n, "--\n");
	noticepart_hand_on(n);
}
