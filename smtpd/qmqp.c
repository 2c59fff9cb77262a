/* qmqp: one message and one answer; see qmqp.h.
 *
 * The client says LENGTH ':' MESSAGE SENDER RECIPIENT ... ',', each of them a
 * netstring; the lines of MESSAGE end in LF.  The answer is a netstring. */
#include "smtpd/qmqp.h"

#include "smtpd/consign.h"
#include "smtpd/policy.h"
#include "wire/envelope.h"

static const char bad_recipient[] =
    "Dsorry, no mail goes from here to that address (#5.7.1)";
static const char bad_sender[] =
    "Dsorry, no mail goes from that address (#5.7.1)";
static const char bad_address[] =
    "Dsorry, I can't accept addresses like that (#5.1.3)";

static const char no_config[] =
    "Zsorry, my configuration cannot be read (#4.3.0)";

/* badmailfrom-out or badmailto-out refuses the message, or cannot be read. */
static bool
is_listed(struct package *p, enum control_id id, struct str address)
{
	switch (policy_listed(p->door, id, address)) {
	case FOUND_NO:
		return false;
	case FOUND_YES:
		package_refuse(
		    p, id == C_badmailto_out ? bad_recipient : bad_sender);
		return true;
	case FOUND_ERROR:
		break;
	}
	package_refuse(p, no_config);
	return true;
}

/* An address, or the refusal of the message; false when it did not come. */
static bool
take_sender(struct package *p, struct buf *sender)
{
	struct str text;
	enum package_part part = package_string(p, true, &text);

	if (part == PART_LOST)
		return false;
	if (part == PART_NONE) {
		p->closing = "protocol";
		return false;
	}
	if (part == PART_LONG || !package_plain(text))
		package_refuse(p, bad_address);
	else if (!buf_append_str(sender, text))
		package_refuse(p, "Zout of memory (#4.3.0)");
	else if (!door_outbound(p->door))
		package_refuse(p, no_config);
	else if (!is_listed(p, C_badmailfrom_out, text))
		consign_sender(p, text);
	return true;
}

/* All recipients, to the end of the package. */
static bool
take_recipients(struct package *p)
{
	struct str text;
	enum package_part part;

	while ((part = package_string(p, true, &text)) == PART_STRING ||
	       part == PART_LONG) {
		if (part == PART_LONG || text.len == 0 || !package_plain(text))
			package_refuse(p, bad_address);
		else if (p->recipients == ENVELOPE_RECIPIENTS)
			package_refuse(
			    p, "Dsorry, too many recipients (#5.5.3)");
		else if (!is_listed(p, C_badmailto_out, text))
			consign_recipient(p, text);
	}
	return part == PART_NONE;
}

void
qmqp_serve(struct package *p, const struct connection *peer)
{
	struct buf sender = {.max = ADDRESS_MAX};

	package_open(p, peer);
	if (package_begin(p)) {
		/* control/databytes is for strangers; qmail's, too. */
		consign_begin(p, false);
		if (package_message(p, true, LINES_LF) &&
		    take_sender(p, &sender) && take_recipients(p)) {
			package_say(p, consign_commit(p, buf_str(&sender)));
			p->closing = "done";
		}
	}
	package_close(p);
	buf_free(&sender);
}
