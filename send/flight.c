/* flight: recipients go out as jobs, and come back as results. */
#include "send/flight.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "send/finish.h"
#include "send/outcome.h"
#include "send/qlog.h"
#include "send/rate.h"
#include "send/share.h"
#include "send/status.h"
#include "send/verp.h"
#include "send/walk.h"
#include <stdlib.h>
#include <string.h>

static const char lost[] = "The connection to the spawner was lost.\n";
static const char unreachable[] =
    "Sorry, no host that takes this mail could be reached for some time. "
    "(#4.4.1)\n";

static const char too_long[] = "Sorry, this address is too long. (#5.1.3)\n";

struct crew { /* the recipients of a job being made */
	unsigned char numbers[4 * JOB_RECIPIENTS];
	uint32_t count, most;
	enum channel channel;
};

void
flight_settle(struct send *s, struct active *a, struct share *sh, int64_t now)
{
	int64_t due;

	if (sh->flying > 0 || sh->queued)
		return;
	sh->going = false;
	due = share_due(a, sh);
	if (due == INT64_MAX)
		schedule_drop(s->schedule, sh->part);
	else if (!a->held)
		share_wait(s->schedule, a, sh,
		    now + retry_wait(due, now,
			      retry_longest(&s->plan, CHANNEL_REMOTE)),
		    now);
}

/* The slot is given back, and the share waits for a better time. */
static void
give_back(struct send *s, struct active *a, struct share *sh, int64_t due,
    int64_t now)
{
	schedule_end(s->schedule, sh->part, now);
	if (!a->held)
		share_wait(s->schedule, a, sh, due, now);
}

/* What a's recipient is called in the job, in s->address with its end byte, and
 * by whom it is asked, in out.  False when it is not this channel's any more,
 * with *w as it was, or for trouble. */
static bool
find_address(struct send *s, struct active *a, struct str to, enum channel want,
    struct buf *out, enum walk_result *w)
{
	enum channel c;

	if (route_find(&s->router, to, &c, &s->address) != ROUTE_OK) {
		*w = WALK_TROUBLE;
		return false;
	}
	a->stale = c != want;
	if (a->stale)
		return false;
	if (verp_expand(buf_str(&a->sender), to, out) &&
	    buf_append_byte(&s->address, '\0'))
		return true;
	*w = WALK_TROUBLE;
	return false;
}

/* With what control/ adds to it no program would take it.  It is nobody's
 * delivery, and fails as one. */
static void
refuse(struct send *s, struct active *a, enum channel c, uint32_t number)
{
	const struct result r = {
	    .letter = 'D', .status = str_of("5.1.3"), .text = str_of(too_long)};
	struct landing l = {number, ++s->delivery};

	qlog_start(l.delivery, a->entry->ino, c,
	    str_slice(buf_str(&s->address), 0, s->address.len - 1));
	outcome_note(s, a, c, &l, &r);
}

/* One more recipient.  False: the job is full, or *w. */
static bool
join(struct send *s, struct active *a, struct share *sh, struct crew *crew,
    enum walk_result *w)
{
	uint32_t number = a->order[sh->cursor];
	struct buf sender = {0};
	struct str to;
	bool ok = false;

	*w = walk_recipient(s, a, &a->recipients[number], &to);
	if (*w != WALK_END ||
	    !find_address(s, a, to, crew->channel, &sender, w))
		goto out;
	if (s->address.len > ENVELOPE_RECORD || sender.len >= ENVELOPE_RECORD) {
		refuse(s, a, crew->channel, number);
		sh->cursor++;
		ok = true;
		goto out;
	}
	if (crew->count == 0) {
		buf_clear(&s->sender);
		ok = buf_append_str(&s->sender, buf_str(&sender));
	} else {
		ok = str_equal(buf_str(&sender), buf_str(&s->sender)) &&
		     s->recipients.len + s->address.len <= JOB_ADDRESSES;
	}
	if (!ok && crew->count > 0)
		goto out;
	ok = ok && buf_append_str(&s->recipients, buf_str(&s->address));
	if (!ok) {
		*w = WALK_TROUBLE;
		goto out;
	}
	num_put32(crew->numbers + (size_t)4 * crew->count, number);
	crew->count++;
	sh->cursor++;
out:
	buf_free(&sender);
	return ok;
}

static enum walk_result
gather(struct send *s, struct active *a, struct share *sh, struct crew *crew,
    int64_t now)
{
	bool force = (a->entry->flags & ENTRY_FORCE) != 0;
	enum walk_result w = WALK_END;

	buf_clear(&s->recipients);
	trying_take(s->trying, a->entry->ino, a->message.token);
	while (crew->count < crew->most && share_next(a, sh, now, force) &&
	       join(s, a, sh, crew, &w))
		continue;
	trying_release(s->trying);
	return w;
}

static void
tell_start(struct send *s, const struct job *j, enum channel c)
{
	struct str rest = {0}, to;

	while (job_recipient(j, &rest, &to)) {
		s->delivery++;
		qlog_start(s->delivery, j->ino, c, to);
		status_say(s);
	}
}

/* The job of a crew leaves.  False: it cannot. */
static bool
leave(struct send *s, struct active *a, struct share *sh,
    const struct turn *turn, const struct crew *crew)
{
	struct spawner *sp = &s->spawners[turn->channel];
	int64_t spacing = 0;
	struct job j = {
	    .ino = a->entry->ino,
	    .flags = (a->entry->flags & ENTRY_REPEAT) != 0 ? JOB_REPEAT : 0,
	    .count = crew->count,
	    .numbers = {(const char *)crew->numbers, (size_t)4 * crew->count},
	    .sender = buf_str(&s->sender),
	    .recipients = buf_str(&s->recipients),
	};

	if (turn->channel == CHANNEL_REMOTE) {
		if (!rate_find(s->controls, turn->lane, &spacing))
			return false;
		schedule_rate(s->schedule, sh->part, spacing);
		j.group = turn->group;
		j.lane = turn->lane;
	}
	memcpy(j.token, a->message.token, QUEUE_TOKEN);
	if (!spawner_take(sp, &j, a, sh->part, s->delivery + 1))
		return false;
	if (!spawner_job(sp, &j)) {
		free(spawner_give(sp, j.job).numbers);
		return false;
	}
	for (uint32_t i = 0; i < j.count; i++)
		a->recipients[job_number(&j, i)].state = RECIPIENT_FLYING;
	a->tried = true;
	a->flying++;
	sh->flying++;
	schedule_charge(s->schedule, sh->part, j.count);
	tell_start(s, &j, turn->channel);
	return true;
}

/* There was no job for it, or the one that there was could not leave. */
static void
stay(struct send *s, struct active *a, struct share *sh, enum walk_result w,
    int64_t now)
{
	if (w == WALK_DAMAGED) {
		a->held = true;
		a->why = "its envelope is damaged";
	} else if (w == WALK_TROUBLE) {
		status_trouble(a->entry, "unable to begin a delivery");
	}
	if (w != WALK_END || a->stale) {
		give_back(s, a, sh, now + SEND_AGAIN, now);
		return;
	}
	schedule_end(s->schedule, sh->part, now);
	flight_settle(s, a, sh, now);
}

/* What has failed is on the disk before anything builds on it, and nothing is
 * begun while lines cannot be written. */
static bool
may_begin(struct send *s, struct active *a, int64_t now)
{
	if (a->held || a->stale || a->stage != STAGE_TRYING || a->again > now)
		return false;
	return !a->stuck && (!a->urgent || finish_lines(s, a, 0));
}

void
flight_begin(struct send *s, struct active *a, struct share *sh,
    const struct turn *turn, int64_t now)
{
	bool force = (a->entry->flags & ENTRY_FORCE) != 0;
	bool local = turn->channel == CHANNEL_LOCAL;
	struct crew crew = {
	    .most = local ? 1 : JOB_RECIPIENTS, .channel = turn->channel};
	enum walk_result w;
	uint32_t cursor;

	share_taken(a, sh);
	if (!may_begin(s, a, now)) {
		give_back(s, a, sh, now + SEND_AGAIN, now);
		return;
	}
	if (!sh->going && !force)
		share_turn(a, sh, turn->due, now);
	else if (!sh->going)
		sh->cursor = sh->first;
	sh->going = true;
	cursor = sh->cursor;
	w = gather(s, a, sh, &crew, now);
	if (w == WALK_END && crew.count > 0 && !leave(s, a, sh, turn, &crew)) {
		w = WALK_TROUBLE;
		crew.count = 0;
	}
	if (crew.count == 0 || w != WALK_END) {
		if (w != WALK_END)
			sh->cursor = cursor;
		stay(s, a, sh, w, now);
	} else if (share_next(a, sh, now, force)) {
		/* The rest has waited for as long. */
		share_wait(s->schedule, a, sh, turn->due, now);
	}
}

/* What a result means for the i-th recipient of a job. */
static struct landing
landing_of(struct flight *f, uint32_t i)
{
	struct landing l = {f->numbers[i], f->delivery + i};

	f->numbers[i] = JOB_END;
	f->left--;
	return l;
}

/* Those without a result are tried again at once. */
static void
lose_all(struct send *s, struct flight *f, const struct result *r)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (f->numbers[i] != JOB_END) {
			struct landing l = landing_of(f, i);
			outcome_lost(s, f->active, &l, r);
		}
}

/* Those without a result have that of the end. */
static void
end_all(
    struct send *s, enum channel c, struct flight *f, const struct result *r)
{
	if (r->signal != 0)
		lose_all(s, f, r);
	for (uint32_t i = 0; i < f->count; i++)
		if (f->numbers[i] != JOB_END) {
			struct landing l = landing_of(f, i);
			outcome_note(s, f->active, c, &l, r);
		}
}

/* The job is no more. */
static void
land(struct send *s, struct flight *f, int64_t now)
{
	struct active *a = f->active;
	struct share *sh = share_find(a, f->part);

	free(f->numbers);
	a->flying--;
	sh->flying--;
	schedule_end(s->schedule, sh->part, now);
	flight_settle(s, a, sh, now);
}

static bool
one_result(
    struct send *s, enum channel c, struct flight *f, const struct result *r)
{
	uint32_t i = flight_find(f, r->number);
	struct landing l;

	if (i == f->count)
		return false;
	l = landing_of(f, i);
	outcome_note(s, f->active, c, &l, r);
	return true;
}

bool
flight_result(
    struct send *s, enum channel c, const struct result *r, int64_t now)
{
	struct spawner *sp = &s->spawners[c];
	struct flight f;

	if (r->number != JOB_END)
		return one_result(s, c, &sp->flights[r->job], r);
	f = spawner_give(sp, r->job);
	if (r->signal != 0)
		outcome_died(s, f.active, (int)r->signal);
	else if (c == CHANNEL_REMOTE)
		schedule_learn(s->schedule, f.part, (enum lane_fault)r->fault,
		    r->group, now);
	end_all(s, c, &f, r);
	land(s, &f, now);
	return true;
}

/* One death, however many recipients it was to deliver to; none where it was we
 * who could not go on. */
static void
lose(struct send *s, struct spawner *sp, uint32_t slot, int64_t now)
{
	const struct result r = {.letter = 'Z', .text = str_of(lost)};
	struct flight f = spawner_give(sp, slot);

	if (!f.active->lost && !sp->ours)
		outcome_died(s, f.active, 0);
	f.active->lost = true;
	lose_all(s, &f, &r);
	land(s, &f, now);
}

void
flight_lost(struct send *s, enum channel c, int64_t now)
{
	struct spawner *sp = &s->spawners[c];

	spawner_close(sp);
	for (uint32_t slot = 0; slot < sp->size && sp->flying > 0; slot++)
		if (sp->flights[slot].active != NULL)
			lose(s, sp, slot, now);
	for (struct active *a = s->oldest; a != NULL; a = a->after)
		a->lost = false;
}

void
flight_overdue(struct send *s, struct active *a, struct share *sh,
    const struct turn *turn, int64_t now)
{
	const struct result r = {.letter = 'Z',
	    .status = str_of("4.4.1"),
	    .text = str_of(unreachable)};
	struct str to;

	share_taken(a, sh);
	if (!may_begin(s, a, now)) {
		if (!a->held)
			share_wait(s->schedule, a, sh, now + SEND_AGAIN, now);
		return;
	}
	share_turn(a, sh, turn->due, now);
	for (; share_next(a, sh, now, false); sh->cursor++) {
		uint32_t number = a->order[sh->cursor];
		struct landing l = {number, s->delivery + 1};
		if (walk_recipient(s, a, &a->recipients[number], &to) !=
		    WALK_END)
			break;
		qlog_start(++s->delivery, a->entry->ino, turn->channel, to);
		outcome_note(s, a, turn->channel, &l, &r);
	}
	flight_settle(s, a, sh, now);
}
