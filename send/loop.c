/* loop: hints, results, signals and time. */
#include "send/loop.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/log.h"
#include "send/attempt.h"
#include "send/finish.h"
#include "send/qlog.h"
#include "send/signals.h"
#include "send/status.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { ON_SIGNAL, ON_HINT, ON_BOUNCER, ON_SPAWNER, ON_COUNT = ON_SPAWNER + 2 };
enum { PAUSE = 1 }; /* seconds, where poll fails */

/* Text that is newer than the table which rules, and such. */
static void
say_notices(struct send *s)
{
	const char *notice;
	struct log l;

	while ((notice = control_notice(s->controls)) != NULL) {
		log_begin(&l, "notice");
		log_text(&l, "what", notice);
		log_end(&l);
	}
}

/* What control/ says of attempts.  A schedule that does not parse was refused
 * when it was read: the last one that did stays. */
static void
plan(struct send *s)
{
	const struct controls *c = s->controls;
	struct schedule_settings set = {
	    .lane_initial = (uint32_t)control_number(c, C_laneinitial),
	    .lane_most = (uint32_t)control_number(c, C_lanemax),
	};

	s->plan.lifetime = control_number(c, C_queuelifetime);
	s->plan.bounce_lifetime = control_number(c, C_bouncelifetime);
	s->delaynotice = control_number(c, C_delaynotice);
	s->plan.spread = RETRY_SPREAD;
	(void)!retry_parse(&s->plan, control_line(c, C_retryschedule));
	s->discovery.longest = retry_longest(&s->plan, CHANNEL_REMOTE);
	set.patience = schedule_patience(s->plan.lifetime);
	schedule_set(s->schedule, &set);
	spare_limit(&s->removal.spare, control_number(c, C_queuepool));
}

void
loop_settings(struct send *s)
{
	struct log l;

	s->broken = !control_refresh(s->controls);
	if (s->broken) {
		log_begin(&l, "mail waits");
		log_text(&l, "why", control_error(s->controls));
		log_end(&l);
		s->controls_again = clock_boot() + SEND_AGAIN;
	}
	say_notices(s);
	plan(s);
	s->reserve = control_number(s->controls, C_lanereserve);
	if (!spawner_limit(&s->spawners[CHANNEL_LOCAL],
		control_number(s->controls, C_concurrencylocal)) ||
	    !spawner_limit(&s->spawners[CHANNEL_REMOTE],
		control_number(s->controls, C_concurrencyremote)))
		warn("unable to allocate memory for more deliveries");
}

static void
hear(struct send *s, int fd)
{
	int signal;

	while ((signal = signals_next(fd)) != 0) {
		if (signal == SIGTERM)
			s->exiting = true;
		else if (signal == SIGHUP)
			loop_settings(s);
		else if (signal == SIGALRM)
			schedule_force(s->schedule, clock_boot());
		status_say(s);
	}
}

/* What has been read; and what was lost with a spawner that is gone. */
static void
land(struct send *s, enum channel c, bool alive)
{
	struct spawner *sp = &s->spawners[c];
	struct result r;
	size_t used;
	bool broken = false;

	while (spawner_result(sp, &r, &used, &broken)) {
		broken = !attempt_result(s, c, &r);
		buf_drop(&sp->in, used);
		if (broken)
			break;
	}
	if (broken)
		qlog_alert("the spawner's answer is mangled; leaving it");
	if (broken || !alive)
		attempt_lost(s, c);
}

static void
results(struct send *s, enum channel c, short events)
{
	struct spawner *sp = &s->spawners[c];
	bool alive = true;

	if ((events & POLLOUT) != 0)
		alive = spawner_write(sp);
	if (alive && (events & (POLLIN | POLLHUP | POLLERR)) != 0)
		alive = spawner_read(sp);
	land(s, c, alive);
}

static void
answers(struct send *s, short events)
{
	struct bouncer *b = &s->bouncer;
	struct bounce_answer answer;
	struct active *a;
	bool broken = false;
	bool alive =
	    bouncer_move(b, (events & (POLLIN | POLLHUP | POLLERR)) != 0);

	if (bouncer_answer(b, &answer, &broken)) {
		a = b->asked;
		attempt_bounced(s, a, &answer);
		bouncer_taken(b);
	}
	if (broken || !alive)
		bouncer_close(b);
}

static void
watch(const struct send *s, struct pollfd *on, int signals)
{
	on[ON_SIGNAL] = (struct pollfd){.fd = signals, .events = POLLIN};
	on[ON_HINT] =
	    (struct pollfd){.fd = s->discovery.hints, .events = POLLIN};
	on[ON_BOUNCER] = (struct pollfd){.fd = s->bouncer.fd, .events = POLLIN};
	if (s->bouncer.out.len > 0)
		on[ON_BOUNCER].events |= POLLOUT;
	for (int c = 0; c < CHANNEL_COUNT; c++) {
		struct pollfd *p = &on[ON_SPAWNER + c];
		*p = (struct pollfd){.fd = s->spawners[c].fd, .events = POLLIN};
		if (s->spawners[c].out.len > 0)
			p->events |= POLLOUT;
	}
}

static int
patience(const struct send *s, int64_t now)
{
	int64_t pause =
	    s->exiting ? CLOCK_SECOND : discover_pause(&s->discovery);
	int64_t until = attempt_next(s, now + pause);

	if (s->removal.pending && s->removal.due < until)
		until = s->removal.due;
	return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

/* Before anything is waited for the log is up to date.  False when nothing is
 * known to have happened.  What keeps poll from working
 * (no memory, fewer descriptors allowed than watched) passes, but not at
 * once. */
static bool
wait_for(struct pollfd *on, int milliseconds)
{
	log_flush();
	if (poll(on, ON_COUNT, milliseconds) != -1)
		return true;
	if (errno != EINTR) {
		warn("unable to poll");
		log_flush();
		(void)nanosleep(&(struct timespec){.tv_sec = PAUSE}, NULL);
	}
	return false;
}

static void
serve(struct send *s, const struct pollfd *on)
{
	if (on[ON_SIGNAL].revents != 0)
		hear(s, on[ON_SIGNAL].fd);
	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (on[ON_SPAWNER + c].revents != 0)
			results(s, (enum channel)c, on[ON_SPAWNER + c].revents);
	if (on[ON_BOUNCER].revents != 0)
		answers(s, on[ON_BOUNCER].revents);
	if (on[ON_HINT].revents != 0)
		discover_hints(&s->discovery, clock_boot());
}

/* Jobs leave as soon as they are made: most fit the socket's buffer. */
static void
send_out(struct send *s, int64_t now)
{
	for (int c = 0; c < CHANNEL_COUNT; c++) {
		struct spawner *sp = &s->spawners[c];
		spawner_connect(sp, now);
		if (sp->fd != -1 && sp->out.len > 0 && !spawner_write(sp))
			land(s, (enum channel)c, false);
	}
	if (s->bouncer.fd != -1 && s->bouncer.out.len > 0 &&
	    !bouncer_move(&s->bouncer, false))
		bouncer_close(&s->bouncer);
	if (s->bouncer.asked != NULL && now > s->bouncer.deadline)
		bouncer_close(&s->bouncer);
}

static void
look(struct send *s, int64_t now)
{
	drift_look(&s->drift, clock_wall(), now);
	if (access(QUEUE_RESCAN, F_OK) == 0)
		discover_rescan(&s->discovery);
	if (!s->exiting)
		discover_list(&s->discovery, now);
}

static void
leave(struct send *s)
{
	struct active *next;

	for (struct active *a = s->oldest; a != NULL; a = next) {
		next = a->after;
		/* Results of a message that is to be tried on. */
		if (a->stage != STAGE_REMOVING || a->journal)
			(void)!finish_lines(s, a, 0);
	}
	s->removal.due = 0;
	removal_run(&s->removal, clock_boot());
	qlog_exiting();
}

void
loop_run(struct send *s, int signals)
{
	struct pollfd on[ON_COUNT];
	int64_t now, looked = 0;

	drift_start(&s->drift, clock_wall(), clock_boot());
	status_say(s);
	/* What is in the fifo now was there before us. */
	discover_hints(&s->discovery, clock_boot());
	while (!s->exiting || !attempt_idle(s)) {
		now = clock_boot();
		if (now - looked >= discover_pause(&s->discovery)) {
			look(s, now);
			looked = now;
		}
		attempt_run(s, now);
		removal_run(&s->removal, now);
		send_out(s, now);
		watch(s, on, signals);
		if (wait_for(on, patience(s, clock_boot())))
			serve(s, on);
	}
	leave(s);
}
