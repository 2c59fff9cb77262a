/* outcome: K, Z, D and H become states and lines. */
#include "send/outcome.h"
#include "lib/clock.h"
#include "send/history.h"
#include "send/owed.h"
#include "send/qlog.h"
#include "send/status.h"

static const char too_long[] =
    "I'm not going to try again; this message has been in the queue too "
    "long.\n";

/* Of what a host says less is kept where it says it of very many: all of it must
 * be read again. */
static struct str
kept(const struct active *a, struct str text)
{
	return str_slice(text, 0, HISTORY_MAX / 16 / a->count);
}

static struct journal_line
line_of(const struct active *a, enum journal_event event,
    const struct landing *f, const struct result *r)
{
	const struct recipient *to = &a->recipients[f->number];
	int64_t wall = clock_wall(), wait = to->next - clock_boot();
	int64_t now = wall > 0 ? wall : 0; /* as a stamp is written */

	return (struct journal_line){
	    .at = now,
	    .event = event,
	    .recipient = f->number,
	    .attempt = to->attempts,
	    .told = event == JOURNAL_DEFER && to->told,
	    .next = now + (wait > 0 ? wait : 0),
	    .via = kept(a, r->via),
	    .tls = kept(a, r->tls),
	    .status = r->status,
	    .reply = kept(a, r->text),
	};
}

/* What cannot be noted for want of memory is not known: the recipient is tried
 * again, as after a crash. */
static void
settle(struct active *a, const struct landing *f, const struct result *r,
    enum journal_event event, enum recipient_state state, enum journal_act act)
{
	struct recipient *to = &a->recipients[f->number];
	struct journal_line l = line_of(a, event, f, r);

	l.act = act;
	to->state = state;
	to->owes = act != JOURNAL_ACT_NONE;
	if (active_note(a, &l, clock_boot())) {
		if (state != RECIPIENT_TODO)
			a->open--;
		return;
	}
	to->state = RECIPIENT_TODO;
	to->owes = false;
	to->next = clock_boot() + SEND_AGAIN;
}

static void
fail(struct active *a, const struct landing *f, const struct result *r)
{
	settle(a, f, r, JOURNAL_FAIL, RECIPIENT_FAILED, JOURNAL_ACT_NONE);
	if (a->recipients[f->number].state == RECIPIENT_FAILED)
		a->untold = a->urgent = true;
}

static void
give_up(struct active *a, const struct landing *f, const struct result *r)
{
	struct buf text = {0};
	struct result last = *r;

	if (buf_append_str(&text, r->text) && buf_append_text(&text, too_long))
		last.text = buf_str(&text);
	fail(a, f, &last);
	buf_free(&text);
}

static void
defer(struct send *s, struct active *a, enum channel c, const struct landing *f,
    const struct result *r)
{
	struct recipient *to = &a->recipients[f->number];
	int64_t wall = clock_wall(), boot = clock_boot(), birth, age;

	drift_look(&s->drift, wall, boot);
	birth = drift_birth(&s->drift, a->message.arrived, wall, boot);
	age = retry_age(&s->plan, birth, wall, to->attempts, c);
	if (retry_expired(age, to->attempts,
		retry_lifetime(&s->plan, buf_str(&a->sender)))) {
		give_up(a, f, r);
		return;
	}
	to->next =
	    boot + retry_pause(&s->plan, age, to->attempts, c, a->entry->ino);
	settle(a, f, r, JOURNAL_DEFER, RECIPIENT_TODO, JOURNAL_ACT_NONE);
}

static void
tell(struct send *s, const struct landing *f, char letter, struct str text)
{
	qlog_result(f->delivery, letter, text);
	status_say(s);
}

void
outcome_note(struct send *s, struct active *a, enum channel c,
    const struct landing *f, const struct result *r)
{
	struct recipient *to = &a->recipients[f->number];

	if (to->attempts < 0xffffff)
		to->attempts++;
	switch (r->letter) {
	case 'K':
		settle(a, f, r, JOURNAL_OK, RECIPIENT_OK, owed_act(c, r));
		break;
	case 'D':
		fail(a, f, r);
		break;
	case 'H':
		a->held = true;
		a->why = "the message's file is damaged";
		to->state = RECIPIENT_TODO;
		break;
	default:
		defer(s, a, c, f, r);
		break;
	}
	trying_clear(s->trying, a->entry->ino);
	tell(s, f, to->state == RECIPIENT_FAILED ? 'D' : r->letter, r->text);
}

void
outcome_lost(struct send *s, struct active *a, const struct landing *f,
    const struct result *r)
{
	struct recipient *to = &a->recipients[f->number];

	to->state = RECIPIENT_TODO;
	to->next = clock_boot();
	a->entry->flags |= ENTRY_REPEAT;
	tell(s, f, 'Z', r->text);
}

void
outcome_died(struct send *s, struct active *a, int signal)
{
	if (trying_died(s->trying, a->entry->ino, a->message.token, signal)) {
		a->held = true;
		a->why = "a program died again and again delivering it";
	}
}
