/* pool: the workers of a spawner; see pool.h.  Runs as root in culver-lspawn. */
#include "wire/pool.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	GRACE_STEPS = 500,
	GRACE_STEP = 10, /* ms */
	CHILD_FAILED = 111,
	TEXT = 128
};

/*
 * It may be stopped, or stuck in its own file system: nothing waits for it.
 * The signal comes first: who sees a closed pipe may end by itself, and its
 * death would say nothing of why.
 */
static void
end(struct worker *w)
{
	(void)kill(w->pid, SIGKILL);
	fd_close(&w->fd);
}

/* The child.  It has our environment, and our log as standard error. */
static NO_RETURN void
start_worker(const struct pool *p, const void *whom, int fd, pid_t parent)
{
	char path[PATH_MAX];
	sigset_t none;

	(void)snprintf(
	    path, sizeof(path), "%s/bin/%s", home_path(), p->program);
	if (sigemptyset(&none) == 0 &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0 && dup2(fd, 0) == 0 &&
	    os_close_from(3) && (p->become == NULL || p->become(whom)) &&
	    prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    chdir("/") == 0)
		(void)execl(path, p->program, (char *)NULL);
	_exit(CHILD_FAILED);
}

/* A new worker at the end of the list.  False with errno. */
static bool
add(struct pool *p, uint64_t key, const void *whom)
{
	struct worker *w = &p->workers[p->count];
	pid_t parent = getpid();
	int ends[2];

	errno = EAGAIN;
	if (p->count == POOL_MAX || !sock_pair(ends))
		return false;
	*w = (struct worker){.fd = ends[0], .key = key};
	w->pid = fd_nonblock(ends[0]) ? fork() : -1;
	if (w->pid == 0)
		start_worker(p, whom, ends[1], parent);
	fd_close(&ends[1]);
	if (w->pid < 0)
		fd_close(&w->fd);
	else
		p->count++;
	return w->pid >= 0;
}

size_t
pool_idle(const struct pool *p, uint64_t key)
{
	size_t i = 0;

	while (i < p->count && (p->workers[i].fd < 0 || p->workers[i].busy ||
				   p->workers[i].key != key))
		i++;
	return i;
}

static void
take(struct worker *w, const struct job *j)
{
	w->job = j->job;
	w->count = j->count;
	for (uint32_t i = 0; i < j->count; i++)
		w->numbers[i] = job_number(j, i);
}

bool
pool_give(struct pool *p, uint64_t key, const void *whom, const struct job *job,
    struct str packet, int fd)
{
	/* An idle one may have died unseen: then a new one has it. */
	for (;;) {
		size_t i = pool_idle(p, key);
		bool new = i == p->count;
		struct worker *w = &p->workers[i];

		if (new && !add(p, key, whom))
			return false;
		w->busy = sock_send(w->fd, packet.data, packet.len, fd);
		take(w, job);
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
	if (!result_append(&p->out, r))
		p->failed = true;
	if (p->out.len >= JOB_PACKET)
		pool_flush(p);
}

void
pool_flush(struct pool *p)
{
	if (p->out.len > 0 &&
	    !sock_send(p->send_fd, p->out.data, p->out.len, -1))
		p->failed = true;
	buf_clear(&p->out);
}

/* Whoever has not been answered for is tried again. */
static void
give_up(struct pool *p, struct worker *w, uint32_t signal, const char *before,
    const char *after)
{
	char text[TEXT];
	struct result r = {.job = w->job,
	    .number = JOB_END,
	    .signal = signal,
	    .letter = 'Z',
	    .status = str_of("4.3.0")};

	(void)snprintf(
	    text, sizeof(text), "%s%s%s.\n", before, p->program, after);
	r.text = str_of(text);
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

/* It may answer for the job it has, and once for each of its recipients. */
static bool
may_say(struct worker *w, const struct result *r)
{
	uint32_t i = 0;

	if (!w->busy || r->job != w->job || r->signal != 0)
		return false;
	if (r->number == JOB_END)
		return true;
	while (i < w->count && w->numbers[i] != r->number)
		i++;
	if (i == w->count)
		return false;
	w->numbers[i] = w->numbers[--w->count];
	return true;
}

bool
pool_hear(struct pool *p, size_t i)
{
	static char packet[JOB_PACKET];
	struct worker *w = &p->workers[i];
	struct result r;
	ssize_t n;
	int fd = -1;

	if (w->fd < 0)
		return false;
	do {
		n = sock_receive(w->fd, packet, sizeof(packet), &fd);
		fd_close(&fd);
	} while (greets(w, packet, n));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	/* Our trouble is no death of a program with the message in hand. */
	if (n < 0 && errno != ECONNRESET)
		give_up(p, w, 0, "Unable to hear ", "");
	/* pool_reap will know why, or what its lie cost. */
	if (n <= 0 || !result_read((struct str){packet, (size_t)n}, &r) ||
	    !may_say(w, &r)) {
		end(w);
	} else {
		pool_answer(p, &r);
		w->busy = r.number != JOB_END;
		w->since = clock_boot();
		if (!w->busy && p->count > p->keep)
			end(w);
	}
	return w->fd >= 0;
}

/* What its death says of the delivery it had. */
static void
bury(struct pool *p, size_t i, int status)
{
	struct worker *w = &p->workers[i];

	/* What it had said of a job before stands. */
	while (pool_hear(p, i))
		continue;
	if (WIFSIGNALED(status) && w->ready)
		give_up(p, w, (uint32_t)WTERMSIG(status), "", " crashed");
	else
		give_up(p, w, 0, "Unable to run ", "");
	fd_close(&w->fd);
	*w = p->workers[--p->count];
}

void
pool_reap(struct pool *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		size_t i = 0;

		if (pid == p->other && !WIFSTOPPED(status))
			p->other = 0;
		while (i < p->count && p->workers[i].pid != pid)
			i++;
		/* A user's program can stop his worker, and its alarm with it;
		 * he may not keep a delivery's place for ever. */
		if (i < p->count && WIFSTOPPED(status))
			(void)kill(pid, SIGKILL);
		else if (i < p->count)
			bury(p, i, status);
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
	for (size_t i = 0; i < p->count; i++) {
		fd_close(&p->workers[i].fd);
		(void)kill(p->workers[i].pid, SIGTERM);
	}
	for (int i = 0; i < GRACE_STEPS && p->count > 0; i++) {
		(void)poll(NULL, 0, GRACE_STEP);
		pool_reap(p);
	}
	/* What is left is stuck, and will never come back to our code. */
	for (size_t i = 0; i < p->count; i++) {
		(void)kill(p->workers[i].pid, SIGKILL);
		p->workers[i].busy = false;
	}
	buf_clear(&p->out);
	p->failed = false;
}
