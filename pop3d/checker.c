/* checker: a table of logins, of which each is being checked, or waits to be
 * told that it failed; see checker.h. */
#define _GNU_SOURCE /* accept4, pipe2, ppoll */
#include "pop3d/checker.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "pop3d/failures.h"
#include "pop3d/login.h"
#include "pop3d/shares.h"
#include "wire/login.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert(LOGIN_ANSWER > CHECKER_WAIT + CHECKER_LIFE &&
		   LOGIN_ANSWER > LOGIN_DELAY_MOST,
    "culver-popup must outwait a child that is ended");

enum {
	PAUSE_NS = 100000000, /* when there are no descriptors */
	SOON = 20 /* milliseconds; a request follows its connection at once */
};

/* Beside its row in shares: WAITS for a child, RUNS in one, or, OTHER, waits for
 * its failure to be told. */
struct row {
	int fd;       /* to the door */
	unsigned may; /* what that may ask for */
	pid_t pid;    /* of RUNS */
	int report;   /* of RUNS: whose login it is, from its child */
	char letter;  /* of OTHER: N or Z */
	int seconds;  /* of OTHER: when it is told, after it began */
};

/* What a child has found out. */
struct report {
	struct failures_keys keys;
	bool final;
	bool tagged;
	unsigned char tag[RECENT_TAG];
};

struct logins {
	const struct checker *c;
	struct row rows[CHECKER_LOGINS];
	struct share shares[CHECKER_LOGINS]; /* of the same index */
	struct failures failures;
	struct recent recent;
};

static void
child_ended(int number)
{
	(void)number; /* it only has to end ppoll */
}

/* CHECKER_LOGINS when there is none. */
static size_t
find_pid(const struct logins *l, pid_t pid)
{
	size_t i = 0;

	while (i < CHECKER_LOGINS &&
	       !(l->shares[i].state == SHARE_RUNS && l->rows[i].pid == pid))
		i++;
	return i;
}

static size_t
count(const struct logins *l, enum share_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < CHECKER_LOGINS; i++)
		n += l->shares[i].state == state ? 1 : 0;
	return n;
}

/* Likewise. */
static size_t
find_free(const struct logins *l)
{
	size_t i = 0;

	while (i < CHECKER_LOGINS && l->shares[i].state != SHARE_NONE)
		i++;
	return i;
}

/* Who waits for a failure takes a row: when half of them are taken so (crowded),
 * nobody waits longer than all must. */
static int64_t
due(const struct logins *l, size_t i, bool crowded)
{
	const struct share *s = &l->shares[i];
	int seconds = l->rows[i].seconds;

	switch (s->state) {
	case SHARE_NONE:
		return INT64_MAX;
	case SHARE_WAITS:
		seconds = CHECKER_WAIT;
		break;
	case SHARE_RUNS:
		seconds = CHECKER_WAIT + CHECKER_LIFE;
		break;
	case SHARE_OTHER:
		seconds = crowded ? LOGIN_DELAY : seconds;
		break;
	}
	return s->began + (int64_t)seconds * CLOCK_SECOND;
}

static bool
is_crowded(const struct logins *l)
{
	return count(l, SHARE_OTHER) > CHECKER_LOGINS / 2;
}

/* What a right or wrong password means for those to come.  Where SCRAM ends its
 * beginning was counted. */
static void
judge(struct logins *l, struct row *r, enum login_end end,
    const struct report *what)
{
	struct failures *f = &l->failures;
	int64_t now = clock_boot();

	switch (end) {
	case LOGIN_TOLD:
		failures_begin(f, what->keys, now);
		return;
	case LOGIN_WRONG:
		r->seconds = what->final ? failures_delay(f, what->keys, now)
					 : failures_add(f, what->keys, now);
		return;
	case LOGIN_OPENED:
	case LOGIN_LATER:
	case LOGIN_ANSWERED:
		break;
	}
	if (what->final)
		failures_undo(f, what->keys);
	if (end == LOGIN_OPENED)
		failures_forgive(f, what->keys);
}

/* A child that did not come to an end cannot tell. */
static enum login_end
end_of(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : LOGIN_LATER;

	return code >= LOGIN_OPENED && code <= LOGIN_ANSWERED
		   ? (enum login_end)code
		   : LOGIN_LATER;
}

static void
learn(struct logins *l, struct row *r, enum login_end end)
{
	struct report what;
	bool told = read(r->report, &what, sizeof(what)) == sizeof(what);

	fd_close(&r->report);
	r->letter = end == LOGIN_WRONG ? 'N' : 'Z';
	r->seconds = LOGIN_DELAY;
	if (!told)
		return;
	judge(l, r, end, &what);
	if (what.tagged)
		recent_keep(&l->recent, what.tag, clock_boot());
}

static bool
has_answered(enum login_end end)
{
	return end == LOGIN_OPENED || end == LOGIN_TOLD ||
	       end == LOGIN_ANSWERED;
}

static void
reap(struct logins *l)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		size_t i = find_pid(l, pid);
		enum login_end end = end_of(status);

		if (i == CHECKER_LOGINS)
			continue;
		if (WIFSIGNALED(status))
			warn("a child was ended by a signal");
		learn(l, &l->rows[i], end);
		l->shares[i].state = SHARE_OTHER;
		if (has_answered(end)) {
			l->shares[i].state = SHARE_NONE;
			fd_close(&l->rows[i].fd);
		}
	}
}

/* Who does not wait for it need not hear it. */
static void
say(int fd, char letter, const char *text)
{
	const struct login_answer a = {
	    .letter = letter, .text = str_of(text), .fd = -1};

	if (!login_send(fd, &a))
		errno = 0;
}

static void
tell(struct logins *l, size_t i)
{
	struct row *r = &l->rows[i];

	say(r->fd, r->letter,
	    r->letter == 'N' ? "authorization failed"
			     : "cannot check passwords now");
	fd_close(&r->fd);
	l->shares[i].state = SHARE_NONE;
}

static void
act_on_time(struct logins *l, int64_t now)
{
	bool crowded = is_crowded(l);

	for (size_t i = 0; i < CHECKER_LOGINS; i++) {
		struct row *r = &l->rows[i];

		if (due(l, i, crowded) > now)
			continue;
		if (l->shares[i].state != SHARE_RUNS)
			tell(l, i);
		else if (kill(r->pid, SIGKILL) != 0)
			warn("unable to end a child");
	}
}

/* How long nothing need be done unless something happens. */
static struct timespec
patience(const struct logins *l, int64_t now)
{
	int64_t until = now + (int64_t)CHECKER_LIFE * CLOCK_SECOND;
	bool crowded = is_crowded(l);

	for (size_t i = 0; i < CHECKER_LOGINS; i++)
		if (due(l, i, crowded) < until)
			until = due(l, i, crowded);
	until = until > now ? until - now : 0;
	return (struct timespec){.tv_sec = until / CLOCK_SECOND,
	    .tv_nsec = until % CLOCK_SECOND * 1000};
}

static unsigned
may_ask(const struct checker *c, int fd)
{
	struct peer who;
	unsigned may = 0;

	if (sock_peer(fd, &who))
		may = (who.uid == c->pop3 ? SERVICE_POP3 : 0U) |
		      (who.uid == c->smtp ? SERVICE_SMTP : 0U);
	if (may != 0)
		return may;
	errno = 0;
	warn("somebody else at ", LOGIN_SOCKET);
	return 0;
}

/* Who waits goes on waiting; without descriptors nobody can be served. */
static void
rest(void)
{
	const struct timespec t = {.tv_nsec = PAUSE_NS};

	warn("unable to accept a connection");
	(void)nanosleep(&t, NULL);
}

static struct login_job
job_of(const struct logins *l, int fd, unsigned may)
{
	return (struct login_job){.fd = fd,
	    .may = may,
	    .opener = l->c->opener,
	    .keeper = l->c->keeper,
	    .controls = l->c->controls,
	    .failures = &l->failures,
	    .recent = &l->recent,
	    .secret = &l->c->secret,
	    .ledger = l->c->ledger};
}

/* In the child, which is of no use to anybody without its parent. */
NO_RETURN static void
check(const struct logins *l, int fd, unsigned may, int report)
{
	struct login_job job = job_of(l, fd, may);
	struct report what;
	enum login_end end;

	if (!os_end_with_parent(SIGKILL))
		die_temp("unable to end with the parent");
	end = login_check(&job);
	memset(&what, 0, sizeof(what));
	what.keys = job.keys;
	what.final = job.final;
	what.tagged = job.tagged;
	memcpy(what.tag, job.tag, sizeof(what.tag));
	/* Without it the parent learns nothing, and tells no sooner. */
	if (write(report, &what, sizeof(what)) < 0)
		warn("unable to report");
	_exit((int)end);
}

/* Have a child check the login of a row. */
static void
start(struct logins *l, size_t i)
{
	struct row *r = &l->rows[i];
	int report[2] = {-1, -1};
	pid_t pid = pipe2(report, O_CLOEXEC | O_NONBLOCK) == 0 ? fork() : -1;

	if (pid == 0)
		check(l, r->fd, r->may, report[1]);
	fd_close(&report[1]);
	r->pid = pid;
	r->report = report[0];
	l->shares[i].state = SHARE_RUNS;
	if (pid < 0) {
		warn("unable to fork");
		fd_close(&r->report);
		l->shares[i].state = SHARE_OTHER;
	}
}

/* As many of those that wait as there are places for. */
static void
start_all(struct logins *l)
{
	size_t i;

	while ((i = shares_next(l->shares, CHECKER_LOGINS, CHECKER_HASHING)) <
	       CHECKER_LOGINS)
		start(l, i);
}

/* What is asked on fd gets a row, unless it is answered. */
static void
enter(struct logins *l, size_t i, int fd, unsigned may)
{
	struct login_job job = job_of(l, fd, may);
	enum login_look look = LOOK_UNKNOWN;

	if (fd_wait_read(fd, SOON))
		look = login_look(&job);
	if (look == LOOK_DONE) {
		failures_forgive(&l->failures, job.keys);
	} else if (shares_crowded(
		       l->shares, CHECKER_LOGINS, job.keys.address)) {
		say(fd, 'Z', "too many logins from this address");
	} else {
		l->shares[i] = (struct share){
		    SHARE_WAITS, job.service, job.keys.address, clock_boot()};
		l->rows[i] = (struct row){fd, may, 0, -1, 'Z', LOGIN_DELAY};
		return;
	}
	fd_close(&fd);
}

/* Only called when there is a free row. */
static void
take(struct logins *l)
{
	size_t i = find_free(l);
	int fd = accept4(l->c->listening, NULL, NULL, SOCK_CLOEXEC);
	unsigned may = 0;

	if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
		rest();
	if (i < CHECKER_LOGINS && fd >= 0)
		may = may_ask(l->c, fd);
	if (may == 0)
		fd_close(&fd);
	else
		enter(l, i, fd, may);
}

void
checker_run(const struct checker *c)
{
	static struct logins l;
	const struct sigaction ended = {.sa_handler = child_ended};
	sigset_t block, before;

	l.c = c;
	if (!failures_open(&l.failures) || !recent_open(&l.recent))
		die_temp("unable to get random bytes");
	if (sigemptyset(&block) != 0 || sigaddset(&block, SIGCHLD) != 0 ||
	    sigprocmask(SIG_BLOCK, &block, &before) != 0 ||
	    sigaction(SIGCHLD, &ended, NULL) != 0)
		die_temp("unable to wait for children");
	for (;;) {
		bool has_room = find_free(&l) < CHECKER_LOGINS;
		struct pollfd p[] = {
		    {.fd = c->opener,                    .events = 0     },
		    {.fd = has_room ? c->listening : -1, .events = POLLIN}
                };
		int64_t now = clock_boot();
		struct timespec wait = patience(&l, now);

		if (ppoll(p, 2, &wait, &before) > 0) {
			if (p[0].revents != 0)
				return;
			if (p[1].revents != 0)
				take(&l);
		}
		reap(&l);
		act_on_time(&l, clock_boot());
		start_all(&l);
		recent_forget(&l.recent, clock_boot());
	}
}
