/* listener: accepted connections go to long-lived workers; see listener.h. */
#define _GNU_SOURCE /* accept4 */
#include "lib/listener.h"

#include "lib/clock.h"
#include "lib/crew.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
	DESCRIPTORS = 70000, /* more than any limit's connections */
	/* After a failure, and between looks at a limit that is reached. */
	PAUSE = CLOCK_SECOND
};

struct house {
	struct listener *listener;
	const struct listener_ops *ops;
	struct crew crew;
	struct crowd crowd;
	struct crowd_limits limits; /* as last asked for */
	struct pollfd *polled;      /* signals, listening sockets, workers */
	size_t room;                /* for workers in it */
	int signals_fd;
	sigset_t before;
	int64_t paused_until; /* boot clock */
	bool stopping;
};

/* TCP_NODELAY is inherited by what is accepted: a reply is never held back. */
static bool
prepare_socket(int fd, int family)
{
	const int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	       (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
					  &on, sizeof(on)) == 0);
}

static int
open_socket(const struct ip *a, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(a, port, &ss);
	int fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (!prepare_socket(fd, ss.ss_family) ||
			   bind(fd, (struct sockaddr *)&ss, len) != 0 ||
			   listen(fd, BACKLOG) != 0))
		fd_close(&fd);
	return fd;
}

void
listener_add(struct listener *l, struct str endpoint)
{
	char text[128];
	struct ip a;
	uint16_t port;
	int fd;

	if (!str_copy(text, sizeof(text), endpoint) ||
	    !ip_parse_endpoint(endpoint, &a, &port))
		die_usage("not ADDRESS:PORT: ", text);
	if (l->count == LISTENER_MAX)
		die_usage("too many addresses to listen at, first: ", text);
	fd = open_socket(&a, port);
	if (fd < 0)
		die_temp("unable to listen at ", text);
	l->fds[l->count++] = fd;
}

static void
pause_accepting(struct house *h)
{
	h->paused_until = clock_boot() + PAUSE;
}

NO_RETURN static void
become_worker(struct house *h, int control)
{
	static const int usual[] = {
	    SIGHUP, SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD};

	for (size_t i = 0; i < h->listener->count; i++)
		fd_close(&h->listener->fds[i]);
	fd_close(&h->signals_fd);
	free(h->polled);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		(void)signal(usual[i], SIG_DFL);
	if (sigprocmask(SIG_SETMASK, &h->before, NULL) != 0)
		die_temp("unable to reset signals");
	crew_work(h->ops, control);
}

/* An idle worker is there, perhaps a new one. */
static bool
have_idle(struct house *h)
{
	int control = -1, r = 1;

	if (!crew_has_idle(&h->crew))
		r = crew_hire(&h->crew, &control);
	if (r == 0)
		become_worker(h, control);
	return r > 0;
}

/* What went wrong is the client's or the network's, not ours. */
static bool
is_passing(int error)
{
	return error != EMFILE && error != ENFILE && error != ENOBUFS &&
	       error != ENOMEM;
}

/* For a worker that claims to serve client; it is busy itself. */
static bool
admit(void *context, const struct ip *client)
{
	struct house *h = context;
	size_t others = crew_busy(&h->crew) - 1;

	if (h->ops->limits == NULL)
		return true;
	h->ops->limits(h->ops->context, &h->limits);
	if (crowd_admits(&h->limits, &h->crew.tally, others, client))
		return true;
	crowd_refused(&h->crowd, &h->crew.tally, client, clock_boot());
	return false;
}

/* One connection more of an address than it may have; what cannot be told at
 * once is not told. */
static bool
is_one_too_many(struct house *h, const struct ip *client, int fd)
{
	const struct listener_ops *ops = h->ops;

	if (ops->limits == NULL)
		return false;
	ops->limits(ops->context, &h->limits);
	if (crowd_admits(
		&h->limits, &h->crew.tally, crew_busy(&h->crew), client) ||
	    (ops->is_proxy != NULL && ops->is_proxy(ops->context, client)))
		return false;
	(void)send(fd, ops->crowded, strlen(ops->crowded),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	crowd_refused(&h->crowd, &h->crew.tally, client, clock_boot());
	return true;
}

static void
hand_over(struct house *h, const struct handover *from, int fd)
{
	if (!crew_give(&h->crew, from, fd) &&
	    (!have_idle(h) || !crew_give(&h->crew, from, fd))) {
		warn("unable to find a worker for a connection");
		pause_accepting(h);
	}
}

/* One connection; a worker is there before it is accepted, so that a machine
 * that cannot fork leaves it in the kernel's queue. */
static void
accept_one(struct house *h, int listening)
{
	struct handover from = {.remote_port = 0};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	if (!have_idle(h)) {
		warn("unable to start a worker");
		pause_accepting(h);
		return;
	}
	fd = accept4(listening, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC);
	if (fd < 0 && !is_passing(errno)) {
		warn("unable to accept a connection");
		pause_accepting(h);
	}
	if (fd >= 0 &&
	    ip_from_sockaddr(
		(struct sockaddr *)&ss, &from.remote, &from.remote_port) &&
	    !is_one_too_many(h, &from.remote, fd))
		hand_over(h, &from, fd);
	fd_close(&fd);
}

/* The second time nobody is waited for. */
static void
stop(struct house *h)
{
	crew_stop(&h->crew, h->stopping);
	for (size_t i = 0; i < h->listener->count; i++)
		fd_close(&h->listener->fds[i]);
	h->stopping = true;
}

static void
take_signals(struct house *h)
{
	for (int s = os_signals_next(h->signals_fd); s != 0;
	     s = os_signals_next(h->signals_fd)) {
		if (s == SIGTERM)
			stop(h);
		else if (!crew_reap(&h->crew))
			pause_accepting(h);
	}
}

/* Connections may be taken now.  Otherwise *next is at most when to look. */
static bool
is_open(struct house *h, int64_t now, int64_t *next)
{
	int64_t look = h->paused_until;

	if (h->stopping)
		return false;
	if (look <= now) {
		h->limits.all = h->ops->limit(h->ops->context);
		if (crew_busy(&h->crew) < h->limits.all)
			return true;
		look = now + PAUSE;
	}
	if (*next < 0 || look < *next)
		*next = look;
	return false;
}

static void
make_room(struct house *h)
{
	size_t room = h->crew.room;
	struct pollfd *p = h->polled;

	if (p != NULL && h->room >= room)
		return;
	p = realloc(p, (1 + LISTENER_MAX + room) * sizeof(*p));
	if (p == NULL)
		die_temp("unable to grow");
	h->polled = p;
	h->room = room;
}

/* How many are polled before the workers.  No more than there are: poll takes
 * as many as we may have descriptors, and these may all be workers'. */
static size_t
fixed(const struct house *h)
{
	return 1 + h->listener->count;
}

/* Fill the poll table: negative descriptors are passed over. */
static nfds_t
fill(struct house *h, bool open)
{
	struct pollfd *p = h->polled;

	p[0] = (struct pollfd){.fd = h->signals_fd, .events = POLLIN};
	for (size_t i = 0; i < h->listener->count; i++)
		p[1 + i] = (struct pollfd){
		    .fd = open ? h->listener->fds[i] : -1, .events = POLLIN};
	for (size_t i = 0; i < h->crew.count; i++)
		p[fixed(h) + i] = (struct pollfd){
		    .fd = h->crew.workers[i].fd, .events = POLLIN};
	return (nfds_t)(fixed(h) + h->crew.count);
}

/* At most a minute, for a test's clock may have jumped. */
static int
milliseconds(int64_t now, int64_t next)
{
	const int64_t minute = (int64_t)60 * CLOCK_SECOND;

	if (next < 0)
		return -1;
	if (next - now > minute)
		next = now + minute;
	return (int)((next - now) / (CLOCK_SECOND / 1000)) + 1;
}

/* Workers first, for one may have become idle; then new connections, as many as
 * the limit still lets in; signals last, for they move workers. */
static void
act(struct house *h)
{
	const struct pollfd *p = h->polled;
	size_t count = h->crew.count;
	int64_t next = -1;

	for (size_t i = 0; i < count; i++)
		if (p[fixed(h) + i].revents != 0)
			crew_hear(&h->crew, i);
	for (size_t i = 0; i < h->listener->count; i++)
		if (p[1 + i].revents != 0 && is_open(h, clock_boot(), &next))
			accept_one(h, h->listener->fds[i]);
	if (p[0].revents != 0)
		take_signals(h);
}

static void
turn(struct house *h)
{
	int64_t now = clock_boot(), next = crew_retire(&h->crew, now);
	bool open = is_open(h, now, &next);
	int64_t say = crowd_say(&h->crowd, now);

	if (say >= 0 && (next < 0 || say < next))
		next = say;

	make_room(h);
	if (poll(h->polled, fill(h, open), milliseconds(now, next)) >= 0)
		act(h);
	else if (errno != EINTR)
		die_temp("unable to wait for connections");
}

void
listener_run(struct listener *l, const struct listener_ops *ops)
{
	static const int signals[] = {SIGTERM, SIGCHLD};
	struct house h = {.listener = l, .ops = ops, .crew = {.admit = admit}};

	h.crew.context = &h;
	/* As many as we may have, for how many the limit allows may change. */
	if (!fd_raise_limit(DESCRIPTORS))
		warn("unable to raise the limit of descriptors");
	/* SIGCHLD ignored by whoever started us would hide the children. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		die_temp("unable to begin listening");
	h.signals_fd = os_signals_begin(signals, 2, &h.before);
	if (h.signals_fd < 0)
		die_temp("unable to take signals");
	while (!h.stopping || h.crew.count > 0)
		turn(&h);
	l->count = 0;
	fd_close(&h.signals_fd);
	(void)sigprocmask(SIG_SETMASK, &h.before, NULL);
	crew_free(&h.crew);
	free(h.polled);
}
