/* transaction: MAIL and RCPT; see transaction.h. */
#include "smtpd/transaction.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "smtpd/allowance.h"
#include "smtpd/auth.h"
#include "smtpd/policy.h"
#include <poll.h>
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

static const struct reply no_utf8 = {
    553, "5.6.7 address is not ASCII and SMTPUTF8 was not asked for"};

/* "TAG:<path>" from the front of argument; *rest is what follows. */
static struct reply
read_path(struct session *s, struct str argument, const struct words *w,
    bool utf8, struct address *a, struct str *rest)
{
	struct str tag = str_of(w->tag);
	struct str path;

	if (!str_starts_nocase(argument, tag))
		return (struct reply){501, w->form};
	path = str_trim(str_slice(argument, tag.len, argument.len));
	switch (address_parse_path(path, utf8, &s->path, a, rest)) {
	case ADDRESS_OK:
		return ok;
	case ADDRESS_SYNTAX:
		return (struct reply){501, w->syntax};
	case ADDRESS_TOO_LONG:
		return (struct reply){501, w->too_long};
	case ADDRESS_UTF8:
		return no_utf8;
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

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	return true;
}

/* All that MAIL says. */
static struct reply
read_mail(struct session *s, struct str argument, struct address *a)
{
	bool utf8 = param_may_be_utf8(argument);
	struct str rest;
	struct reply r = read_path(s, argument, &of_mail, utf8, a, &rest);

	if (r.code == 0)
		r = param_reply(param_mail(rest, &s->params));
	if (r.code == 0 && !s->params.utf8 && !is_ascii(buf_str(&s->path)))
		r = no_utf8;
	if (r.code == 0 && a->local.len > 0 && a->domain.len == 0)
		r = (struct reply){501, "5.1.7 sender has no domain"};
	return r;
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
	struct reply r;

	session_reset(s); /* of what is left of a message that was refused */
	r = read_mail(s, argument, &a);
	if (r.code != 0)
		return r;
	if (!door_refresh(s->door))
		return policy_trouble();
	r = auth_mail(s, &a);
	if (r.code != 0)
		return r;
	if (s->params.size > door_databytes(s->door))
		return policy_too_large();
	if (!keep_sender(s, &a))
		return no_memory;
	r = policy_mail(s->door, buf_str(&s->sender));
	if (r.code != 0)
		return r;
	s->phase = PH_MAIL;
	return (struct reply){250, "2.1.0 ok"};
}

static bool
add_record(struct buf *b, char kind, struct str text)
{
	return buf_append_byte(b, kind) && buf_append_str(b, text) &&
	       buf_append_byte(b, '\0');
}

/* The envelope's records of one recipient. */
static bool
add_recipient(struct buf *b, struct str address, const struct params *p)
{
	size_t before = b->len;
	bool added = add_record(b, 'T', address);

	if (p->notify != 0)
		added = added &&
			add_record(b, 'N', str_of(dsn_notify_text(p->notify)));
	if (p->orcpt.len > 0)
		added = added && add_record(b, 'O', p->orcpt);
	if (!added)
		b->len = before;
	return added;
}

/* A recipient that is taken joins the others. */
static struct reply
keep_recipient(
    struct session *s, const struct buf *recipient, const struct params *p)
{
	enum { MOST = ADDRESS_MAX + DSN_ORCPT_MAX + 50 }; /* bytes */
	uint64_t most = control_number(s->door->controls, C_maxrcpt);

	s->recipients.max = (size_t)most * MOST;
	if (!add_recipient(&s->recipients, buf_str(recipient), p))
		return (struct reply){452, "4.5.3 no room for recipients"};
	s->recipient_count++;
	s->phase = PH_RCPT;
	return (struct reply){250, "2.1.5 ok"};
}

/* A client that guesses who is here is slowed, in whatever connection it did,
 * and sent away for what it did in this one: many people may share an address.
 * Whoever may relay is one of ours, and LMTP's client an MTA that passes on what
 * it took. */
static struct reply
count_guess(struct session *s, struct reply r)
{
	enum { SLOW = 1000 }; /* milliseconds */
	uint64_t most = control_number(s->door->controls, C_brtlimit), all;

	if (!policy_is_unknown(r) || most == 0 || s->lmtp || s->door->caller ||
	    s->door->relayclient.data != NULL)
		return r;
	s->unknown++;
	all = guesses_add(&s->door->guesses, &s->peer->remote, clock_boot());
	if (2 * all > most)
		(void)poll(NULL, 0, SLOW);
	if (s->unknown < most)
		return r;
	s->closing = "guesses";
	return (struct reply){
	    421, "4.7.0 too many recipients that do not exist, closing"};
}

/* Whether a may be a recipient, whose envelope form is added to out. */
static struct reply
decide(struct session *s, const struct address *a, struct buf *out)
{
	/* A caller hears of it by a bounce; culver-lspawn does not hear him. */
	const struct policy policy = {.door = s->door,
	    .local = s->peer->local,
	    .who = s->door->caller ? NULL : &s->door->who,
	    .size = s->params.size};
	struct reply r = policy_rcpt(&policy, a, out);

	if (policy_is_foreign(r)) {
		r = allowance_relay(s, r);
		/* At MAIL he was a stranger yet. */
		if (r.code == 0)
			r = policy_mail(s->door, buf_str(&s->sender));
		if (r.code == 0)
			r = policy_rcpt(&policy, a, out);
	}
	return r.code == 0 ? allowance_take(s) : r;
}

struct reply
do_rcpt(struct session *s, struct str argument)
{
	struct address a;
	struct str rest;
	struct params p;
	struct reply r =
	    read_path(s, argument, &of_rcpt, s->params.utf8, &a, &rest);
	struct buf recipient = {.max = ADDRESS_MAX};

	if (r.code == 0)
		r = param_reply(param_rcpt(rest, s->params.utf8, &p));
	if (r.code == 0 &&
	    s->recipient_count >= control_number(s->door->controls, C_maxrcpt))
		r = (struct reply){452, "4.5.3 too many recipients"};
	if (r.code == 0)
		r = decide(s, &a, &recipient);
	if (r.code == 0)
		r = keep_recipient(s, &recipient, &p);
	buf_free(&recipient);
	if (r.code >= 400)
		s->recipients_refused = true;
	return count_guess(s, r);
}
