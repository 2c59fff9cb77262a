/* finish: the end of an attempt, and of a message. */
#include "send/finish.h"
#include "lib/clock.h"
#include "lib/num.h"
#include "send/hand.h"
#include "send/history.h"
#include "send/owed.h"
#include "send/qlog.h"
#include "send/record.h"
#include "send/status.h"
#include <errno.h>
#include <string.h>

static void
compact(struct send *s, struct active *a)
{
	if (a->journal_len <= JOURNAL_COMPACT || a->journal_len < a->compact_at)
		return;
	if (!record_compact(a, s->split))
		status_trouble(a->entry, "unable to compact the journal");
}

bool
finish_lines(struct send *s, struct active *a, int64_t next)
{
	bool ok = record_flush(a, s->split, next);

	/* A journal of the number's last owner, which nobody removed. */
	if (!ok && errno == EEXIST && !a->journal)
		ok = history_read(a, s->split) &&
		     record_flush(a, s->split, next);
	if (!ok) {
		status_trouble(a->entry, "unable to write the journal");
		a->again = clock_boot() + SEND_AGAIN;
		return false;
	}
	a->urgent = false;
	compact(s, a);
	return true;
}

void
finish_later(struct send *s, struct active *a, int64_t at)
{
	struct entry *e = a->entry;

	hand_release(s, a);
	schedule_unread(s->schedule, e, at, clock_boot());
}

static bool
note(struct active *a, enum journal_event event)
{
	const struct journal_line l = {
	    .at = clock_wall(),
	    .event = event,
	    .by = str_of("culver-send"),
	    .why = str_of(a->why == NULL ? "" : a->why),
	};

	return active_note(a, &l, clock_boot());
}

void
finish_held(struct send *s, struct active *a)
{
	struct entry *e = a->entry;

	schedule_take(s->schedule, e);
	hand_release(s, a);
	e->flags |= ENTRY_HELD;
}

bool
finish_hold(struct send *s, struct active *a)
{
	if (!a->noted && !note(a, JOURNAL_HOLD)) {
		a->again = clock_boot() + SEND_AGAIN;
		return false;
	}
	a->noted = true;
	if (!finish_lines(s, a, 0))
		return false;
	status_held(a->entry, a->why);
	finish_held(s, a);
	return true;
}

/* The hint that its journal's mtime is. */
static int64_t
hint_of(const struct send *s, const struct active *a, int64_t now)
{
	return clock_wall() + retry_wait(active_next(a), now,
				  retry_longest(&s->plan, CHANNEL_REMOTE));
}

bool
finish_wait(struct send *s, struct active *a, int64_t now)
{
	struct entry *e = a->entry;
	unsigned force = a->ready > 0 ? e->flags & ENTRY_FORCE : 0;

	if (!finish_lines(s, a, hint_of(s, a, now)))
		return false;
	hand_release(s, a);
	e->flags |= ENTRY_STAMPED | force;
	schedule_rest(s->schedule, e);
	return true;
}

bool
finish_anew(struct send *s, struct active *a, int64_t pause, int64_t now)
{
	if (!finish_lines(s, a, hint_of(s, a, now)))
		return false;
	finish_later(s, a, now + pause);
	return true;
}

static bool
ask(struct send *s, struct active *a, int64_t now)
{
	if (!finish_lines(s, a, 0))
		return false;
	a->stage = STAGE_BOUNCING;
	return finish_bounce(s, a, now);
}

bool
finish_pause(struct send *s, struct active *a, int64_t now)
{
	a->asked = owed_next(s, a, false);
	return a->asked == BOUNCE_NONE ? finish_wait(s, a, now)
				       : ask(s, a, now);
}

bool
finish_attempt(struct send *s, struct active *a, int64_t now)
{
	a->stage = STAGE_RECORDING;
	a->asked = owed_next(s, a, true);
	if (a->asked == BOUNCE_NONE) {
		a->stage = STAGE_REMOVING;
		return finish_removal(s, a, now);
	}
	return ask(s, a, now);
}

/* The notice cannot be had now.  Who is still waited for does not wait for it:
 * it is asked for after his next attempt.  True: a is freed. */
static bool
without_notice(struct send *s, struct active *a, int64_t now)
{
	if (a->open > 0) {
		a->stage = STAGE_TRYING;
		return finish_wait(s, a, now);
	}
	finish_later(s, a, now + SEND_AGAIN);
	return true;
}

bool
finish_bounce(struct send *s, struct active *a, int64_t now)
{
	struct bounce_request r;

	if (s->bouncer.asked == a)
		return false;
	owed_request(s, a, a->asked, &r);
	if (bouncer_ask(&s->bouncer, a, &r, now))
		return false;
	if (!bouncer_well(&s->bouncer, now))
		return without_notice(s, a, now);
	a->again = now + CLOCK_SECOND / 5;
	return false;
}

static void
log_notice(const struct active *a, const struct bounce_answer *answer)
{
	if (answer->kind != 'K')
		qlog_discard(answer->text, a->entry->ino);
	else if (a->asked == BOUNCE_FAILED)
		qlog_bounce(a->entry->ino, answer->pid);
	else
		qlog_notice(journal_event_word(owed_event(a->asked)),
		    a->entry->ino, answer->pid);
}

void
finish_bounced(
    struct send *s, struct active *a, const struct bounce_answer *answer)
{
	char token[QUEUE_TOKEN_TEXT] = "";
	struct journal_line l = {.at = clock_wall(),
	    .event = owed_event(a->asked),
	    .id = answer->ino};

	if (answer->kind == 'Z') {
		errno = 0;
		qlog_warning(
		    "trouble injecting bounce message,", "will try later");
		(void)without_notice(s, a, clock_boot());
		return;
	}
	if (answer->kind == 'K') {
		num_hex(token, answer->token, QUEUE_TOKEN);
		l.token = str_of(token);
	}
	if (!active_note(a, &l, clock_boot())) {
		a->again = clock_boot() + SEND_AGAIN;
		return;
	}
	log_notice(a, answer);
	owed_told(a, a->asked);
	a->urgent = true;
	if (a->open == 0)
		(void)finish_attempt(s, a, clock_boot());
	else
		a->stage = STAGE_TRYING;
}

/* Somebody is told of a failure. */
static bool
has_failed(const struct active *a)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (a->recipients[i].state == RECIPIENT_FAILED)
			return true;
	return false;
}

/* Were it to come back, as after a crash, an attempt that fails for now might be
 * its last: whom it reached would be told that it did not. */
static bool
is_old(const struct send *s, const struct active *a)
{
	const int64_t wall = clock_wall();
	const int64_t birth =
	    drift_birth(&s->drift, a->message.arrived, wall, clock_boot());
	uint32_t attempts = 0;
	int64_t age;

	for (uint32_t i = 0; i < a->count; i++)
		if (a->recipients[i].attempts > attempts)
			attempts = a->recipients[i].attempts;
	age = retry_age(&s->plan, birth, wall, attempts, CHANNEL_REMOTE);
	return (uint64_t)(age / CLOCK_SECOND) >
	       retry_lifetime(&s->plan, buf_str(&a->sender)) / 2;
}

/* INTERNALS 3, R1: the ok lines of the last second are worth neither a journal
 * nor a sync any more. */
static bool
record_done(struct send *s, struct active *a)
{
	if (!a->urgent && !has_failed(a) && !(a->journal && is_old(s, a)))
		return true;
	if (!a->done && !note(a, JOURNAL_DONE))
		return false;
	a->done = true;
	return finish_lines(s, a, 0);
}

bool
finish_removal(struct send *s, struct active *a, int64_t now)
{
	struct entry *e = a->entry;
	struct removed gone;

	spare_file(&gone.file, e->ino, &a->message);
	if (!record_done(s, a)) {
		a->again = now + SEND_AGAIN;
		return false;
	}
	gone.journal = a->journal;
	if (!removal_add(&s->removal, &gone, now)) {
		/* It may be there for long: what was delivered must be
		 * known to the next start. */
		(void)!finish_lines(s, a, 0);
		a->again = now + SEND_AGAIN;
		return false;
	}
	qlog_end(e->ino);
	trying_clear(s->trying, e->ino);
	hand_release(s, a);
	schedule_remove(s->schedule, e);
	return true;
}
