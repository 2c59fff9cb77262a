/* lspawn: find whose mail it is and have a worker of that user deliver it.
 *
 * Runs as     root; in a private instance its owner.  Every line is counted.
 *             Halves without rights find out whose mail it is: culverv.
 * Started by  a supervisor, see run/lspawn.
 * Reads       the heads of messages; the halves: users/rcpt.cdb, users/cdb, the
 *             system's users, and which .qmail files there are; the asking one
 *             control/{me,quotatrash} and how full virtual mailboxes are.
 * Writes      nothing.
 * Talks to    culver-send, by socket queue/lspawn; culver-local; wire/job.h.
 *             culver-smtpd, by socket state/who, wire/who.h: a half does.
 * Trusts      culver-send for the recipient; the finding half for whose it is,
 *             but never to be root or one of the suite's own accounts.
 * Exits       0 SIGTERM; 111 it cannot work.
 */
#include "lib/account.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "lib/suite.h"
#include "lib/usage.h"
#include "local/finder.h"
#include "local/finding.h"
#include "wire/spawn.h"
#include "wire/who.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	KEEP = 64,      /* workers of the pool, of however many users */
	WHO_MODE = 0666 /* SO_PEERCRED says who may */
};

struct asked {  /* a job whose owner is being found */
	int fd; /* the message's, and the question's number */
	uint32_t job;
};

struct lspawn {
	struct spawn spawn; /* first: what spawn_run knows of us */
	int who_fd;         /* listens; the half for strangers accepts */
	int64_t began;      /* the finding half, boot clock */
	int64_t heard;      /* its last answer, or when it owed none */
	struct asked asked[FINDING_MOST];
	size_t count;
	struct finding found;
};

static const char usage[] =
    "usage: culver-lspawn [--help | --version]\n"
    "It serves culver-send at queue/lspawn below $CULVER_HOME, and\n"
    "culver-smtpd at state/who.\n"
    "Example: CULVER_HOME=/var/culver culver-lspawn\n";

/* False unless we are nobody else any more. */
static bool
become(const void *whom)
{
	const struct finding *f = whom;

	if (getuid() != 0)
		return getuid() == f->uid && geteuid() == f->uid;
	/* No group but his first, as qmail has it. */
	return os_become(f->uid, f->gid, &f->gid, 1) && os_is(f->uid, f->gid) &&
	       setuid(0) != 0;
}

/* The job is put off; why is in errno. */
static void
put_off(struct lspawn *l, uint32_t job, const char *what)
{
	char text[JOB_TEXT];
	struct result r = {.job = job,
	    .number = JOB_END,
	    .letter = errno == EPROTO ? 'H' : 'Z',
	    .status = str_of("4.3.0")};

	(void)snprintf(text, sizeof(text), "Unable to %s: %s. (#4.3.0)\n", what,
	    strerror(errno));
	r.text = str_of(text);
	pool_answer(&l->spawn.pool, &r);
}

/* It ended, or it shall not answer what it was asked by now. */
static void
give_up(struct lspawn *l)
{
	errno = ETIMEDOUT;
	warn("unable to hear the finding half");
	if (l->spawn.pool.other > 0)
		(void)kill(l->spawn.pool.other, SIGKILL);
	fd_close(&l->spawn.other_fd);
	while (l->count > 0) {
		l->count--;
		fd_close(&l->asked[l->count].fd);
		put_off(l, l->asked[l->count].job, "find out whose mail it is");
	}
}

/* A finding half, in place of the last one. */
static void
start_finder(struct lspawn *l)
{
	int ends[2] = {-1, -1};

	l->began = clock_boot();
	l->spawn.pool.other =
	    sock_pair(ends) && sock_patience(ends[0], FINDING_PATIENCE) ? fork()
									: -1;
	if (l->spawn.pool.other == 0)
		finder_run(ends[1], l->who_fd);
	fd_close(&ends[1]);
	if (l->spawn.pool.other < 0) {
		warn("unable to start the finding half");
		fd_close(&ends[0]);
	}
	l->spawn.other_fd = ends[0];
}

static void
tend(struct spawn *s)
{
	struct lspawn *l = (struct lspawn *)s;
	bool nobody = s->pool.send_fd < 0 && l->count > 0;
	bool late =
	    l->count > 0 &&
	    clock_boot() - l->heard > (int64_t)FINDING_PATIENCE * CLOCK_SECOND;

	if (s->other_fd >= 0 && (s->pool.other == 0 || nobody || late))
		give_up(l);
	if (nobody) { /* the next culver-send counts from 1, too */
		buf_clear(&s->pool.out);
		l->began = 0;
	}
	if (s->other_fd < 0 && clock_boot() - l->began >= CLOCK_SECOND)
		start_finder(l);
	s->restless = s->other_fd < 0 || l->count > 0;
}

/* The message of a job, or -1 with errno. */
static int
open_message(const struct lspawn *l, struct delivery *d)
{
	struct message m = {0};
	int fd = spawn_message(&l->spawn, &d->job, &m);

	d->arrived = m.arrived;
	d->body_at = m.body_at;
	d->body_len = m.body_len;
	d->lines = m.lines;
	d->body_crc = m.body_crc;
	return fd;
}

/* Do what the finding half said of a job. */
static void
act(struct lspawn *l, const struct asked *a, struct str packet)
{
	const struct finding *f = &l->found;
	uint64_t key = (uint64_t)f->uid << 32 | f->gid;
	struct delivery d;
	struct result r;

	errno = EACCES;
	if (f->letter == FINDING_OWNER && delivery_read(packet, &d) &&
	    d.job.job == a->job && d.job.count == 1 &&
	    suite_allows(f->uid, f->gid, d.home.len == 0) &&
	    pool_give(&l->spawn.pool, key, f, &d.job, packet, a->fd))
		return;
	if (f->letter == FINDING_RESULT && result_read(packet, &r) &&
	    r.job == a->job && r.number == JOB_END && r.letter != 'K')
		pool_answer(&l->spawn.pool, &r);
	else
		put_off(l, a->job, "start culver-local as that account");
}

/* Take an answer, and wait for it if need be. */
static void
hear(struct spawn *s)
{
	struct lspawn *l = (struct lspawn *)s;
	struct finding *f = &l->found;
	int fd = -1;
	ssize_t n = sock_receive(s->other_fd, f, sizeof(*f), &fd);

	fd_close(&fd);
	if (n <= FINDING_HEAD)
		give_up(l);
	for (size_t i = 0; i < l->count; i++) {
		if (l->asked[i].fd != f->number)
			continue;
		act(l, &l->asked[i],
		    (struct str){f->packet, (size_t)n - FINDING_HEAD});
		fd_close(&l->asked[i].fd);
		l->asked[i] = l->asked[--l->count];
	}
	l->heard = clock_boot();
}

/* Ask whose mail it is; fd is l's then. */
static bool
ask(struct lspawn *l, const struct delivery *d, int fd)
{
	struct buf packet = {.max = JOB_PACKET};
	struct str number = {(const char *)&fd, sizeof(fd)};
	bool ok = delivery_write(&packet, d);

	while (l->count == FINDING_MOST)
		hear(&l->spawn);
	if (l->count == 0)
		l->heard = clock_boot();
	errno = EAGAIN;
	ok = ok && l->spawn.other_fd >= 0 &&
	     sock_send_both(l->spawn.other_fd, number, buf_str(&packet), -1);
	if (ok)
		l->asked[l->count++] = (struct asked){fd, d->job.job};
	buf_free(&packet);
	return ok;
}

static bool
begin(struct spawn *s, const struct job *j)
{
	struct lspawn *l = (struct lspawn *)s;
	struct delivery d = {.job = *j};
	int fd = j->count == 1 ? open_message(l, &d) : -1;

	if (j->count != 1)
		return false;
	if (fd < 0) {
		put_off(l, j->job,
		    errno == ENOENT ? "open a message that is gone"
				    : "open the message");
	} else if (!ask(l, &d, fd)) {
		put_off(l, j->job, "find out whose mail it is");
		fd_close(&fd);
	}
	return true;
}

int
main(int argc, char **argv)
{
	static const struct drop drop = {.account = ACCOUNT_ROOT};
	static struct lspawn l;

	die_name("lspawn");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	drop_to(&drop);
	account_learn();
	l.spawn.begin = begin;
	l.spawn.tend = tend;
	l.spawn.hear = hear;
	l.spawn.pool.program = "culver-local";
	l.spawn.pool.become = become;
	l.spawn.pool.keep = KEEP;
	l.who_fd = sock_listen(WHO_SOCKET, WHO_MODE);
	if (l.who_fd < 0)
		die_temp("unable to listen at ", WHO_SOCKET);
	spawn_open(&l.spawn, QUEUE_LSPAWN);
	start_finder(&l);
	spawn_run(&l.spawn);
	return 0;
}
