/* attempt: messages whose turn has come, and what becomes of them. */
#include "send/attempt.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "send/finish.h"
#include "send/outcome.h"
#include "send/qlog.h"
#include "send/status.h"
#include "send/walk.h"
#include "wire/users.h"
#include <errno.h>
#include <string.h>

static const char absent[] =
    "Sorry, this host does not deliver to other hosts yet. (#4.3.5)\n";

static void
take_up(struct send *s, struct active *a)
{
	a->before = s->newest;
	a->after = NULL;
	if (s->newest != NULL)
		s->newest->after = a;
	else
		s->oldest = a;
	s->newest = a;
	s->active_count++;
	a->entry->flags |= ENTRY_ACTIVE;
}

static void
hold_entry(struct send *s, struct entry *e, const char *why)
{
	schedule_take(s->schedule, e);
	e->flags |= ENTRY_HELD;
	status_held(e, why);
}

static bool
may_walk(const struct send *s, const struct active *a)
{
	if (a->walked || a->held || a->stuck || s->exiting || s->broken)
		return false;
	return a->blocked == -1 || spawner_free(&s->spawners[a->blocked]);
}

/* The attempt is as far as it can be brought now.  True: a was freed. */
static bool
try(struct send *s, struct active *a, int64_t now)
{
	enum walk_result w = WALK_END;

	if (a->walk_again && a->walked) {
		a->walk_again = a->walked = false;
		a->cursor = a->message.envelope_at;
		a->cursor_number = 0;
	}
	if (may_walk(s, a)) {
		trying_take(s->trying, a->entry->ino, a->message.token);
		w = walk_on(s, a);
		trying_release(s->trying);
	}
	if (w == WALK_DAMAGED) {
		a->held = true;
		a->why = "its envelope is damaged";
	}
	if (w == WALK_TROUBLE) {
		status_trouble(a->entry, "unable to begin a delivery");
		a->again = now + SEND_AGAIN;
	}
	if (a->flying > 0)
		return false;
	if (a->held)
		return finish_hold(s, a);
	return a->walked && !a->walk_again && finish_attempt(s, a, now);
}

/* False: the lines of an attempt that goes on cannot be written. */
static bool
record(struct send *s, struct active *a)
{
	return a->stage != STAGE_TRYING || finish_lines(s, a, 0);
}

/* True: a was freed. */
static bool
progress(struct send *s, struct active *a, int64_t now)
{
	if (a->again > now)
		return false;
	a->again = 0;
	if (a->lines_since != 0 && now - a->lines_since >= SEND_RECORD &&
	    !record(s, a))
		return false;
	switch (a->stage) {
	case STAGE_TRYING:
		return try(s, a, now);
	case STAGE_RECORDING:
		return finish_attempt(s, a, now);
	case STAGE_BOUNCING:
		return finish_bounce(s, a, now);
	case STAGE_REMOVING:
		return finish_removal(s, a, now);
	}
	return false;
}

static void
loaded(struct send *s, struct active *a, int64_t now)
{
	take_up(s, a);
	if (a->done)
		a->stage = STAGE_REMOVING;
	if (a->held && !a->done) {
		status_held(a->entry, "its journal says so");
		finish_held(s, a);
		return;
	}
	(void)progress(s, a, now);
}

/* Before its head is read nobody knows all of its token. */
static void
begin(struct send *s, struct entry *e, int64_t now)
{
	static const unsigned char unread[QUEUE_TOKEN];
	struct active *a;
	enum active_result r;

	trying_take(s->trying, e->ino, unread);
	r = active_load(&a, e, s->split, s->owner);
	trying_release(s->trying);
	switch (r) {
	case ACTIVE_OK:
		loaded(s, a, now);
		break;
	case ACTIVE_GONE:
		schedule_remove(s->schedule, e);
		break;
	case ACTIVE_DAMAGED:
		hold_entry(s, e, "its file is damaged");
		break;
	case ACTIVE_TROUBLE:
		status_trouble(e, "unable to read the message");
		schedule_unread(s->schedule, e, now + SEND_AGAIN, now);
		break;
	}
}

static void
try_controls(struct send *s, int64_t now)
{
	if (!s->broken || now < s->controls_again)
		return;
	s->controls_again = now + SEND_AGAIN;
	s->broken = !control_refresh(s->controls);
}

/* The same for the table of mailboxes: without it nobody knows who is local. */
static void
try_users(struct send *s, int64_t now)
{
	if (s->broken || route_refresh(&s->router))
		return;
	qlog_warning("unable to open", USERS_RCPT);
	s->broken = true;
	s->controls_again = now + SEND_AGAIN;
}

/* Room for one more in hand.  While the local spawner is away nothing new is
 * begun: it would only be held in memory. */
static bool
room(const struct send *s)
{
	const struct spawner *local = &s->spawners[CHANNEL_LOCAL];
	uint64_t most = local->most + s->spawners[CHANNEL_REMOTE].most;

	return !s->exiting && !s->broken && local->serving &&
	       s->active_count < most + SEND_SPARE &&
	       s->active_count < s->hands;
}

/* A channel without a program answers at once. */
static void
answer_absent(struct send *s, enum channel c)
{
	struct spawner *sp = &s->spawners[c];
	struct result r = {
	    .letter = 'Z', .status = str_of("4.3.5"), .text = str_of(absent)};

	if (sp->path != NULL)
		return;
	for (uint32_t i = 0; sp->flying > 0; i = (i + 1) % sp->size)
		if (sp->flights[i].active != NULL) {
			r.job = i;
			attempt_result(s, c, &r);
		}
}

static void
progress_all(struct send *s, int64_t now)
{
	struct active *next;

	for (struct active *a = s->oldest; a != NULL; a = next) {
		next = a->after;
		/* A failure is on the disk before anything builds on it, but
		 * those that came together go there together. */
		if (!a->urgent || a->again > now || record(s, a))
			(void)progress(s, a, now);
	}
}

/* True: a channel has become wider for the message that waits for it. */
static bool
widen(struct send *s, int64_t now)
{
	int64_t due[CHANNEL_COUNT] = {0};
	bool wider = false;

	for (const struct active *a = s->newest; a != NULL; a = a->before)
		if (a->blocked != -1 && !a->walked)
			due[a->blocked] = schedule_due(a->entry);
	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (spawner_widen(&s->spawners[c], due[c], now))
			wider = true;
	return wider;
}

void
attempt_run(struct send *s, int64_t now)
{
	struct entry *e;

	try_controls(s, now);
	try_users(s, now);
	progress_all(s, now);
	answer_absent(s, CHANNEL_REMOTE);
	while (room(s) && (e = schedule_read(s->schedule, now)) != NULL) {
		begin(s, e, now);
		answer_absent(s, CHANNEL_REMOTE);
	}
	if (widen(s, now))
		progress_all(s, now);
	answer_absent(s, CHANNEL_REMOTE);
}

void
attempt_result(struct send *s, enum channel c, const struct result *r)
{
	struct spawner *sp = &s->spawners[c];
	struct flight f = sp->flights[r->job];
	struct active *a = f.active;
	int64_t now = clock_boot();

	spawner_give(sp, r->job);
	a->flying--;
	if (r->signal != 0)
		outcome_died(s, a, &f, r);
	else
		outcome_note(s, a, c, &f, r);
	(void)progress(s, a, now);
}

void
attempt_lost(struct send *s, enum channel c)
{
	struct spawner *sp = &s->spawners[c];
	struct result r = {.letter = 'Z',
	    .text = str_of("The connection to the spawner was lost.\n")};

	spawner_close(sp);
	for (uint32_t i = 0; i < sp->size && sp->flying > 0; i++) {
		struct flight f = sp->flights[i];
		if (f.active == NULL)
			continue;
		spawner_give(sp, i);
		f.active->flying--;
		/* One death, however many recipients it was to deliver to; none
		 * where it was we who could not go on. */
		if (f.active->lost || sp->ours)
			outcome_lost(s, f.active, &f, &r);
		else
			outcome_died(s, f.active, &f, &r);
		f.active->lost = true;
	}
	for (struct active *a = s->oldest; a != NULL; a = a->after)
		a->lost = false;
}

void
attempt_bounced(
    struct send *s, struct active *a, const struct bounce_answer *answer)
{
	finish_bounced(s, a, answer);
}

/* The suspect's number is still the suspect's.  One that died before its head
 * was read has no token; and what cannot be read now is held, to be safe. */
static bool
is_there(const struct send *s, const struct trying_suspect *t)
{
	static const unsigned char none[QUEUE_TOKEN];
	char path[QUEUE_PATH_SIZE];
	struct message m;
	int fd;

	queue_mess_path(path, s->split, t->ino);
	fd = message_open(path, s->owner, &m);
	if (fd == -1)
		return errno != ENOENT;
	fd_close(&fd);
	return memcmp(t->token, none, QUEUE_TOKEN) == 0 ||
	       memcmp(t->token, m.token, QUEUE_TOKEN) == 0;
}

void
attempt_suspects(struct send *s)
{
	unsigned char token[QUEUE_TOKEN];
	uint64_t ino;
	bool hold;

	if (trying_last(s->trying, &ino, token, &hold))
		qlog_alert("the last run ended with a message in hand");
	for (size_t i = 0; i < TRYING_SUSPECTS; i++) {
		const struct trying_suspect *t = &s->trying->suspects[i];
		struct entry *e;
		if (t->crashes < TRYING_CRASHES && t->deaths < TRYING_DEATHS)
			continue;
		if (!is_there(s, t)) {
			trying_clear(s->trying, t->ino);
			continue;
		}
		e = schedule_find(s->schedule, t->ino);
		if (e == NULL)
			e = schedule_add(s->schedule, t->ino);
		if (e != NULL)
			hold_entry(s, e, "programs died with it in hand");
	}
}

bool
attempt_idle(const struct send *s)
{
	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (s->spawners[c].flying > 0)
			return false;
	return s->bouncer.asked == NULL;
}

int64_t
attempt_next(const struct send *s, int64_t until)
{
	for (int c = 0; c < CHANNEL_COUNT; c++)
		until = spawner_next(&s->spawners[c], until);
	if (room(s))
		until = schedule_readable(s->schedule) > 0
			    ? 0
			    : schedule_timer(s->schedule, until);
	for (const struct active *a = s->oldest; a != NULL; a = a->after) {
		if (a->again != 0 && a->again < until)
			until = a->again;
		if (a->lines_since != 0 && a->again == 0 &&
		    a->lines_since + SEND_RECORD < until)
			until = a->lines_since + SEND_RECORD;
	}
	return until;
}
