/* attempt: messages whose turn has come, and what becomes of them. */
#include "send/attempt.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "send/finish.h"
#include "send/flight.h"
#include "send/hand.h"
#include "send/pickup.h"
#include "send/qlog.h"
#include "send/status.h"
#include "wire/users.h"
#include <errno.h>
#include <string.h>

enum {
	READS = 16,   /* messages that are read in one go */
	OVERDUE = 16, /* parts that have waited too long, likewise */
	PARTIAL = 30, /* seconds until there may be lanes for all recipients */
};

/* False: the lines of an attempt that goes on cannot be written. */
static bool
record(struct send *s, struct active *a)
{
	return a->stage != STAGE_TRYING || finish_lines(s, a, 0);
}

/* As far as it goes while none of its jobs flies.  True: a was freed. */
static bool
land(struct send *s, struct active *a, int64_t now)
{
	if (a->held)
		return finish_hold(s, a);
	if (a->open == 0)
		return finish_attempt(s, a, now);
	if (a->stale)
		return finish_anew(s, a, 0, now);
	if (a->ready > 0)
		return false;
	return a->partial
		   ? finish_anew(s, a, (int64_t)PARTIAL * CLOCK_SECOND, now)
		   : finish_pause(s, a, now);
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
		return a->flying == 0 && land(s, a, now);
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

/* Let go of what only waits for a slot, if it has no more shares than that.
 * Who came last waits longest. */
static void
thin_out(struct send *s, uint32_t shares, int64_t now)
{
	struct active *before;

	for (struct active *a = s->newest; a != NULL && !hand_room(s);
	     a = before) {
		before = a->before;
		if (a->stage == STAGE_TRYING && a->flying == 0 &&
		    a->again <= now && !a->held && !a->stale && a->open > 0 &&
		    a->share_count <= shares)
			(void)finish_wait(s, a, now);
	}
}

/* Room for one more in hand.  What is costly to read again goes last. */
static bool
make_room(struct send *s, int64_t now)
{
	thin_out(s, 1, now);
	thin_out(s, UINT32_MAX, now);
	return hand_room(s);
}

static bool
may_work(const struct send *s)
{
	return !s->exiting && !s->broken;
}

static void
try_controls(struct send *s, int64_t now)
{
	if (!s->broken || now < s->controls_again)
		return;
	s->controls_again = now + SEND_AGAIN;
	s->broken = !control_refresh(s->controls);
}

/* The same for the table of mailboxes: without it nobody knows who is local.
 * False when it cannot be had. */
static bool
try_users(struct send *s, int64_t now)
{
	s->users_looked = now;
	if (route_refresh(&s->router))
		return true;
	qlog_warning("unable to open", USERS_RCPT);
	s->broken = true;
	s->controls_again = now + SEND_AGAIN;
	return false;
}

/* The same for what says which domains are ours: whoever was accepted by it would
 * be another host's. */
static bool
try_domains(struct send *s, int64_t now)
{
	static const enum control_id rows[] = {
	    C_locals, C_virtualdomains, C_percenthack};

	if (!control_moved(s->controls))
		return true;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (control_refresh_row(s->controls, rows[i]))
			continue;
		warn(control_error(s->controls));
		s->broken = true;
		s->controls_again = now + SEND_AGAIN;
		return false;
	}
	return true;
}

static void
read_some(struct send *s, int64_t now)
{
	struct active *a;
	struct entry *e;

	for (int i = 0; i < READS && may_work(s) && make_room(s, now); i++) {
		e = schedule_read(s->schedule, now);
		if (e == NULL)
			return;
		/* Nobody who was there when it was accepted is unknown. */
		if (i == 0 && (!try_users(s, now) || !try_domains(s, now))) {
			schedule_unread(s->schedule, e, now, now);
			return;
		}
		a = pickup_read(s, e, now);
		if (a != NULL)
			(void)progress(s, a, now);
	}
}

/* Jobs for as many slots as there are. */
static void
begin_all(struct send *s, enum channel c, int64_t now)
{
	struct spawner *sp = &s->spawners[c];
	struct turn turn;
	struct share *sh;
	struct active *a;

	schedule_slots(
	    s->schedule, c, spawner_slots(sp), spawner_reserve(sp, s->reserve));
	while (may_work(s) && make_room(s, now) &&
	       schedule_next(s->schedule, c, now, &turn)) {
		a = pickup_turn(s, &turn, true, now, &sh);
		if (a == NULL)
			continue;
		flight_begin(s, a, sh, &turn, now);
		(void)progress(s, a, now);
	}
}

static void
give_up_some(struct send *s, int64_t now)
{
	struct turn turn;
	struct share *sh;
	struct active *a;

	for (int i = 0; i < OVERDUE && may_work(s) && make_room(s, now) &&
			schedule_overdue(s->schedule, now, &turn);
	     i++) {
		a = pickup_turn(s, &turn, false, now, &sh);
		if (a == NULL)
			continue;
		flight_overdue(s, a, sh, &turn, now);
		(void)progress(s, a, now);
	}
}

static void
begin_wider(struct send *s, enum channel c, int64_t now)
{
	struct spawner *sp = &s->spawners[c];

	begin_all(s, c, now);
	while (spawner_widen(sp, spawner_reserve(sp, s->reserve),
	    schedule_starved(s->schedule, c), now))
		begin_all(s, c, now);
}

void
attempt_run(struct send *s, int64_t now)
{
	try_controls(s, now);
	if (!s->broken && now - s->users_looked >= CLOCK_SECOND)
		(void)try_users(s, now);
	progress_all(s, now);
	read_some(s, now);
	give_up_some(s, now);
	for (int c = 0; c < CHANNEL_COUNT; c++)
		begin_wider(s, (enum channel)c, now);
}

bool
attempt_result(struct send *s, enum channel c, const struct result *r)
{
	struct active *a = s->spawners[c].flights[r->job].active;
	int64_t now = clock_boot();

	if (!flight_result(s, c, r, now))
		return false;
	(void)progress(s, a, now);
	return true;
}

void
attempt_lost(struct send *s, enum channel c)
{
	flight_lost(s, c, clock_boot());
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
			pickup_hold(s, e, "programs died with it in hand");
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
	if (may_work(s) && hand_room(s))
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
