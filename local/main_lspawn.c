/* lspawn: find whose mail it is and have a worker of that user deliver it.
 *
 * Runs as     root; in a private instance its owner.  Every line is counted.
 * Started by  a supervisor, see run/lspawn.
 * Reads       users/rcpt.cdb; the system's users; the heads of messages.
 * Writes      nothing.
 * Talks to    culver-send, by socket queue/lspawn; culver-local; wire/job.h.
 * Trusts      culver-send for the recipient; the tables of users.
 * Exits       0 SIGTERM; 111 it cannot work.
 */
#define _GNU_SOURCE /* ppoll, accept4 */
#include "lib/account.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/home.h"
#include "lib/num.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "local/owner.h"
#include "local/pool.h"
#include "local/report.h"
#include "wire/job.h"
#include "wire/message.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	STALL = 60,   /* seconds that culver-send may keep us waiting */
	PATIENCE = 10 /* seconds for what is under way at SIGTERM */
};

struct spawner {
	struct pool pool;
	struct owners owners;
	struct pollfd polls[POOL_MAX + 1];
	struct buf in; /* from culver-send */
	int listen_fd;
	unsigned split;
	uid_t send_uid, queue_uid;
};

static const char usage[] =
    "usage: culver-lspawn [--help | --version]\n"
    "It serves culver-send at queue/lspawn below $CULVER_HOME.\n"
    "Example: CULVER_HOME=/var/culver culver-lspawn\n";

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

static void
open_all(struct spawner *s)
{
	gid_t gid;

	s->pool.send_fd = -1;
	if (!account_find(ACCOUNT_SEND, &s->send_uid, &gid) ||
	    !account_find(ACCOUNT_QUEUE, &s->queue_uid, &gid))
		die_temp("unable to find the queue's accounts");
	owner_open(&s->owners);
	if (!queue_split_read(&s->split))
		die_temp("unable to read ", QUEUE_FORMAT_FILE);
	s->listen_fd = sock_listen(QUEUE_LSPAWN, 0600);
	if (s->listen_fd < 0 || !sock_give(QUEUE_LSPAWN, s->send_uid))
		die_temp("unable to listen at ", QUEUE_LSPAWN);
}

/* The message of a job, or -1 and why not. */
static int
open_message(const struct spawner *s, struct delivery *d, struct report *r)
{
	char path[QUEUE_PATH_SIZE];
	struct message m = {0};
	int fd;

	queue_mess_path(path, s->split, d->job.ino);
	fd = message_open(path, s->queue_uid, &m);
	if (fd >= 0 && memcmp(m.token, d->job.token, QUEUE_TOKEN) != 0) {
		fd_close(&fd);
		errno = ENOENT;
	}
	if (fd < 0 && errno == ENOENT)
		report_say(r, REPORT_GONE);
	else if (fd < 0 && errno == EPROTO)
		report_say(r, REPORT_DAMAGED_HEAD);
	else if (fd < 0)
		report_errno(r, "open", str_of(path));
	d->arrived = m.arrived;
	d->body_at = m.body_at;
	d->body_len = m.body_len;
	d->lines = m.lines;
	d->body_crc = m.body_crc;
	return fd;
}

/* Give the job to a worker, or false and why not. */
static bool
give(struct spawner *s, struct delivery *d, const struct account_row *a,
    struct report *r)
{
	struct buf packet = {.max = JOB_PACKET};
	int fd = open_message(s, d, r);
	bool ok;

	if (fd < 0)
		return false;
	ok = delivery_write(&packet, d) &&
	     pool_give(&s->pool, a, d->job.job, buf_str(&packet), fd);
	if (!ok)
		report_errno(r, "start", str_of("culver-local"));
	buf_free(&packet);
	fd_close(&fd);
	return ok;
}

static void
begin(struct spawner *s, struct delivery *d)
{
	static struct report r;
	const struct account_row *a;
	enum found found = owner_find(&s->owners, d, &a);

	if (found == FOUND_YES && give(s, d, a, &r))
		return;
	if (found == FOUND_NO)
		report_say(&r, REPORT_NO_MAILBOX);
	if (found == FOUND_ERROR)
		report_errno(&r, "find the user of", job_only(&d->job));
	pool_answer(&s->pool, &(struct result){.job = d->job.job,
				  .number = JOB_END,
				  .letter = r.letter,
				  .status = str_of(r.status),
				  .text = str_of(r.text)});
}

/* The next job.  False when culver-send is gone or talks nonsense. */
static bool
read_job(struct spawner *s)
{
	struct delivery d = {0};
	struct frame f;

	if (frame_read(s->pool.send_fd, -1, &s->in, &f) != FRAME_OK ||
	    f.kind != 'J' || !job_read(f.payload, &d.job) || d.job.count != 1)
		return false;
	begin(s, &d);
	return true;
}

/* The connection is over: so are its workers, before the next is served. */
static void
hang_up(struct spawner *s)
{
	fd_close(&s->pool.send_fd);
	pool_end(&s->pool);
}

/* Serve whoever connected, if it is culver-send. */
static void
greet(struct spawner *s)
{
	const struct timeval stall = {.tv_sec = STALL};
	unsigned char version[4];
	struct peer peer;
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die_temp("unable to accept a connection");
	num_put32(version, JOB_VERSION);
	if (sock_peer(fd, &peer) && peer.uid == s->send_uid &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall)) ==
		0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall)) ==
		0 &&
	    frame_write(
		fd, 'H', (struct str){(const char *)version, sizeof(version)}))
		s->pool.send_fd = fd;
	else
		fd_close(&fd);
}

static size_t
fill_polls(struct spawner *s)
{
	size_t n = 0;
	int fd = s->pool.send_fd < 0 ? s->listen_fd : s->pool.send_fd;

	s->polls[n++] = (struct pollfd){fd, stopping ? 0 : POLLIN, 0};
	for (size_t i = 0; i < s->pool.count; i++)
		s->polls[n++] =
		    (struct pollfd){s->pool.workers[i].fd, POLLIN, 0};
	return n;
}

/* Wait, then do whatever there is to do. */
static void
turn(struct spawner *s, const sigset_t *open)
{
	size_t n = fill_polls(s);

	if (ppoll(s->polls, n, NULL, open) < 0 && errno != EINTR)
		die_temp("unable to wait");
	for (size_t i = 1; i < n; i++)
		if (s->polls[i].revents != 0)
			pool_hear(&s->pool, i - 1);
	pool_reap(&s->pool);
	if (s->polls[0].revents != 0 && s->pool.send_fd < 0)
		greet(s);
	else if (s->polls[0].revents != 0 && !read_job(s))
		s->pool.failed = true;
	if (s->pool.failed)
		hang_up(s);
}

/* At SIGTERM what is under way may end, so that it is not done twice. */
static bool
is_done(const struct spawner *s)
{
	return stopping && (s->pool.send_fd < 0 || !pool_busy(&s->pool));
}

int
main(int argc, char **argv)
{
	static const struct drop drop = {.account = ACCOUNT_ROOT};
	static struct spawner s;
	sigset_t open;

	die_name("lspawn");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	drop_to(&drop);
	catch_signals(&open);
	open_all(&s);
	while (!is_done(&s))
		turn(&s, &open);
	hang_up(&s);
	return 0;
}
