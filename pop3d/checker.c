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

_Static_assert(LOGIN_ANSWER > CHECKER_LIFE + LOGIN_DELAY_MOST,
    "culver-popup must outwait a child that is ended");

enum {
	PAUSE_NS = 100000000, /* when there are no descriptors */
	SOON = 20 /* milliseconds; a request follows its connection at once */
};

enum state { LOGIN_FREE, LOGIN_CHECKED, LOGIN_FAILED };

struct row {
	enum state state;
	int fd;        /* to culver-popup */
	pid_t pid;     /* of LOGIN_CHECKED */
	int report;    /* of LOGIN_CHECKED: whose login it is, from its child */
	char letter;   /* of LOGIN_FAILED: N or Z */
	int seconds;   /* of LOGIN_FAILED: when it is told, after began */
	int64_t began; /* on the boot clock */
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
	unsigned checked, failed; /* how many are in these states */
	struct failures failures;
	struct recent recent;
};

static void
child_ended(int number)
{
	(void)number; /* it only has to end ppoll */
}

static struct row *
find_row(struct logins *l, enum state state, pid_t pid)
{
	for (size_t i = 0; i < CHECKER_LOGINS; i++) {
		struct row *r = &l->rows[i];

		if (r->state == state &&
		    (state != LOGIN_CHECKED || r->pid == pid))
			return r;
	}
	return NULL;
}

/* Who waits for a failure takes a row: when half of them are taken so, nobody
 * waits longer than all must. */
static int64_t
due(const struct logins *l, const struct row *r)
{
	int seconds = r->state == LOGIN_CHECKED ? CHECKER_LIFE : r->seconds;

	if (r->state == LOGIN_FAILED && l->failed > CHECKER_LOGINS / 2)
		seconds = LOGIN_DELAY;
	return r->began + (int64_t)seconds * CLOCK_SECOND;
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

	return code == LOGIN_OPENED || code == LOGIN_TOLD || code == LOGIN_WRONG
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

static void
reap(struct logins *l)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct row *r = find_row(l, LOGIN_CHECKED, pid);
		enum login_end end = end_of(status);

		if (r == NULL)
			continue;
		l->checked--;
		if (WIFSIGNALED(status))
			warn("a child was ended by a signal");
		learn(l, r, end);
		if (end == LOGIN_OPENED || end == LOGIN_TOLD) {
			r->state = LOGIN_FREE;
			fd_close(&r->fd);
			continue;
		}
		r->state = LOGIN_FAILED;
		l->failed++;
	}
}

static void
tell(struct logins *l, struct row *r)
{
	const struct login_answer a = {.letter = r->letter,
	    .text = str_of(r->letter == 'N' ? "authorization failed"
					    : "cannot check passwords now"),
	    .fd = -1};

	/* Who does not wait for it need not hear it. */
	if (!login_send(r->fd, &a))
		errno = 0;
	fd_close(&r->fd);
	r->state = LOGIN_FREE;
	l->failed--;
}

static void
act_on_time(struct logins *l, int64_t now)
{
	for (size_t i = 0; i < CHECKER_LOGINS; i++) {
		struct row *r = &l->rows[i];

		if (r->state == LOGIN_FREE || due(l, r) > now)
			continue;
		if (r->state == LOGIN_FAILED)
			tell(l, r);
		else if (kill(r->pid, SIGKILL) != 0)
			warn("unable to end a child");
	}
}

/* How long nothing need be done unless something happens. */
static struct timespec
patience(const struct logins *l, int64_t now)
{
	int64_t until = now + (int64_t)CHECKER_LIFE * CLOCK_SECOND;

	for (size_t i = 0; i < CHECKER_LOGINS; i++) {
		const struct row *r = &l->rows[i];

		if (r->state != LOGIN_FREE && due(l, r) < until)
			until = due(l, r);
	}
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
	    .secret = &l->c->secret};
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

/* Have a child check the login on fd, in a free row. */
static void
start(struct logins *l, struct row *r, int fd, unsigned may)
{
	int report[2] = {-1, -1};
	pid_t pid = pipe2(report, O_CLOEXEC | O_NONBLOCK) == 0 ? fork() : -1;

	if (pid == 0)
		check(l, fd, may, report[1]);
	fd_close(&report[1]);
	*r = (struct row){
	    LOGIN_CHECKED, fd, pid, report[0], 'Z', LOGIN_DELAY, clock_boot()};
	if (pid < 0) {
		warn("unable to fork");
		fd_close(&r->report);
		r->state = LOGIN_FAILED;
		l->failed++;
	} else {
		l->checked++;
	}
}

/* The password was right a moment ago, and its mailbox is on its way. */
static bool
recalled(struct logins *l, int fd, unsigned may)
{
	struct login_job job = job_of(l, fd, may);

	if (!fd_wait_read(fd, SOON) || !login_recall(&job))
		return false;
	failures_forgive(&l->failures, job.keys);
	return true;
}

/* Only called when there is a free row and room for a child. */
static void
take(struct logins *l)
{
	struct row *r = find_row(l, LOGIN_FREE, 0);
	int fd = accept4(l->c->listening, NULL, NULL, SOCK_CLOEXEC);
	unsigned may = 0;

	if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
		rest();
	if (r != NULL && fd >= 0)
		may = may_ask(l->c, fd);
	if (may == 0 || recalled(l, fd, may)) {
		fd_close(&fd);
		return;
	}
	start(l, r, fd, may);
}

static bool
has_room(const struct logins *l)
{
	return l->checked < CHECKER_HASHING &&
	       l->checked + l->failed < CHECKER_LOGINS;
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
		struct pollfd p[] = {
		    {.fd = c->opener,                        .events = 0     },
		    {.fd = has_room(&l) ? c->listening : -1, .events = POLLIN}
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
		recent_forget(&l.recent, clock_boot());
	}
}
