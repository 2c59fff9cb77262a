/* transaction: MAIL and RCPT; see transaction.h. */
#include "smtpd/transaction.h"

#include "lib/address.h"
#include "smtpd/policy.h"
#include <string.h>

static const struct reply ok = {0, NULL};
static const struct reply no_memory = {451, "4.3.0 out of memory"};

/* What is wrong with an address, in the words of its verb. */
struct words {
	const char *tag; /* "FROM:" */
	const char *form, *syntax, *too_long;
};

static const struct words of_mail = {
    "FROM:", "5.5.4 syntax: MAIL FROM:<address>",
    "5.1.7 sender address malformed", "5.1.7 sender address too long"};
static const struct words of_rcpt = {"TO:", "5.5.4 syntax: RCPT TO:<address>",
    "5.1.3 recipient address malformed", "5.1.3 recipient address too long"};

/* "TAG:<path>" from the front of argument; *rest is what follows. */
static struct reply
read_path(struct session *s, struct str argument, const struct words *w,
    struct address *a, struct str *rest)
{
	struct str tag = str_of(w->tag);
	struct str path;

	if (!str_starts_nocase(argument, tag))
		return (struct reply){501, w->form};
	path = str_trim(str_slice(argument, tag.len, argument.len));
	switch (address_parse_path(path, false, &s->path, a, rest)) {
	case ADDRESS_OK:
		return ok;
	case ADDRESS_SYNTAX:
		return (struct reply){501, w->syntax};
	case ADDRESS_TOO_LONG:
		return (struct reply){501, w->too_long};
	case ADDRESS_UTF8:
		return (struct reply){
		    553, "5.6.7 address is not ASCII and SMTPUTF8 is not here"};
	case ADDRESS_MEMORY:
		return no_memory;
	}
	return no_memory;
}

static struct reply
param_reply(enum param_result r)
{
	switch (r) {
	case PARAM_OK:
		return ok;
	case PARAM_SYNTAX:
		return (struct reply){501, "5.5.4 parameter malformed"};
	case PARAM_UNKNOWN:
		return (struct reply){555, "5.5.4 parameter not offered"};
	case PARAM_TOO_LARGE:
		return policy_too_large();
	}
	return ok;
}

/* The envelope form of a sender. */
static bool
keep_sender(struct session *s, const struct address *a)
{
	buf_clear(&s->sender);
	if (a->local.len == 0)
		return true;
	return buf_append_str(&s->sender, a->local) &&
	       buf_append_byte(&s->sender, '@') &&
	       buf_append_str(&s->sender, a->domain);
}

struct reply
do_mail(struct session *s, struct str argument)
{
	struct address a;
	struct str rest;
	struct reply r = read_path(s, argument, &of_mail, &a, &rest);

	if (r.code == 0)
		r = param_reply(param_mail(rest, &s->params));
	if (r.code != 0)
		return r;
	if (a.local.len > 0 && a.domain.len == 0)
		return (struct reply){501, "5.1.7 sender has no domain"};
	if (!door_refresh(s->door))
		return policy_trouble();
	if (s->params.size > door_databytes(s->door))
		return policy_too_large();
	if (!keep_sender(s, &a))
		return no_memory;
	s->phase = PH_MAIL;
	return (struct reply){250, "2.1.0 ok"};
}

/* A recipient that is taken joins the others. */
static struct reply
keep_recipient(struct session *s, const struct buf *recipient)
{
	uint64_t most = control_number(s->door->controls, C_maxrcpt);

	s->recipients.max = (size_t)most * (ADDRESS_MAX + 1);
	if (!buf_append(&s->recipients, recipient->data, recipient->len + 1))
		return (struct reply){452, "4.5.3 no room for recipients"};
	s->recipient_count++;
	s->phase = PH_RCPT;
	return (struct reply){250, "2.1.5 ok"};
}

struct reply
do_rcpt(struct session *s, struct str argument)
{
	struct address a;
	struct str rest;
	struct reply r = read_path(s, argument, &of_rcpt, &a, &rest);
	const struct policy policy = {.door = s->door, .local = s->peer->local};
	struct buf recipient = {.max = ADDRESS_MAX};

	if (r.code == 0)
		r = param_reply(param_rcpt(rest));
	if (r.code == 0 &&
	    s->recipient_count >= control_number(s->door->controls, C_maxrcpt))
		r = (struct reply){452, "4.5.3 too many recipients"};
	if (r.code == 0)
		r = policy_rcpt(&policy, &a, &recipient);
	if (r.code == 0)
		r = buf_terminate(&recipient) ? keep_recipient(s, &recipient)
					      : no_memory;
	buf_free(&recipient);
	if (r.code >= 400)
		s->recipients_refused = true;
	return r;
}
