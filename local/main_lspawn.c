/* lspawn: find whose mail it is and have a worker of that user deliver it.
 *
 * Runs as     root; in a private instance its owner.  Every line is counted.
 *             Two halves without rights find out whose mail it is: culverv.
 * Started by  a supervisor, see run/lspawn.
 * Reads       the heads of messages; the two halves: users/rcpt.cdb, users/cdb,
 *             the system's users, and which .qmail files there are; the second
 *             control/{me,quotatrash} and how full virtual mailboxes are.
 * Writes      nothing.
 * Talks to    culver-send, by socket queue/lspawn; culver-local; wire/job.h.
 *             culver-smtpd, by socket state/who, wire/who.h: a half does.
 * Trusts      culver-send for the recipient; the finding half for whose it is,
 *             but never to be root or one of the suite's own accounts.
 * Exits       0 SIGTERM; 111 it cannot work.
 */
#define _GNU_SOURCE /* setgroups */
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
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	KEEP = 64,      /* workers of the pool, of however many users */
	WHO_MODE = 0666 /* SO_PEERCRED says who may */
};

struct lspawn {
	struct spawn spawn; /* first: what spawn_run knows of us */
	int finder_fd;      /* -1: it must be ended, or was */
	int who_fd;         /* listens; the halves accept */
	int64_t began;      /* the finding half, boot clock */
	struct finding found;
};

static const char usage[] =
    "usage: culver-lspawn [--help | --version]\n"
    "It serves culver-send at queue/lspawn below $CULVER_HOME, and\n"
    "culver-smtpd at state/who.\n"
    "Example: CULVER_HOME=/var/culver culver-lspawn\n";

/* Nothing that we are told makes us root, or lets us read the queue. */
static bool
is_allowed(const struct finding *f)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (suite_has_gid(f->groups[i]))
			return false;
	return !suite_has_uid(f->uid) && !suite_has_gid(f->gid);
}

/* False unless we are nobody else any more. */
static bool
become(const void *whom)
{
	const struct finding *f = whom;

	if (getuid() != 0)
		return getuid() == f->uid && geteuid() == f->uid;
	return is_allowed(f) && setgroups(f->count, f->groups) == 0 &&
	       setgid(f->gid) == 0 && setuid(f->uid) == 0 &&
	       os_is(f->uid, f->gid) && setuid(0) != 0;
}

/* A finding half, in place of the last one. */
static void
start_finder(struct lspawn *l)
{
	int ends[2];

	if (l->began != 0 && clock_boot() - l->began < CLOCK_SECOND)
		die_temp("unable to keep a finding half");
	l->began = clock_boot();
	fd_close(&l->finder_fd);
	if (!sock_pair(ends) || !sock_patience(ends[0], FINDING_PATIENCE) ||
	    (l->spawn.pool.other = fork()) < 0)
		die_temp("unable to start the finding half");
	if (l->spawn.pool.other == 0)
		finder_run(ends[1], l->who_fd);
	fd_close(&ends[1]);
	l->finder_fd = ends[0];
}

/* It died, or was given up. */
static void
tend(struct spawn *s)
{
	struct lspawn *l = (struct lspawn *)s;

	if (l->spawn.pool.other == 0 || l->finder_fd < 0)
		start_finder(l);
}

/* The job is put off; why is in errno. */
static void
put_off(struct lspawn *l, const struct job *j, const char *what)
{
	char text[JOB_TEXT];
	struct result r = {.job = j->job,
	    .number = JOB_END,
	    .letter = errno == EPROTO ? 'H' : 'Z',
	    .status = str_of("4.3.0")};

	(void)snprintf(text, sizeof(text), "Unable to %s: %s. (#4.3.0)\n", what,
	    strerror(errno));
	r.text = str_of(text);
	pool_answer(&l->spawn.pool, &r);
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

/* Ask whose mail it is.  The length of the packet behind l->found, or 0. */
static size_t
find(struct lspawn *l, const struct delivery *d)
{
	struct buf packet = {.max = JOB_PACKET};
	ssize_t n = -1;
	int fd = -1;

	if (delivery_write(&packet, d) &&
	    sock_send(l->finder_fd, packet.data, packet.len, -1))
		n = sock_receive(
		    l->finder_fd, &l->found, sizeof(l->found), &fd);
	buf_free(&packet);
	fd_close(&fd);
	if (n > FINDING_HEAD && l->found.count <= FINDING_GROUPS)
		return (size_t)n - FINDING_HEAD;
	/* It shall not answer this with the next. */
	if (l->spawn.pool.other > 0)
		(void)kill(l->spawn.pool.other, SIGKILL);
	fd_close(&l->finder_fd);
	errno = ETIMEDOUT;
	return 0;
}

/* Do what the finding half said. */
static void
act(struct lspawn *l, const struct job *j, struct str packet, int fd)
{
	uint64_t key = finding_key(&l->found);
	struct result r;

	errno = EACCES;
	if (l->found.letter == FINDING_OWNER && is_allowed(&l->found) &&
	    pool_give(&l->spawn.pool, key, &l->found, j, packet, fd))
		return;
	if (l->found.letter == FINDING_RESULT && result_read(packet, &r) &&
	    r.job == j->job && r.number == JOB_END && r.letter != 'K')
		pool_answer(&l->spawn.pool, &r);
	else
		put_off(l, j, "start culver-local as that account");
}

static bool
begin(struct spawn *s, const struct job *j)
{
	struct lspawn *l = (struct lspawn *)s;
	struct delivery d = {.job = *j};
	int fd = j->count == 1 ? open_message(l, &d) : -1;
	size_t n = 0;

	if (j->count != 1)
		return false;
	if (fd < 0)
		put_off(l, j,
		    errno == ENOENT ? "open a message that is gone"
				    : "open the message");
	else if ((n = find(l, &d)) == 0)
		put_off(l, j, "find out whose mail it is");
	else
		act(l, j, (struct str){l->found.packet, n}, fd);
	fd_close(&fd);
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
	l.finder_fd = -1;
	l.spawn.begin = begin;
	l.spawn.tend = tend;
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
