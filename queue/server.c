/* server: see server.h. */
#define _GNU_SOURCE /* ppoll */
#include "queue/server.h"

#include "control/control.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "queue/answer.h"
#include "queue/hint.h"
#include "queue/peers.h"
#include "queue/place.h"
#include "queue/session.h"
#include "queue/spare.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	REFRESH = 5,            /* seconds between looks at control/ */
	PAUSE_NS = 100000000,   /* when there are no descriptors, nanoseconds */
	DESCRIPTORS = 4096 + 64 /* a writer's: the largest split, and others */
};

struct server {
	int listener;
	void (*enter_jail)(void);
	struct settings *settings; /* shared with the writers */
	struct controls *controls;
	struct place place;
	struct spare spare;
	struct peers peers;
	sigset_t waiting; /* the mask while we wait */
};

static volatile sig_atomic_t stopping;

static void
caught(int sig)
{
	if (sig == SIGTERM)
		stopping = 1;
}

/* Signals come in while we wait and at no other time. */
static void
catch_signals(struct server *s)
{
	const struct sigaction act = {.sa_handler = caught};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGCHLD);
	sigaddset(&block, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &block, &s->waiting) != 0 ||
	    sigaction(SIGTERM, &act, NULL) != 0 ||
	    sigaction(SIGCHLD, &act, NULL) != 0 ||
	    sigaction(SIGHUP, &act, NULL) != 0 ||
	    /* Those are errors of a write, and handled there. */
	    sigaction(SIGPIPE, &ignore, NULL) != 0 ||
	    /* Somebody opens a file of the pool just now; see spare.c. */
	    sigaction(SIGIO, &ignore, NULL) != 0 ||
	    sigaction(SIGXFSZ, &ignore, NULL) != 0)
		die_temp("unable to catch signals");
	sigdelset(&s->waiting, SIGTERM);
	sigdelset(&s->waiting, SIGCHLD);
	sigdelset(&s->waiting, SIGHUP);
}

static void
refresh(struct server *s)
{
	bool ok = control_refresh(s->controls);
	const char *notice;

	if (ok)
		atomic_store(&s->settings->reserve,
		    control_number(s->controls, C_queuereserve));
	else if (!atomic_load(&s->settings->unknown)) {
		errno = 0;
		warn("mail is deferred: ", control_error(s->controls));
	}
	atomic_store(&s->settings->unknown, !ok);
	while ((notice = control_notice(s->controls)) != NULL) {
		errno = 0;
		warn(notice);
	}
}

static void
open_settings(struct server *s)
{
	int control = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (control < 0)
		die_temp("unable to open control");
	s->controls = control_new(control, CONTROL_QUEUED);
	s->settings = mmap(NULL, sizeof(*s->settings), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->controls == NULL || s->settings == MAP_FAILED)
		die_temp("unable to hold settings");
	refresh(s);
}

/* The process of one connection.  What it cannot open it says to nobody but
 * the log: its client hears a refusal. */
NO_RETURN static void
writer(struct server *s, int fd, const struct terms *terms)
{
	struct hint hint;

	fd_close(&s->listener);
	s->place.spare = spare_leave(&s->spare);
	if (!os_end_with_parent(SIGTERM) || !place_open(&s->place) ||
	    !hint_open(&hint)) {
		warn("unable to open the queue");
		(void)!answer_no(fd, QQ_CREATE);
		_exit(EXIT_TEMP);
	}
	s->enter_jail();
	if (!session_run(fd, terms, &s->place, &hint)) {
		warn("unable to begin a connection");
		(void)!answer_no(fd, QQ_MEMORY);
		_exit(EXIT_TEMP);
	}
	_exit(0);
}

static void
refuse(int fd, const struct peer *peer, const char *why)
{
	(void)!answer_no(fd, QQ_DEFERRED);
	answer_log_refused(peer, QQ_DEFERRED, why);
}

static void
start_writer(struct server *s, int fd, const struct terms *terms)
{
	pid_t pid = fork();

	if (pid == 0)
		writer(s, fd, terms);
	else if (pid < 0)
		refuse(fd, &terms->peer, "unable to fork");
	else
		peers_add(&s->peers, pid, terms->peer.uid);
}

static void
meet(struct server *s, int fd)
{
	struct terms terms = {.settings = s->settings};
	enum peers_service service;

	if (!sock_peer(fd, &terms.peer)) {
		warn("unable to learn who connected");
		return;
	}
	service = peers_service(&s->peers, terms.peer.uid);
	terms.trusted = service == PEERS_SMTPD || service == PEERS_FILTER;
	terms.uses_reserve = service == PEERS_QUEUE;
	/* There culver-bounce is nobody else than culver-smtpd. */
	terms.notices_use_it = home_private() && service == PEERS_SMTPD;
	refresh(s);
	if (peers_admit(&s->peers, terms.peer.uid))
		start_writer(s, fd, &terms);
	else
		refuse(fd, &terms.peer, "too many connections");
}

static void
pause_a_little(void)
{
	const struct timespec t = {.tv_nsec = PAUSE_NS};

	(void)nanosleep(&t, NULL);
}

/* All connections that wait; the socket does not block. */
static void
accept_all(struct server *s)
{
	for (;;) {
		int fd = accept(s->listener, NULL, NULL);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM)
				pause_a_little();
			return;
		}
		meet(s, fd);
		fd_close(&fd);
	}
}

static void
reap(struct server *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		peers_remove(&s->peers, pid);
		errno = 0;
		if (WIFSIGNALED(status))
			warn("a writer was killed");
	}
}

/* Until something happens. */
static void
rest(const struct server *s)
{
	struct pollfd on[] = {
	    {.fd = s->listener, .events = POLLIN},
	    spare_watch(&s->spare),
	};
	const struct timespec limit = {.tv_sec = REFRESH};

	if (ppoll(on, 2, s->peers.count > 0 ? &limit : NULL, &s->waiting) < 0 &&
	    errno != EINTR) {
		warn("unable to wait for connections");
		pause_a_little();
	}
}

static void
tell_to_end(pid_t pid)
{
	if (kill(pid, SIGTERM) != 0)
		warn("unable to end a writer");
}

/* Who is in the queue of the socket already is served, too. */
static void
finish(struct server *s)
{
	accept_all(s);
	fd_close(&s->listener);
	spare_close(&s->spare);
	peers_each(&s->peers, tell_to_end);
	while (s->peers.count > 0) {
		rest(s);
		reap(s);
	}
}

void
server_run(int listener, void (*enter_jail)(void))
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		die_temp("unable to begin");
	s->listener = listener;
	s->enter_jail = enter_jail;
	if (!peers_init(&s->peers))
		die_temp("unable to find the accounts");
	if (!fd_nonblock(listener) || !place_probe(&s->place) ||
	    !spare_open(&s->spare))
		die_temp("unable to open the queue");
	/* A queue of many folders needs many descriptors in each writer. */
	if (!fd_raise_limit(DESCRIPTORS))
		warn("unable to raise the limit of descriptors");
	open_settings(s);
	catch_signals(s);
	while (!stopping) {
		rest(s);
		reap(s);
		refresh(s);
		spare_run(&s->spare);
		accept_all(s);
	}
	finish(s);
	control_free(s->controls);
	(void)munmap(s->settings, sizeof(*s->settings));
	free(s);
}
