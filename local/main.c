/* local: deliver messages for one user, one after the other, as told.
 *
 * Runs as     the mailbox's user, culvera or culverv; never root; no jail, but
 *             not dumpable: it runs its user's own programs.
 * Started by  culver-lspawn, which keeps it for its user's next message; with
 *             -n by anybody, to see what would be done.
 * Reads       control/{me,defaultdelivery,programcpu,programfiles,programgrace,
 *             programmemory,programprocesses,quotadefault,quotapolicy,
 *             quotatrash,quotawarn,quotawarnmsg,timeoutprogram};
 *             users/rcpt.cdb; .qmail files; the open message.
 * Writes      Maildirs and mbox files of its user; maildirsize and
 *             culver-quotawarn in the former.
 * Talks to    culver-lspawn on fd 0, wire/job.h; queue, wire/submit.h.
 * Trusts      culver-lspawn.  Nothing of the message or of .qmail files.
 * Exits       0 the socket ended, or there was no work for a minute; 111 it
 *             cannot work; with -n 0, or 100 and 111 as a delivery would.
 */
#define _DEFAULT_SOURCE /* clearenv */
#include "control/control.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "local/deliver.h"
#include "local/show.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALARM_AGE = 60 * CLOCK_SECOND };

static const char usage[] =
    "usage: culver-local -n user home local dash ext domain sender default\n"
    "It shows what a delivery would do, as qmail-local -n does.  Without -n "
    "it\n"
    "delivers what culver-lspawn passes to it on descriptor 0, and is started\n"
    "by nobody else.\n"
    "Example: culver-local -n anna /home/anna anna-list - list example.org \\\n"
    "         s@example.net ./Maildir/\n";

/* What its programs get is ours: a path, HOME, and a test's clock. */
static void
clean_environment(void)
{
	struct str set = env_get("CULVER_CLOCK");
	char clock[PATH_MAX] = "", path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path),
	    "%s/bin:/usr/local/bin:/usr/bin:/bin", home_path());
	if (set.data != NULL && !str_copy(clock, sizeof(clock), set))
		die_temp("unable to keep $CULVER_CLOCK");
	if (clearenv() != 0)
		die_temp("unable to clean the environment");
	env_set("PATH", path);
	env_set("CULVER_HOME", home_path());
	env_set("CULVER_CLOCK", set.data != NULL ? clock : NULL);
}

static void
open_all(struct deliverer *l)
{
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		die_temp("unable to open ", home_path(), "/control");
	l->controls = control_new(dir, CONTROL_LOCAL);
	if (l->controls == NULL)
		die_temp("unable to keep settings");
	submit_init(&l->submit);
}

static void
say_ready(void)
{
	const char ready = JOB_READY;

	if (!sock_patience(STDIN_FILENO, JOB_IDLE) ||
	    !sock_send(STDIN_FILENO, &ready, sizeof(ready), -1))
		die_temp("unable to greet culver-lspawn");
}

/* Armed anew once a minute, which takes as much of a delivery's day; never taken
 * back, since who has no work ends before it rings. */
static void
set_alarm(void)
{
	static int64_t armed;
	const int64_t now = clock_boot();

	if (armed != 0 && (uint64_t)(now - armed) < ALARM_AGE)
		return;
	(void)alarm(JOB_ALARM);
	armed = now;
}

/* One packet, one answer, and by then nothing of the message is open here. */
static void
work(struct deliverer *l, struct str packet, int fd)
{
	static struct report report;
	struct buf answer = {.max = JOB_PACKET};
	struct delivery d;
	struct result result;

	if (fd < 0 || !delivery_read(packet, &d)) {
		errno = 0;
		die_temp("unable to understand culver-lspawn");
	}
	set_alarm();
	deliver(l, &d, fd, &report);
	fd_close(&fd);
	result = (struct result){.job = d.job.job,
	    .number = JOB_END,
	    .letter = report.letter,
	    .status = str_of(report.status),
	    .text = str_of(report.text),
	    .via = str_of(report.via)};
	if (!result_write(&answer, &result) ||
	    !sock_send(STDIN_FILENO, answer.data, answer.len, -1))
		die_temp("unable to answer culver-lspawn");
	buf_free(&answer);
}

/* The next packet, or 0 when there will be none: the socket ended, or nobody
 * had work for us.  What was sent at that very moment still comes. */
static ssize_t
hear(char packet[JOB_PACKET], int *fd)
{
	ssize_t n = sock_receive(STDIN_FILENO, packet, JOB_PACKET, fd);

	if (n >= 0 || errno != EAGAIN || shutdown(STDIN_FILENO, SHUT_RD) != 0)
		return n;
	return sock_receive(STDIN_FILENO, packet, JOB_PACKET, fd);
}

/* With -n: nothing of the instance is needed. */
NO_RETURN static void
show(int argc, char **argv)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};
	struct report report;
	bool ok;

	if (argc != 2 + SHOW_ARGUMENTS || strcmp(argv[1], "-n") != 0)
		die_usage(
		    "culver-local -n user home local dash ext domain sender "
		    "default");
	drop_to(&stay);
	ok = show_run(argv + 2, stdout, &report);
	if (fflush(stdout) != 0)
		die_temp("unable to write");
	if (ok)
		exit(0);
	(void)fputs(report.text, stderr);
	exit(report.letter == 'D' ? EXIT_USAGE : EXIT_TEMP);
}

int
main(int argc, char **argv)
{
	static const struct drop drop = {.account = ACCOUNT_SELF};
	static struct deliverer l;
	static char packet[JOB_PACKET];
	ssize_t n;
	int fd;

	die_name("local");
	usage_answer(argc, argv, usage);
	if (argc > 1)
		show(argc, argv);
	if (getuid() == 0 || geteuid() == 0) {
		errno = 0;
		die_temp("unable to deliver as root");
	}
	home_enter();
	clock_open();
	drop_to(&drop);
	clean_environment();
	/* A limit of size is as good as a full disk (EFBIG). */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGXFSZ");
	(void)umask(077);
	open_all(&l);
	say_ready();
	while ((n = hear(packet, &fd)) > 0)
		work(&l, (struct str){packet, (size_t)n}, fd);
	if (n < 0)
		die_temp("unable to hear culver-lspawn");
	control_free(l.controls);
	submit_close(&l.submit);
	table_close(l.rcpt.table);
	folders_close(&l.homes);
	folders_close(&l.boxes);
	return 0;
}
