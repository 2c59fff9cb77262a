/* finder: who looks up whose mail it is; see finder.h.  Runs as root until it
 * has become culverv. */
#define _DEFAULT_SOURCE /* getgrouplist */
#include "local/finder.h"

#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "local/asker.h"
#include "local/finding.h"
#include "local/owner.h"
#include "local/report.h"
#include "wire/who.h"
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SPARE = 64,  /* descriptors */
	AGAIN = 1000 /* milliseconds until an asking half is tried again */
};

/* The name service may be asked by any means; nothing is written. */
static const struct drop_path paths[] = {
    {"/",  PATH_READ},
    {NULL, 0        },
};

static struct owners owners;

struct asking { /* the asking half */
	pid_t pid;
	int fd; /* the other end has been closed: it is gone; -1: none */
	int64_t began;
};

/* There is no delivery, as the report says.  The packet's length. */
static size_t
put_result(struct finding *a, const struct job *j, const struct report *r)
{
	const struct result result = {.job = j->job,
	    .number = JOB_END,
	    .letter = r->letter,
	    .status = str_of(r->status),
	    .text = str_of(r->text)};
	struct buf b = {.max = JOB_PACKET};
	size_t n = 0;

	a->letter = FINDING_RESULT;
	if (result_write(&b, &result))
		memcpy(a->packet, b.data, n = b.len);
	buf_free(&b);
	return n;
}

/* The packet's length, 0 when it cannot be written. */
static size_t
put_delivery(struct finding *a, const struct delivery *d)
{
	struct buf b = {.max = JOB_PACKET};
	size_t n = 0;

	a->letter = FINDING_OWNER;
	if (delivery_write(&b, d))
		memcpy(a->packet, b.data, n = b.len);
	buf_free(&b);
	return n;
}

/* Whose mail it is, in a and in d. */
static enum found
find(struct delivery *d, struct finding *a)
{
	struct owner o;
	enum found found = owner_find(&owners, job_only(&d->job), &o);

	if (found != FOUND_YES)
		return found;
	address_split(job_only(&d->job), &d->local, &d->domain);
	d->user = o.user;
	d->home = o.home;
	d->dash = o.dash;
	d->ext = o.ext;
	a->uid = o.account->uid;
	a->gid = o.account->gid;
	a->count = o.account->count;
	memcpy(a->groups, o.account->groups, a->count * sizeof(gid_t));
	return FOUND_YES;
}

/* One job's question, and its answer. */
static void
answer_root(int root_fd)
{
	static char packet[JOB_PACKET];
	static struct finding a;
	static struct report r;
	struct delivery d;
	int fd = -1;
	ssize_t n = sock_receive(root_fd, packet, sizeof(packet), &fd);
	size_t len = 0;

	fd_close(&fd);
	if (n <= 0 || !delivery_read((struct str){packet, (size_t)n}, &d))
		_exit(0);
	switch (find(&d, &a)) {
	case FOUND_YES:
		len = put_delivery(&a, &d);
		break;
	case FOUND_NO:
		report_say(&r, REPORT_NO_MAILBOX);
		break;
	case FOUND_ERROR:
		report_errno(&r, "find the user of", job_only(&d.job));
		break;
	}
	if (len == 0)
		len = put_result(&a, &d.job, &r);
	if (!sock_send(root_fd, &a, FINDING_HEAD + len, -1))
		die_temp("unable to answer culver-lspawn");
}

static void
start_asking(struct asking *a, int root_fd, int who_fd)
{
	int ends[2] = {-1, -1};

	if (a->pid > 0) {
		(void)kill(a->pid, SIGKILL);
		(void)waitpid(a->pid, NULL, 0);
	}
	a->began = clock_boot();
	a->pid = sock_pair(ends) ? fork() : -1;
	if (a->pid == 0) {
		fd_close(&root_fd);
		fd_close(&ends[0]);
		asker_run(ends[1], who_fd, &owners);
	}
	fd_close(&ends[1]);
	if (a->pid < 0) {
		warn("unable to start the asking half");
		fd_close(&ends[0]);
	}
	a->fd = ends[0];
}

NO_RETURN static void
serve(int root_fd, int who_fd)
{
	struct asking a = {.fd = -1};
	struct pollfd polls[] = {
	    {root_fd, POLLIN, 0},
            {-1,      POLLIN, 0}
        };

	for (;;) {
		if (a.fd < 0 &&
		    (a.began == 0 || clock_boot() - a.began >= CLOCK_SECOND))
			start_asking(&a, root_fd, who_fd);
		polls[1].fd = a.fd;
		if (poll(polls, 2, a.fd < 0 ? AGAIN : -1) < 0)
			continue;
		if (polls[0].revents != 0)
			answer_root(root_fd);
		if (polls[1].revents != 0)
			fd_close(&a.fd);
	}
}

/* It may have been made in the midst of root's work. */
static void
reset_signals(void)
{
	sigset_t none;

	if (sigemptyset(&none) != 0 || signal(SIGTERM, SIG_DFL) == SIG_ERR ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		die_temp("unable to take signals");
}

void
finder_run(int root_fd, int who_fd)
{
	gid_t group;
	int one = 1;

	/* What serves the names of users and groups is loaded now: no code is
	 * within the jail.  Fewer descriptors are fewer who ask at once. */
	(void)getgrouplist("root", 0, &group, &one);
	if (dup2(root_fd, 0) != 0 || dup2(who_fd, 1) != 1 || !os_close_from(3))
		die_temp("unable to keep two descriptors");
	if (!fd_raise_limit(WHO_CLIENTS + SPARE))
		warn("unable to have many descriptors");
	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_UNIX | PROMISE_INET |
			PROMISE_ACCEPT | PROMISE_FORK,
	    .paths = paths});
	reset_signals();
	owner_open(&owners);
	serve(0, 1);
}
