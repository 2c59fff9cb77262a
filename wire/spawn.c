/* spawn: what the spawners have in common; see spawn.h.  Runs as root in
 * culver-lspawn. */
#define _GNU_SOURCE /* ppoll, accept4 */
#include "wire/spawn.h"

#include "lib/account.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	STALL = 60,    /* seconds that culver-send may keep us waiting */
	PATIENCE = 10, /* seconds for what is under way at SIGTERM */
	READ = 16384   /* bytes of jobs at once */
};

static volatile sig_atomic_t stopping;

static void
on_signal(int signal)
{
	if (signal == SIGTERM) {
		stopping = 1;
		(void)alarm(PATIENCE); /* and its signal ends us */
	}
}

/* Signals are let in by ppoll alone. */
static void
catch_signals(sigset_t *open)
{
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t ours;

	if (sigemptyset(&ours) != 0 || sigaddset(&ours, SIGTERM) != 0 ||
	    sigaddset(&ours, SIGCHLD) != 0 ||
	    sigprocmask(SIG_BLOCK, &ours, open) != 0 ||
	    sigaction(SIGTERM, &action, NULL) != 0 ||
	    sigaction(SIGCHLD, &action, NULL) != 0)
		die_temp("unable to catch signals");
}

void
spawn_open(struct spawn *s, const char *path)
{
	gid_t gid;

	s->pool.send_fd = s->other_fd = -1;
	if (!account_find(ACCOUNT_SEND, &s->send_uid, &gid) ||
	    !account_find(ACCOUNT_QUEUE, &s->queue_uid, &gid))
		die_temp("unable to find the queue's accounts");
	if (!queue_split_read(&s->split))
		die_temp("unable to read ", QUEUE_FORMAT_FILE);
	s->listen_fd = sock_listen(path, 0600);
	if (s->listen_fd < 0 || !sock_give(path, s->send_uid))
		die_temp("unable to listen at ", path);
}

int
spawn_message(const struct spawn *s, const struct job *j, struct message *m)
{
	char path[QUEUE_PATH_SIZE];
	int fd;

	queue_mess_path(path, s->split, j->ino);
	fd = message_open(path, s->queue_uid, m);
	if (fd >= 0 && memcmp(m->token, j->token, QUEUE_TOKEN) != 0) {
		fd_close(&fd);
		errno = ENOENT;
	}
	return fd;
}

/* Begin what has come.  False when culver-send is gone or talks nonsense. */
static bool
read_jobs(struct spawn *s)
{
	enum frame_result result;
	struct job j;
	size_t used;

	if (fd_read_more(s->pool.send_fd, &s->in, READ) <= 0)
		return false;
	while ((result = job_take(&s->in, &j, &used)) == FRAME_OK) {
		if (!s->begin(s, &j))
			return false;
		buf_drop(&s->in, used);
	}
	return result == FRAME_MORE;
}

/* The connection is over: so are its workers, before the next is served. */
static void
hang_up(struct spawn *s)
{
	fd_close(&s->pool.send_fd);
	buf_clear(&s->in);
	pool_end(&s->pool);
}

/* Serve whoever connected, if it is culver-send. */
static void
greet(struct spawn *s)
{
	unsigned char version[4];
	struct peer peer;
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die_temp("unable to accept a connection");
	num_put32(version, JOB_VERSION);
	if (sock_peer(fd, &peer) && peer.uid == s->send_uid &&
	    sock_patience(fd, STALL) &&
	    frame_write(
		fd, 'H', (struct str){(const char *)version, sizeof(version)}))
		s->pool.send_fd = fd;
	else
		fd_close(&fd);
}

/* Wait, then do whatever there is to do. */
static void
turn(struct spawn *s, const sigset_t *open)
{
	static const struct timespec second = {1, 0};
	int fd = s->pool.send_fd < 0 ? s->listen_fd : s->pool.send_fd;
	size_t n = s->pool.count;
	bool ended = false;
	int ready;

	for (size_t i = 0; i < n; i++) {
		s->polls[i] = (struct pollfd){s->pool.workers[i].fd, POLLIN, 0};
		ended = ended || s->polls[i].fd < 0;
	}
	s->polls[n] = (struct pollfd){fd, stopping ? 0 : POLLIN, 0};
	s->polls[n + 1] = (struct pollfd){s->other_fd, POLLIN, 0};
	ready = ppoll(s->polls, n + 2, s->restless ? &second : NULL, open);
	if (ready < 0 && errno != EINTR)
		die_temp("unable to wait");
	for (size_t i = 0; i < n; i++)
		if (s->polls[i].revents != 0)
			(void)pool_hear(&s->pool, i);
	if (s->polls[n + 1].revents != 0)
		s->hear(s);
	/* No signal is heard while there is always work. */
	if (ended || ready < 0)
		pool_reap(&s->pool);
	if (s->polls[n].revents != 0 && s->pool.send_fd < 0)
		greet(s);
	else if (s->polls[n].revents != 0 && !read_jobs(s))
		s->pool.failed = true;
	pool_flush(&s->pool);
	if (s->pool.failed)
		hang_up(s);
}

void
spawn_run(struct spawn *s)
{
	sigset_t open;

	catch_signals(&open);
	/* At SIGTERM what is under way may end, so that it is not done twice. */
	while (!stopping || (s->pool.send_fd >= 0 && pool_busy(&s->pool))) {
		turn(s, &open);
		if (s->tend != NULL && !stopping)
			s->tend(s);
	}
	hang_up(s);
}
