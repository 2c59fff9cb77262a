/* policy: which recipients are taken; see policy.h. */
#include "smtpd/policy.h"

#include "control/local.h"
#include "control/percent.h"
#include "lib/die.h"
#include "lib/idn.h"
#include "wire/users.h"

static const struct reply ok = {0, NULL};
static const struct reply no_memory = {451, "4.3.0 out of memory"};
static const struct reply no_relay = {553,
    "5.7.1 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"};
static const struct reply no_mailbox = {
    550, "5.1.1 sorry, no mailbox here by that name (#5.1.1)"};
static const struct reply disabled = {
    550, "5.2.1 sorry, this mailbox is disabled (#5.2.1)"};

static const struct reply bad_recipient = {
    550, "5.7.1 sorry, no mail goes from here to that address (#5.7.1)"};
static const struct reply bad_sender = {
    550, "5.7.1 sorry, no mail goes from that address (#5.7.1)"};
static const struct reply full_waits = {
    452, "4.2.2 sorry, that mailbox has no room for it (#4.2.2)"};
static const struct reply full_refused = {
    552, "5.2.2 sorry, that mailbox has no room for it (#5.2.2)"};
static const struct reply not_known = {
    451, "4.3.0 sorry, I cannot tell now whether that user exists (#4.3.0)"};

bool
policy_is_unknown(struct reply r)
{
	return r.code == no_mailbox.code && r.text == no_mailbox.text;
}

bool
policy_is_foreign(struct reply r)
{
	return r.code == no_relay.code && r.text == no_relay.text;
}

struct reply
policy_trouble(void)
{
	return (struct reply){
	    451, "4.3.0 sorry, my configuration cannot be read (#4.3.0)"};
}

struct reply
policy_too_large(void)
{
	return (struct reply){552,
	    "5.3.4 sorry, that message size exceeds my databytes limit "
	    "(#5.3.4)"};
}

static bool
write_address(struct buf *out, struct str local, struct str domain)
{
	buf_clear(out);
	return buf_append_str(out, local) && buf_append_byte(out, '@') &&
	       buf_append_str(out, domain);
}

/* By its local part and domain, which point into the address. */
static enum found
listed_as(const struct door *d, enum control_id id, struct str local,
    struct str domain)
{
	struct buf key = {.max = ADDRESS_MAX + 1};
	enum found f = FOUND_ERROR;

	if (write_address(&key, local, domain)) {
		struct str whole = buf_str(&key);

		f = control_find(d->controls, id, whole, NULL);
		if (f == FOUND_NO)
			f = control_find(d->controls, id,
			    str_slice(whole, local.len, whole.len), NULL);
		if (f == FOUND_NO)
			f = control_find_domain(d->controls, id, domain, NULL);
	}
	buf_free(&key);
	return f;
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	return true;
}

enum found
policy_listed(const struct door *d, enum control_id id, struct str address)
{
	char ascii[IDN_SIZE];
	struct str local, domain;
	enum found f;

	if (!control_present(d->controls, id))
		return FOUND_NO;
	address_split(address, &local, &domain);
	f = listed_as(d, id, local, domain);
	if (f != FOUND_NO || is_ascii(domain))
		return f;
	switch (idn_to_ascii(ascii, domain)) {
	case IDN_OK:
		return listed_as(d, id, local, str_of(ascii));
	case IDN_MALFORMED:
		return FOUND_NO;
	case IDN_MEMORY:
		break;
	}
	return FOUND_ERROR;
}

/* What policy_listed says, to a client that may relay. */
static struct reply
check_outbound(const struct door *d, enum control_id id, struct str address)
{
	switch (policy_listed(d, id, address)) {
	case FOUND_NO:
		return ok;
	case FOUND_YES:
		return id == C_badmailto_out ? bad_recipient : bad_sender;
	case FOUND_ERROR:
		warn("unable to read control/badmailfrom-out or badmailto-out");
		return policy_trouble();
	}
	return policy_trouble();
}

struct reply
policy_mail(struct door *d, struct str sender)
{
	if (d->relayclient.data == NULL)
		return ok;
	if (!door_outbound(d))
		return policy_trouble();
	if (sender.len == 0)
		return ok;
	return check_outbound(d, C_badmailfrom_out, sender);
}

/* An address of ours by number; a client of unknown address has none. */
static bool
is_this_host(const struct policy *p, const struct address *a)
{
	static const struct ip unknown;

	return a->literal && !ip_equal(&a->ip, &unknown) &&
	       ip_equal(&a->ip, &p->local);
}

static bool
is_postmaster(struct str local)
{
	return str_equal_nocase(local, str_of("postmaster"));
}

static struct reply
check_domain(const struct policy *p, struct str domain)
{
	const struct controls *c = p->door->controls;
	enum found f = control_find_domain(c, C_rcpthosts, domain, NULL);

	if (f == FOUND_NO)
		f = control_find_domain(c, C_morercpthosts, domain, NULL);
	switch (f) {
	case FOUND_YES:
		return ok;
	case FOUND_NO:
		return no_relay;
	case FOUND_ERROR:
		warn("unable to read control/rcpthosts or morercpthosts");
		return policy_trouble();
	}
	return policy_trouble();
}

/* A mailbox that the table of users lacks. */
static struct reply
without_mailbox(const struct policy *p, struct str local, struct buf *out)
{
	/* RFC 5321, 4.5.1: every domain has this one. */
	if (!is_postmaster(local))
		return no_mailbox;
	return write_address(out, local, door_me(p->door)) ? ok : no_memory;
}

/* A mailbox that has no room. */
static struct reply
full(const struct policy *p)
{
	return str_equal(control_line(p->door->controls, C_quotapolicy),
		   str_of("refuse"))
		   ? full_refused
		   : full_waits;
}

/* A mailbox that is there and has a quota.  Whoever can look at its files is
 * asked. */
static struct reply
check_room(const struct policy *p, struct str address)
{
	if (p->who == NULL ||
	    control_number(p->door->controls, C_usercheck) == 0)
		return ok;
	switch (who_ask(p->who, address, p->size)) {
	case WHO_FULL:
		return full(p);
	case WHO_YES:
	case WHO_NO:
		return ok;
	case WHO_TROUBLE:
		break;
	}
	warn("unable to ask culver-lspawn whether a mailbox has room");
	return not_known;
}

/* What the table of users says of an address of a domain of its. */
static struct reply
check_mailbox(const struct policy *p, enum found found,
    const struct user_record *user, struct str local, struct buf *out)
{
	if (found != FOUND_YES)
		return without_mailbox(p, local, out);
	if ((user->flags & USER_DISABLED) != 0)
		return disabled;
	return user->quota > 0 || user->messages > 0
		   ? check_room(p, buf_str(out))
		   : ok;
}

/* The same of another local domain; address is how culver-send has it. */
static struct reply
check_local(const struct policy *p, struct str local, struct str address,
    struct buf *out)
{
	if (p->who == NULL ||
	    control_number(p->door->controls, C_usercheck) == 0)
		return ok;
	switch (who_ask(p->who, address, p->size)) {
	case WHO_YES:
		return ok;
	case WHO_NO:
		return without_mailbox(p, local, out);
	case WHO_FULL:
		return full(p);
	case WHO_TROUBLE:
		warn("unable to ask culver-lspawn whether a user exists");
		return not_known;
	}
	return not_known;
}

/* relayusers has it: the domain, with an empty local part, or one of its users. */
static enum found
listed(const struct policy *p, struct str local, struct str domain)
{
	struct buf key = {.max = ADDRESS_MAX};
	enum found f = FOUND_ERROR;

	if (write_address(&key, local, domain))
		f = control_find(
		    p->door->controls, C_relayusers, buf_str(&key), NULL);
	buf_free(&key);
	return f;
}

/* out holds local@domain, which is another host's: it alone knows who is there,
 * unless it is listed here. */
static struct reply
check_relay(const struct policy *p, struct str local, struct buf *out)
{
	static const struct str nothing = {"", 0};
	struct str domain, rest;
	size_t plus = str_find(local, '+');
	enum found f;

	if (!control_present(p->door->controls, C_relayusers))
		return ok;
	address_split(buf_str(out), &rest, &domain);
	f = listed(p, nothing, domain);
	if (f == FOUND_NO)
		return ok;
	if (f == FOUND_YES)
		f = listed(p, local, domain);
	if (f == FOUND_NO && plus > 0 && plus < local.len)
		f = listed(p, str_slice(local, 0, plus), domain);
	if (f == FOUND_YES)
		return ok;
	if (f == FOUND_NO)
		return without_mailbox(p, local, out);
	warn("unable to read control/relayusers");
	return policy_trouble();
}

/* The two places of a million that a mailbox is looked for in. */
static void
fetch(const struct policy *p, struct str address)
{
	char lower[ADDRESS_MAX];
	struct table_wish wishes[] = {
	    {.table = p->door->mailboxes},
	    {.table = control_table(p->door->controls, C_morercpthosts)},
	};
	struct str local;

	if (address.len > sizeof lower)
		return;
	for (size_t i = 0; i < address.len; i++)
		lower[i] = str_lower(address.data[i]);
	wishes[0].key = (struct str){lower, address.len};
	address_split(wishes[0].key, &local, &wishes[1].key);
	table_fetch(wishes, sizeof wishes / sizeof *wishes);
}

/* out holds local@domain.  Refuse whom we would only bounce to.  Mailboxes come
 * first, since among a million of them a key costs more than all else. */
static struct reply
check_user(const struct policy *p, struct str local, struct buf *out)
{
	struct user_record user = {.flags = 0};
	enum found here = FOUND_ERROR, mailbox;
	struct reply r = policy_trouble();
	struct buf way = {0};
	bool ours;

	mailbox =
	    users_find_here(p->door->mailboxes, buf_str(out), &user, &ours);
	if (buf_append_str(&way, buf_str(out)))
		here = local_find(p->door->controls, &way);
	if (mailbox == FOUND_ERROR || here == FOUND_ERROR)
		warn("unable to look a recipient up");
	else if ((ours || mailbox == FOUND_YES) && way.len == out->len)
		r = check_mailbox(p, mailbox, &user, local, out);
	else if (here == FOUND_YES)
		r = check_local(p, local, buf_str(&way), out);
	else
		r = check_relay(p, local, out);
	buf_free(&way);
	return r;
}

/* The address that one of percenthack means. */
static struct reply
check_meant(const struct policy *p, bool stranger, struct buf *meant)
{
	struct reply r = ok;
	struct str local, domain;

	address_split(buf_str(meant), &local, &domain);
	r = stranger ? check_domain(p, domain)
		     : check_outbound(p->door, C_badmailto_out, buf_str(meant));
	return r.code == 0 ? check_user(p, local, meant) : r;
}

/* out holds the address.  Whoever may not relay may not do it by percenthack
 * either, as he may in qmail. */
static struct reply
check_address(const struct policy *p, bool stranger, struct buf *out)
{
	struct buf meant = {0};
	struct reply r = no_memory;
	struct str local, domain;

	if (!buf_append_str(&meant, buf_str(out)))
		return no_memory;
	switch (percent_rewrite(p->door->controls, &meant)) {
	case FOUND_NO:
		address_split(buf_str(out), &local, &domain);
		r = check_user(p, local, out);
		break;
	case FOUND_YES:
		r = check_meant(p, stranger, &meant);
		break;
	case FOUND_ERROR:
		warn("unable to read control/percenthack");
		r = policy_trouble();
		break;
	}
	buf_free(&meant);
	return r;
}

struct reply
policy_rcpt(const struct policy *p, const struct address *a, struct buf *out)
{
	struct str relay = p->door->relayclient;
	bool mine = a->domain.len == 0 || is_this_host(p, a);
	struct str domain = mine ? door_me(p->door) : a->domain;
	struct reply r = ok;

	if (a->local.len == 0)
		return (struct reply){501, "5.1.3 recipient is empty"};
	if (!write_address(out, a->local, domain))
		return no_memory;
	fetch(p, buf_str(out));
	if (relay.data == NULL && !(mine && is_postmaster(a->local)))
		r = check_domain(p, domain);
	if (relay.data != NULL)
		r = check_outbound(p->door, C_badmailto_out, buf_str(out));
	if (r.code == 0 && relay.len == 0)
		r = check_address(p, relay.data == NULL, out);
	if (r.code == 0 && relay.len > 0 && !buf_append_str(out, relay))
		r = no_memory;
	return r;
}
