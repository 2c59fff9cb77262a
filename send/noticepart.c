/* noticepart: the parts of a notice; see noticepart.h. */
#include "send/noticepart.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/date.h"
#include "lib/utf8.h"
#include "send/noticetext.h"
#include <errno.h>

/* What differs from kind to kind. */
struct style {
	const char *subject, *intro, *action;
	char class; /* of its status, RFC 3463 */
};

static const struct style failed = {"failure notice",
    ".\nI'm afraid I wasn't able to deliver your message to the following "
    "addresses.\nThis is a permanent error; I've given up. Sorry it didn't "
    "work out.\n\n",
    "failed", '5'};
static const struct style success = {"success notice",
    ".\nYou asked to hear when your message has come to the following "
    "addresses.\n\n",
    "delivered", '2'};
static const struct style delayed = {"delay notice",
    ".\nThis is only a warning: you need do nothing.  Your message has not "
    "come to\nthe following addresses yet.  I shall go on trying.\n\n",
    "delayed", '4'};

static const struct style *
style(const struct notice *n)
{
	switch (n->kind) {
	case BOUNCE_SUCCESS:
		return &success;
	case BOUNCE_DELAYED:
		return &delayed;
	case BOUNCE_FAILED:
	case BOUNCE_NONE:
		break;
	}
	return &failed;
}

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

static void
put_address(struct notice *n, struct str address)
{
	check(n, n->utf8 ? noticetext_utf8_address(&n->out, address)
			 : noticetext_address(&n->out, address));
}

/* As headers have it; what cannot be quoted, or not be read in this notice, is
 * made harmless. */
static void
put_mailbox(struct notice *n, struct str mailbox)
{
	struct str local, domain;

	address_split(mailbox, &local, &domain);
	errno = EINVAL;
	if ((noticetext_is_8bit(mailbox) &&
		!(n->utf8 && utf8_valid(mailbox))) ||
	    !address_quote(&n->out, local, domain)) {
		check(n, errno == EINVAL);
		put_address(n, mailbox);
	}
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
put_encoding(struct notice *n, bool is_8bit)
{
	if (is_8bit)
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
	put_text(n, "\nSubject: ");
	put_text(n, style(n)->subject);
	put_text(n, "\nMessage-ID: <");
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
	put_encoding(n, n->copy_8bit || n->utf8);
}

void
noticepart_intro(struct notice *n)
{
	put_part(n, n->utf8 ? "text/plain; charset=utf-8"
			    : "text/plain; charset=us-ascii");
	put_encoding(n, n->utf8);
	put_text(n, n->kind == BOUNCE_FAILED
			? "\nHi. This is the culver-send program at "
			: "\nThis is the culver-send program at ");
	check(n, noticetext_address(
		     &n->out, control_line(n->controls, C_bouncehost)));
	put_text(n, n->is_double
			? ".\nI tried to deliver a bounce message to this "
			  "address, but the bounce bounced!\n\n"
			: style(n)->intro);
}

/* What became of it, in words. */
static const char *
success_words(enum journal_act act)
{
	switch (act) {
	case JOURNAL_ACT_RELAYED:
		return "It was passed on to where no word of it will come "
		       "from. (#2.0.0)";
	case JOURNAL_ACT_EXPANDED:
		return "It was forwarded to other addresses. (#2.0.0)";
	case JOURNAL_ACT_NONE:
	case JOURNAL_ACT_DELIVERED:
	case JOURNAL_ACT_COUNT:
		break;
	}
	return "It was delivered. (#2.0.0)";
}

void
noticepart_paragraph(struct notice *n, const struct told *told)
{
	struct str reply = noticelist_reply(n->list, told->line);

	if (n->kind == BOUNCE_SUCCESS)
		reply = str_of(success_words(told->line->act));
	else if (reply.len == 0)
		reply = str_of(n->kind == BOUNCE_FAILED
				   ? "Sorry, no reason was given. (#5.0.0)"
				   : "No reason was given. (#4.0.0)");
	put_text(n, "<");
	put_address(n, told->address);
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
	put_part(n, n->utf8 ? "message/global-delivery-status"
			    : "message/delivery-status");
	put_encoding(n, n->utf8);
	put_field(n, "\nReporting-MTA: dns; ", control_line(n->controls, C_me),
	    noticetext_field);
	if (n->envid.len > 0)
		put_field(n, "Original-Envelope-Id: ", buf_str(&n->envid),
		    noticetext_field);
	put_date(n, "Arrival-Date: ", n->message.arrived);
}

/* RFC 3464, 2.3.1 and 2.3.2; of ORCPT the type is the sender's own. */
static void
put_recipients(struct notice *n, const struct told *told)
{
	if (told->original.len > 0)
		put_field(n, "Original-Recipient: ", told->original,
		    n->utf8 ? noticetext_utf8_xtext : noticetext_xtext);
	put_text(n, n->utf8 && noticetext_is_8bit(told->address)
			? "Final-Recipient: utf-8;"
			: "Final-Recipient: rfc822;");
	put_address(n, told->address);
	put_text(n, "\n");
}

/* What the other side said; of a success nobody wants to know. */
static void
put_diagnostic(struct notice *n, const struct noticeline *line)
{
	const struct str reply = noticelist_reply(n->list, line);
	const struct str smtp = noticetext_smtp(reply);
	const struct str host = noticetext_host(noticelist_via(n->list, line));

	if (host.len > 0)
		put_field(n, "Remote-MTA: dns; ", host, noticetext_field);
	if (reply.len > 0 && n->kind != BOUNCE_SUCCESS)
		put_field(n,
		    smtp.len > 0 ? "Diagnostic-Code: smtp; "
				 : "Diagnostic-Code: x-culver; ",
		    smtp.len > 0 ? smtp : reply, noticetext_field);
}

void
noticepart_status(struct notice *n, const struct told *told)
{
	const struct noticeline *line = told->line;

	put_text(n, "\n");
	put_recipients(n, told);
	put_text(n, "Action: ");
	put_text(n, n->kind == BOUNCE_SUCCESS ? journal_act_word(line->act)
					      : style(n)->action);
	put_field(n, "\nStatus: ",
	    noticetext_status(str_of(line->status), style(n)->class),
	    noticetext_field);
	put_diagnostic(n, line);
	put_date(n, "Last-Attempt-Date: ", line->at);
	if (n->kind == BOUNCE_DELAYED && n->until > 0)
		put_date(n, "Will-Retry-Until: ", n->until);
}

static const char *
copy_type(const struct notice *n)
{
	if (n->whole)
		return n->utf8 ? "message/global" : "message/rfc822";
	return n->utf8 ? "message/global-headers" : "text/rfc822-headers";
}

bool
noticepart_copy(struct notice *n)
{
	struct str chunk;

	put_part(n, copy_type(n));
	put_encoding(n, n->copy_8bit || n->utf8);
	put_text(n, "\nReturn-Path: <");
	put_mailbox(n, buf_str(&n->sender));
	put_text(n, ">\n");
	noticepart_hand_on(n);
	for (uint64_t at = 0; at < n->copy_len; at += chunk.len) {
		if (!body_get(&n->body, at, &chunk))
			return false;
		chunk = str_slice(chunk, 0, (size_t)(n->copy_len - at));
		submit_body(n->submit, chunk);
	}
	put_text(n, "\n--");
	put(n, buf_str(&n->boundary));
	put_text(n, "--\n");
	noticepart_hand_on(n);
	return true;
}
