/* pool: the workers of culver-lspawn; see pool.h.  Runs as root. */
#define _GNU_SOURCE /* initgroups */
#include "local/pool.h"

#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "wire/job.h"
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_STEPS = 500 /* of 10 ms */, CHILD_FAILED = 111 };

/* It may be stopped, or stuck in its own file system: nothing waits for it. */
static void
end(struct worker *w)
{
	fd_close(&w->fd);
	(void)kill(w->pid, SIGKILL);
}

/* False unless we are nobody else any more. */
static bool
become(const struct account_row *a)
{
	if (getuid() != 0)
		return getuid() == a->uid && geteuid() == a->uid;
	return a->uid != 0 && initgroups(a->name, a->gid) == 0 &&
	       setgid(a->gid) == 0 && setuid(a->uid) == 0 &&
	       os_is(a->uid, a->gid) && setuid(0) != 0;
}

/* The child.  It has our environment, and our log as standard error. */
static NO_RETURN void
start_worker(const struct account_row *a, int fd, pid_t parent)
{
	char path[PATH_MAX];
	sigset_t none;

	(void)snprintf(path, sizeof(path), "%s/bin/culver-local", home_path());
	if (sigemptyset(&none) == 0 &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0 && dup2(fd, 0) == 0 &&
	    os_close_from(3) && become(a) &&
	    prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    chdir("/") == 0)
		(void)execl(path, "culver-local", (char *)NULL);
	_exit(CHILD_FAILED);
}

/* A new worker at the end of the list.  False with errno. */
static bool
add(struct pool *p, const struct account_row *a)
{
	struct worker *w = &p->workers[p->count];
	pid_t parent = getpid();
	int ends[2];

	errno = EAGAIN;
	if (p->count == POOL_MAX || !sock_pair(ends))
		return false;
	*w = (struct worker){.fd = ends[0], .uid = a->uid, .gid = a->gid};
	w->pid = fd_nonblock(ends[0]) ? fork() : -1;
	if (w->pid == 0)
		start_worker(a, ends[1], parent);
	fd_close(&ends[1]);
	if (w->pid < 0)
		fd_close(&w->fd);
	else
		p->count++;
	return w->pid >= 0;
}

/* The index of an idle worker of uid and gid; count when there is none. */
static size_t
find_idle(const struct pool *p, uid_t uid, gid_t gid)
{
	size_t i = 0;

	while (i < p->count &&
	       (p->workers[i].fd < 0 || p->workers[i].busy ||
		   p->workers[i].uid != uid || p->workers[i].gid != gid))
		i++;
	return i;
}

bool
pool_give(struct pool *p, const struct account_row *a, uint32_t job,
    struct str packet, int fd)
{
	/* An idle one may have died unseen: then a new one has it. */
	for (;;) {
		size_t i = find_idle(p, a->uid, a->gid);
		bool new = i == p->count;
		struct worker *w = &p->workers[i];

		if (new && !add(p, a))
			return false;
		w->busy = sock_send(w->fd, packet.data, packet.len, fd);
		w->job = job;
		if (w->busy)
			return true;
		end(w);
		if (new)
			return false;
	}
}

void
pool_answer(struct pool *p, const struct result *r)
{
	struct buf b = {.max = JOB_PACKET};

	if (!result_write(&b, r) || !frame_write(p->send_fd, 'R', buf_str(&b)))
		p->failed = true;
	buf_free(&b);
}

static void
answer(struct pool *p, struct worker *w, uint32_t signal, const char *text)
{
	struct result r = {.job = w->job,
	    .number = JOB_END,
	    .signal = signal,
	    .letter = 'Z',
	    .status = str_of("4.3.0"),
	    .text = str_of(text)};

	if (w->busy)
		pool_answer(p, &r);
	w->busy = false;
}

/* The first packet of a worker is its greeting. */
static bool
greets(struct worker *w, const char *packet, ssize_t n)
{
	bool first = n == 1 && packet[0] == JOB_READY && !w->ready;

	w->ready = w->ready || first;
	return first;
}

void
pool_hear(struct pool *p, size_t i)
{
	static char packet[JOB_PACKET];
	struct worker *w = &p->workers[i];
	struct result r;
	ssize_t n;
	int fd = -1;

	if (w->fd < 0)
		return;
	do {
		n = sock_receive(w->fd, packet, sizeof(packet), &fd);
		fd_close(&fd);
	} while (greets(w, packet, n));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	/* Our trouble is no death of a program with the message in hand. */
	if (n < 0 && errno != ECONNRESET)
		answer(p, w, 0, "Unable to hear culver-local.\n");
	/* pool_reap will know why, or what its lie cost. */
	if (n <= 0 || !w->busy ||
	    !result_read((struct str){packet, (size_t)n}, &r) ||
	    r.job != w->job || r.signal != 0) {
		end(w);
	} else {
		pool_answer(p, &r);
		w->busy = r.number != JOB_END;
		if (!w->busy && p->count > POOL_KEEP)
			end(w);
	}
}

/* What its death says of the delivery it had. */
static void
bury(struct pool *p, size_t i, int status)
{
	struct worker *w = &p->workers[i];

	pool_hear(p, i);
	if (WIFSIGNALED(status) && w->ready)
		answer(p, w, (uint32_t)WTERMSIG(status),
		    "culver-local crashed.\n");
	else
		answer(p, w, 0, "Unable to run culver-local.\n");
	fd_close(&w->fd);
	*w = p->workers[--p->count];
}

void
pool_reap(struct pool *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < p->count; i++)
			if (p->workers[i].pid == pid) {
				bury(p, i, status);
				break;
			}
}

bool
pool_busy(const struct pool *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->workers[i].busy)
			return true;
	return false;
}

void
pool_end(struct pool *p)
{
	const struct timespec step = {.tv_nsec = 10000000};

	for (size_t i = 0; i < p->count; i++) {
		fd_close(&p->workers[i].fd);
		(void)kill(p->workers[i].pid, SIGTERM);
	}
	for (int i = 0; i < GRACE_STEPS && p->count > 0; i++) {
		(void)nanosleep(&step, NULL);
		pool_reap(p);
	}
	/* What is left is stuck, and will never come back to our code. */
	for (size_t i = 0; i < p->count; i++) {
		(void)kill(p->workers[i].pid, SIGKILL);
		p->workers[i].busy = false;
	}
	p->failed = false;
}
