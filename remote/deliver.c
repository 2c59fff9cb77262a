/* deliver: one errand, from its packet to its results; see deliver.h. */
#include "remote/deliver.h"

#include "lib/address.h"
#include "lib/buf.h"
#include "lib/idn.h"
#include "remote/trip.h"
#include "wire/message.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool
end_by(struct trip *t, enum outcome_id id)
{
	outcome_say(&t->outcome, id, "");
	return false;
}

/* A setting of ours: every host would find us so. */
static bool
end_by_control(struct trip *t, const char *what)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "Unable to use %s. (#4.3.5)", what);
	outcome_set(&t->outcome, 'Z', "4.3.5", text);
	return false;
}

/* Where mail goes, where from, and how it is guarded holds for whatever begins
 * after a change; names and times may be a second old. */
static bool
refresh(struct controls *c)
{
	static const enum control_id exact[] = {
	    C_authsenders, C_outgoingip, C_smtproutes, C_tlspolicy};
	bool ok = control_refresh_lately(c);

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]) && ok; i++)
		ok = control_refresh_row(c, exact[i]);
	return ok;
}

static bool
check_controls(struct trip *t, int fd)
{
	(void)fd;
	return refresh(t->d->controls) ||
	       end_by_control(t, control_error(t->d->controls));
}

/* What may have been tried before is not believed without its crc32. */
static bool
check_body(struct trip *t, int fd)
{
	const struct errand *e = t->errand;
	const struct message m = {.body_at = e->body_at,
	    .body_len = e->body_len,
	    .body_crc = e->body_crc};

	if ((e->job.flags & JOB_REPEAT) == 0 || message_check_body(fd, &m))
		return true;
	return end_by(t, errno == EPROTO ? OUTCOME_DAMAGED : OUTCOME_READ);
}

static bool
open_parcel(struct trip *t, int fd)
{
	switch (parcel_open(&t->d->parcel, t->errand, fd)) {
	case PARCEL_OK:
		return true;
	case PARCEL_SENDER:
		return end_by(t, OUTCOME_BAD_SENDER);
	case PARCEL_MEMORY:
		return end_by(t, OUTCOME_MEMORY);
	case PARCEL_READ:
		break;
	}
	return end_by(t, OUTCOME_READ);
}

static struct str
domain_of(struct str address)
{
	struct str local, domain;

	address_split(address, &local, &domain);
	return domain;
}

/* The way of one recipient, and its key. */
static enum found
find(struct trip *t, struct str address, struct nexthop *hop,
    char key[NEXTHOP_KEY + 1])
{
	struct buf text = {.max = NEXTHOP_KEY};
	enum found found;

	found = nexthop_find(
	    t->d->controls, t->errand->job.sender, domain_of(address), hop);
	if (found == FOUND_YES &&
	    (!nexthop_key(hop, &text) ||
		!str_copy(key, NEXTHOP_KEY + 1, buf_str(&text))))
		found = FOUND_ERROR;
	buf_free(&text);
	return found;
}

/* The way of the first, which is that of all; whoever has another by now, the
 * tables having changed since, is sent back. */
static bool
find_way(struct trip *t, int fd)
{
	struct parcel *p = &t->d->parcel;
	char key[NEXTHOP_KEY + 1];
	struct nexthop hop;
	struct outcome o;
	struct str domain;

	(void)fd;
	switch (find(t, p->to[0].address, &t->hop, t->key)) {
	case FOUND_NO:
		return end_by(t, OUTCOME_NO_HOST);
	case FOUND_ERROR:
		return end_by_control(t, "control/smtproutes or authsenders");
	case FOUND_YES:
		break;
	}
	if (nexthop_source(t->d->controls, t->errand->job.sender, &t->source) ==
	    FOUND_ERROR)
		return end_by_control(t, "control/outgoingip");
	outcome_say(&o, OUTCOME_MOVED, "");
	for (uint32_t i = 1; i < p->count; i++)
		if (find(t, p->to[i].address, &hop, key) != FOUND_YES ||
		    strcmp(key, t->key) != 0)
			trip_tell(t, &p->to[i], &o);
	domain = domain_of(p->to[0].address);
	/* A literal is no name, and is reported as it is. */
	if (idn_to_ascii(t->domain, domain) != IDN_OK &&
	    !str_copy(t->domain, sizeof(t->domain), domain))
		return end_by(t, OUTCOME_NO_HOST);
	return true;
}

static bool
travel(struct trip *t, int fd)
{
	(void)fd;
	trip_make(t);
	return true;
}

static void
end(struct trip *t)
{
	const struct outcome *o = &t->outcome;
	struct result r = {.job = t->errand->job.job,
	    .number = JOB_END,
	    .letter = o->letter,
	    .fault = o->fault,
	    .status = str_of(o->status),
	    .text = str_of(o->text),
	    .via = str_of(o->spoken ? t->d->kept.via : ""),
	    .tls = str_of(o->letter == 'K' ? t->d->kept.tls : ""),
	    .group = o->apart ? t->errand->job.lane : str_of(t->targets.group)};

	t->d->answer(&r);
}

void
deliver(struct deliverer *d, const struct errand *e, int fd)
{
	static bool (*const steps[])(struct trip * t, int fd) = {
	    check_controls, check_body, open_parcel, find_way, travel};
	static struct trip t;
	bool ok = true;

	memset(&t, 0, sizeof(t));
	t.d = d;
	t.errand = e;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && ok; i++)
		ok = steps[i](&t, fd);
	end(&t);
	parcel_free(&d->parcel);
}

void
deliver_rest(struct deliverer *d)
{
	session_quit(&d->session);
	d->kept = (struct kept){.port = 0};
}
