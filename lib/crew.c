/* crew: the worker processes of a listener; see crew.h. */
#include "lib/crew.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	IDLE_SECONDS = 60,
	HEARD = 8 /* from one worker before the next is asked */
};

static bool
make_room(struct crew *c)
{
	size_t room = c->room == 0 ? 16 : 2 * c->room;
	struct worker *p;

	if (c->count < c->room)
		return true;
	p = realloc(c->workers, room * sizeof(*p));
	if (p == NULL)
		return false;
	c->workers = p;
	c->room = room;
	return true;
}

void
crew_free(struct crew *c)
{
	for (size_t i = 0; i < c->count; i++)
		fd_close(&c->workers[i].fd);
	free(c->workers);
	tally_free(&c->tally);
	*c = (struct crew){.workers = NULL};
}

int
crew_hire(struct crew *c, int *control)
{
	int ends[2];
	pid_t pid;

	if (!make_room(c) || !sock_pair(ends))
		return -1;
	pid = fd_nonblock(ends[0]) ? fork() : -1;
	if (pid == 0) {
		(void)close(ends[0]);
		crew_free(c);
		*control = ends[1];
		return 0;
	}
	fd_close(&ends[1]);
	if (pid < 0) {
		fd_close(&ends[0]);
		return -1;
	}
	c->workers[c->count++] = (struct worker){.pid = pid,
	    .fd = ends[0],
	    .phase = WORKER_IDLE,
	    .since = clock_boot()};
	return 1;
}

/* A listener that is gone is noticed when there is nothing more from it. */
static void
say(int control, char what)
{
	bool heard = sock_send(control, &what, 1, -1);

	(void)heard;
}

static void
serve(const struct listener_ops *ops, const struct handover *from, int control,
    int fd)
{
	struct connection c = {.in_fd = fd,
	    .out_fd = fd,
	    .listener_fd = control,
	    .remote = from->remote,
	    .remote_port = from->remote_port};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 ||
	    !ip_from_sockaddr((struct sockaddr *)&ss, &c.local, &c.local_port))
		c.local = (struct ip){{0}};
	ops->serve(ops->context, &c);
}

/* DONE goes out before the client sees the end: when it comes back at once it
 * finds this worker, and costs no fork. */
void
crew_work(const struct listener_ops *ops, int control)
{
	struct handover from;
	int fd;

	ops->prepare(ops->context);
	say(control, CREW_READY);
	for (uint64_t served = 0;;) {
		ssize_t n = sock_receive(control, &from, sizeof(from), &fd);

		/* A listener that is gone may have left bytes unread, which is
		 * told first, and a connection, which comes then. */
		if (n < 0 && errno == ECONNRESET)
			continue;
		if (n == 0)
			_exit(0);
		if (n != (ssize_t)sizeof(from) || fd < 0)
			die_temp("unable to take a connection");
		serve(ops, &from, control, fd);
		if (++served >= ops->uses(ops->context))
			_exit(0);
		say(control, CREW_DONE);
		(void)close(fd);
	}
}

/* It finishes what it has and ends. */
static void
dismiss(struct worker *w)
{
	fd_close(&w->fd);
	w->phase = WORKER_LEAVING;
}

/* Its connection is over, or is another's. */
static void
count_away(struct crew *c, struct worker *w)
{
	if (w->counted)
		tally_remove(&c->tally, &w->client);
	w->counted = false;
}

/* Without memory it is served, and not counted. */
static void
count(struct crew *c, struct worker *w, const struct ip *client)
{
	w->client = *client;
	w->counted = tally_add(&c->tally, client);
}

size_t
crew_busy(const struct crew *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		n += c->workers[i].phase == WORKER_BUSY;
	return n;
}

/* The one that worked last, so that the others can grow old and go. */
static struct worker *
find_idle(const struct crew *c)
{
	struct worker *best = NULL;

	for (size_t i = 0; i < c->count; i++) {
		struct worker *w = &c->workers[i];

		if (w->phase == WORKER_IDLE &&
		    (best == NULL || w->since > best->since))
			best = w;
	}
	return best;
}

bool
crew_has_idle(const struct crew *c)
{
	return find_idle(c) != NULL;
}

bool
crew_give(struct crew *c, const struct handover *from, int fd)
{
	for (struct worker *w = find_idle(c); w != NULL; w = find_idle(c)) {
		if (sock_send(w->fd, from, sizeof(*from), fd)) {
			w->phase = WORKER_BUSY;
			count(c, w, &from->remote);
			return true;
		}
		dismiss(w);
	}
	return false;
}

static void
hear_word(struct crew *c, struct worker *w, char what)
{
	w->ready = true;
	if (what == CREW_DONE && w->phase == WORKER_BUSY) {
		count_away(c, w);
		w->phase = WORKER_IDLE;
		w->since = clock_boot();
	}
}

/* From now on its connection is counted as the client's. */
static void
hear_claim(struct crew *c, struct worker *w, const struct ip *client)
{
	bool serve_it = w->phase == WORKER_BUSY;
	char answer;

	count_away(c, w);
	serve_it =
	    serve_it && (c->admit == NULL || c->admit(c->context, client));
	if (serve_it)
		count(c, w, client);
	answer = serve_it ? CREW_YES : CREW_NO;
	if (!sock_send(w->fd, &answer, 1, -1))
		dismiss(w);
}

static void
hear_one(struct crew *c, struct worker *w, const struct claim *said, size_t n)
{
	if (n == sizeof(*said) && said->what == CREW_CLAIM)
		hear_claim(c, w, &said->client);
	else if (n == 1)
		hear_word(c, w, said->what);
}

/* READY and DONE may have come together. */
void
crew_hear(struct crew *c, size_t number)
{
	struct worker *w = &c->workers[number];
	ssize_t n = 1;

	for (int i = 0; i < HEARD && n > 0 && w->fd >= 0; i++) {
		struct claim said = {.what = 0};
		int fd = -1;

		n = sock_receive(w->fd, &said, sizeof(said), &fd);
		/* It has no descriptor to give us. */
		fd_close(&fd);
		if (n > 0)
			hear_one(c, w, &said, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		dismiss(w);
}

static void
warn_of_death(pid_t pid, int status)
{
	char number[NUM_SIZE], code[NUM_SIZE];
	bool killed = WIFSIGNALED(status);

	(void)num_format(number, (uint64_t)pid);
	(void)num_format(
	    code, (uint64_t)(killed ? WTERMSIG(status) : WEXITSTATUS(status)));
	errno = 0;
	warn("worker ", number, killed ? " was killed by signal " : " exited ",
	    code);
}

/* False when it could not even begin. */
static bool
bury(struct crew *c, pid_t pid, int status)
{
	bool began = true;

	if (status != 0)
		warn_of_death(pid, status);
	for (size_t i = 0; i < c->count; i++) {
		struct worker *w = &c->workers[i];

		if (w->pid != pid)
			continue;
		began = w->ready || status == 0;
		count_away(c, w);
		dismiss(w);
		*w = c->workers[--c->count];
		break;
	}
	return began;
}

bool
crew_reap(struct crew *c)
{
	bool all_began = true;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!bury(c, pid, status))
			all_began = false;
	return all_began;
}

int64_t
crew_retire(struct crew *c, int64_t now)
{
	int64_t next = -1;

	for (size_t i = 0; i < c->count; i++) {
		struct worker *w = &c->workers[i];
		int64_t end = w->since + (int64_t)IDLE_SECONDS * CLOCK_SECOND;

		if (w->phase != WORKER_IDLE)
			continue;
		if (end <= now)
			dismiss(w);
		else if (next < 0 || end < next)
			next = end;
	}
	return next;
}

void
crew_stop(struct crew *c, bool now)
{
	for (size_t i = 0; i < c->count; i++) {
		if (now)
			(void)kill(c->workers[i].pid, SIGTERM);
		dismiss(&c->workers[i]);
	}
}
