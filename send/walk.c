/* walk: the envelope becomes parts; a part's recipients are read again when its
 * turn has come. */
#include "send/walk.h"
#include "control/nexthop.h"
#include "lib/address.h"
#include "send/owed.h"
#include "send/qlog.h"
#include "send/share.h"
#include "send/status.h"
#include <errno.h>

_Static_assert((int)NEXTHOP_KEY <= (int)JOB_KEY, "a lane is named in a job");
_Static_assert((int)JOB_KEY <= (int)SCHEDULE_KEY, "and in the schedule");

static const struct str local_lane = {"", 0};

/* A domain without a way is a lane like others: culver-remote says what is
 * wrong with it. */
static bool
lane_of(struct send *s, struct str sender, struct str address, struct str *lane)
{
	struct str local, domain;
	struct nexthop n;
	enum found f;

	buf_clear(&s->lane);
	address_split(address, &local, &domain);
	f = nexthop_find(s->controls, sender, domain, &n);
	if (f == FOUND_ERROR)
		return false;
	for (size_t i = 0; f == FOUND_NO && i < domain.len; i++) {
		char c = domain.data[i];
		if (!buf_append_byte(&s->lane,
			c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c))
			return false;
	}
	if (f == FOUND_YES && !nexthop_key(&n, &s->lane))
		return false;
	*lane = str_slice(buf_str(&s->lane), 0, JOB_KEY);
	return true;
}

/* Who sent it: the user who was asked for a password, else the domain. */
static bool
customer(struct active *a)
{
	struct str local, domain;

	if (a->customer.len > 0)
		return true;
	address_split(buf_str(&a->sender), &local, &domain);
	return buf_append_byte(&a->customer, '@') &&
	       buf_append_str(&a->customer, str_slice(domain, 0, JOB_KEY - 1));
}

static enum walk_result
recipient(struct send *s, struct active *a, uint32_t number, uint64_t offset,
    struct str to)
{
	struct recipient *r = active_recipient(a, number);
	struct str lane = local_lane;
	enum channel c;

	if (r == NULL)
		return WALK_TROUBLE;
	r->offset = offset & RECIPIENT_OFFSET;
	if (r->state == RECIPIENT_OK || r->state == RECIPIENT_FAILED)
		return WALK_END;
	a->open++;
	if (!customer(a) ||
	    route_find(&s->router, to, &c, &s->address) != ROUTE_OK ||
	    (c == CHANNEL_REMOTE &&
		!lane_of(s, buf_str(&a->sender), buf_str(&s->address), &lane)))
		return WALK_TROUBLE;
	r->part = schedule_part(
	    s->schedule, a->entry, c, buf_str(&a->customer), lane);
	if (r->part == SCHEDULE_NONE)
		a->partial = true;
	else
		a->parted = true;
	return WALK_END;
}

/* The sender is told of once, when it is first read. */
static bool
sender(struct active *a, struct str from)
{
	const struct message *m = &a->message;

	buf_clear(&a->sender);
	buf_clear(&a->customer);
	if (!buf_append_str(&a->sender, from))
		return false;
	if ((a->entry->flags & ENTRY_TOLD) != 0 || a->journal)
		return true;
	a->entry->flags |= ENTRY_TOLD;
	qlog_new(a->entry->ino);
	qlog_info(a->entry->ino, m->body_len, from, m->writer, m->uid);
	status_message(a);
	return true;
}

static enum walk_result
record(struct send *s, struct active *a, struct envelope *e, char kind,
    uint64_t offset, struct str text)
{
	bool ok = true;

	if (kind == 'T')
		return recipient(
		    s, a, (uint32_t)(e->recipients - 1), offset, text);
	if (kind == 'N' && e->recipients > 0)
		owed_asked(a, (uint32_t)(e->recipients - 1), text);
	else if (kind == 'F')
		ok = sender(a, text);
	else if (kind == 'S')
		ok = buf_append_str(
		    &a->customer, str_slice(text, 0, SCHEDULE_KEY));
	return ok ? WALK_END : WALK_TROUBLE;
}

static enum walk_result
bad(void)
{
	return errno == EPROTO ? WALK_DAMAGED : WALK_TROUBLE;
}

/* Messages never change: what was read of one stays true. */
static void
envelope_of(struct send *s, const struct active *a)
{
	const struct message *m = &a->message;

	if (s->enveloped != a)
		envelope_open(
		    &s->envelope, a->fd, m->envelope_at, m->envelope_len);
	s->enveloped = a;
}

enum walk_result
walk_envelope(struct send *s, struct active *a)
{
	const struct message *m = &a->message;
	enum envelope_result got;
	enum walk_result w;
	struct envelope *e = &s->envelope;
	struct str text;
	uint64_t offset = 0;
	char kind;

	a->open = 0;
	s->enveloped = NULL; /* recipients are counted from the first */
	envelope_of(s, a);
	while ((got = envelope_next(e, &kind, &text)) == ENVELOPE_RECORD_READ) {
		w = record(s, a, e, kind, offset, text);
		if (w != WALK_END)
			return w;
		offset = envelope_offset(e) - m->envelope_at;
	}
	if (got == ENVELOPE_BAD)
		return bad();
	/* Without a lane for anybody nothing would ever come of it. */
	if (a->partial && !a->parted) {
		errno = ENOMEM;
		return WALK_TROUBLE;
	}
	return share_make(a) ? WALK_END : WALK_TROUBLE;
}

enum walk_result
walk_recipient(struct send *s, const struct active *a,
    const struct recipient *r, struct str *to)
{
	char kind;

	envelope_of(s, a);
	envelope_seek(&s->envelope, a->message.envelope_at + r->offset);
	errno = EPROTO;
	if (envelope_next(&s->envelope, &kind, to) != ENVELOPE_RECORD_READ)
		return bad();
	return kind == 'T' ? WALK_END : WALK_DAMAGED;
}
