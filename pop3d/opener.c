/* opener: runs as root, so it is short, and trusts nobody; see opener.h. */
#define _GNU_SOURCE /* asprintf */
#include "pop3d/opener.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/words.h"
#include "pop3d/keeper.h"
#include "pop3d/watcher.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char pop3d[] = "/bin/culver-pop3d";
/* No time limit: culver-popup keeps the time. */
static char timeout[] = "-t", never[] = "0", box[] = "Maildir", keep[] = "-k";
static char yes[] = "true", *none[5] = {yes};
static const char letters[] = {OPENER_PROGRAM, OPENER_TRUE};

enum {
	ENDS = 2, /* end bytes behind a request: of it and of its last text */
	AGAIN = 1000 /* milliseconds until a keeper is tried again */
};

struct asked {
	int from, answer; /* answer: -1 without one */
	char text[OPENER_REQUEST + ENDS];
};

/* a and b in one; never freed, for exec follows. */
static char *
joined(const char *a, const char *b)
{
	char *text;

	if (asprintf(&text, "%s%s", a, b) < 0)
		die_temp("unable to join ", a, b);
	return text;
}

/* Be the program, with the stream on 0 and 1, the login on 3, and signals as
 * they are by default. */
NO_RETURN static void
run(char **argv, int stream, int login)
{
	if (stream <= 1 || dup2(stream, 0) != 0 || dup2(stream, 1) != 1 ||
	    dup2(login, 3) != 3 || fcntl(3, F_SETFD, 0) != 0 ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		die_temp("unable to hand a stream to ", argv[0]);
	(void)execvp(argv[0], argv);
	die_temp("unable to run ", argv[0]);
}

/* Be control/checkpassword, still root, with what a UCSPI server would add to
 * our environment (nothing else is taken from the request), and, beside it, one
 * without any right that waits for its end. */
NO_RETURN static void
become_program(struct asked *q, struct controls *c, int ends[2])
{
	char line[OPENER_LINE], *argv[OPENER_WORDS + 5];
	char *end[] = {joined(home_path(), pop3d), timeout, never, box, NULL};
	size_t n = 0;
	pid_t pid;

	fd_close(&ends[0]); /* a watcher must not keep it open */
	if (!control_refresh(c) ||
	    !str_copy(line, sizeof(line), control_line(c, C_checkpassword)) ||
	    (n = words_split(line, argv, OPENER_WORDS)) == 0)
		die_temp("unable to use control/checkpassword");
	memcpy(argv + n, q->text[0] == OPENER_TRUE ? none : end, sizeof(end));
	env_set("PROTO", "TCP");
	for (char *v = q->text + 1; strncmp(v, "TCP", 3) == 0;
	     v += strlen(v) + 1)
		if (putenv(v) != 0)
			die_temp("unable to set ", v);
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || (pid = fork()) < 0)
		die_temp("unable to fork for ", argv[0]);
	if (pid > 0)
		watcher_run(pid, q->answer, (int[]){q->from, ends[1]});
	(void)alarm(OPENER_SECONDS);
	run(argv, ends[1], q->answer);
}

/* The stream to a mailbox, or -1; a warning has said why. */
static int
open_mailbox(struct asked *q, struct controls *c)
{
	int ends[2] = {-1, -1};
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
	    (pid = fork()) < 0)
		warn("unable to make a stream for a program");
	if (pid == 0)
		become_program(q, c, ends);
	fd_close(&ends[1]);
	if (pid < 0)
		fd_close(&ends[0]);
	return ends[0];
}

static void
serve_one(int fd, struct controls *c)
{
	struct asked q = {.from = fd};
	int stream = -1;
	ssize_t n;

	errno = 0; /* an end is no error */
	n = sock_receive(fd, q.text, OPENER_REQUEST, &q.answer);
	if (n == 0 || (n < 0 && errno != EMSGSIZE && errno != EMFILE))
		die_temp("unable to hear the checking half");
	if (n > 0 && memchr(letters, q.text[0], 2) && q.answer >= 0 &&
	    fd_nonblock(q.answer))
		stream = open_mailbox(&q, c);
	if (q.answer >= 0 &&
	    !sock_send(q.answer, stream < 0 ? "Z" : "K", 1, stream))
		warn("unable to answer the checking half");
	fd_close(&stream);
	fd_close(&q.answer);
}

/* In the child: be the keeper, as culverv, with nothing of our environment. */
NO_RETURN static void
become_keeper(int requests)
{
	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});

	char *argv[] = {joined(home_path(), pop3d), keep, NULL};
	char *envp[] = {joined("CULVER_HOME=", home_path()), NULL};

	if (geteuid() == 0)
		bug("mailboxes as root");
	if (dup2(requests, KEEPER_FD) != KEEPER_FD ||
	    fcntl(KEEPER_FD, F_SETFD, 0) != 0 ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		die_temp("unable to hand requests to ", argv[0]);
	(void)execve(argv[0], argv, envp);
	die_temp("unable to run ", argv[0]);
}

/* A descriptor that is readable when it has ended.  One that ended as soon as it
 * had begun would do so again: then -1, and not at once. */
static int
start_keeper(int requests, int64_t *began)
{
	int process = -1;

	if (*began == 0 || clock_boot() - *began >= CLOCK_SECOND) {
		pid_t pid = fork();

		if (pid == 0)
			become_keeper(requests);
		*began = clock_boot();
		if (pid < 0 || (process = os_process(pid)) < 0)
			warn("unable to start a culver-pop3d");
	}
	return process;
}

void
opener_run(int fd, int requests, struct controls *c)
{
	struct pollfd p[2];
	int64_t began = 0;

	/* Nobody waits for a program, or for a mailbox. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		die_temp("unable to leave children alone");
	p[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	p[1] = (struct pollfd){.fd = -1, .events = POLLIN};
	for (;;) {
		if (p[1].fd < 0)
			p[1].fd = start_keeper(requests, &began);
		if (poll(p, 2, p[1].fd < 0 ? AGAIN : -1) <= 0)
			continue;
		if (p[0].revents != 0)
			serve_one(fd, c);
		if (p[1].revents != 0)
			fd_close(&p[1].fd);
	}
}
