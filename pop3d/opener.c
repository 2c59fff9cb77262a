/* opener: runs as root, so it is short, and trusts nobody; see opener.h. */
#define _GNU_SOURCE /* execvpe, environ */
#include "pop3d/opener.h"

#include "lib/cdb.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/words.h"
#include "pop3d/watcher.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char pop3d[] = "/bin/culver-pop3d";
/* No time limit: culver-popup keeps the time. */
static char timeout[] = "-t", never[] = "0", box[] = "Maildir";

enum { ENDS = 2 }; /* end bytes behind a request: of it and of its last text */

struct asked {
	int from, answer; /* answer: -1 without one */
	size_t len;
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

/* Be the program, with the stream on 0 and 1, the login on 3 where it is one
 * that wants to be told, and signals as they are by default. */
NO_RETURN static void
run(char **argv, char **envp, int stream, int login)
{
	if (stream <= 1 || dup2(stream, 0) != 0 || dup2(stream, 1) != 1 ||
	    (login >= 0 && dup2(login, 3) != 3) ||
	    (login >= 0 && fcntl(3, F_SETFD, 0) != 0) ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		die_temp("unable to hand a stream to ", argv[0]);
	(void)execvpe(argv[0], argv, envp);
	die_temp("unable to run ", argv[0]);
}

/* Be control/checkpassword, still root, with what a UCSPI server would add to
 * our environment (nothing else is taken from the request), and, beside it, one
 * without any right that waits for its end. */
NO_RETURN static void
become_program(struct asked *q, struct controls *c, int stream)
{
	char line[OPENER_LINE], *argv[OPENER_WORDS + 5];
	char *end[] = {joined(home_path(), pop3d), timeout, never, box, NULL};
	size_t n = 0;
	pid_t pid;

	if (!control_refresh(c) ||
	    !str_copy(line, sizeof(line), control_line(c, C_checkpassword)) ||
	    (n = words_split(line, argv, OPENER_WORDS)) == 0)
		die_temp("unable to use control/checkpassword");
	memcpy(argv + n, end, sizeof(end));
	env_set("PROTO", "TCP");
	for (char *v = q->text + 1; strncmp(v, "TCP", 3) == 0;
	     v += strlen(v) + 1)
		if (putenv(v) != 0)
			die_temp("unable to set ", v);
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || (pid = fork()) < 0)
		die_temp("unable to fork for ", argv[0]);
	if (pid > 0)
		watcher_run(pid, q->answer, (int[]){q->from, stream});
	(void)alarm(OPENER_SECONDS);
	run(argv, environ, stream, q->answer);
}

/* In the child: be the mailbox's user, in its home, with nothing of our
 * environment. */
NO_RETURN static void
become_mailbox(char *maildir, const char *user, int stream)
{
	char *argv[] = {joined(home_path(), pop3d), timeout, never, box, NULL};
	char *envp[] = {
	    joined("CULVER_HOME=", home_path()), joined("USER=", user), NULL};

	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
	if (geteuid() == 0)
		bug("a mailbox as root");
	if (chdir(dirname(maildir)) != 0)
		die_temp("unable to enter the home of ", user);
	run(argv, envp, stream, -1);
}

/* Our own look, whoever asks: who may have a mailbox, and where it is. */
static bool
find_maildir(struct str user, char out[USERS_PATH_SIZE])
{
	struct table *t = table_open(AT_FDCWD, USERS_RCPT);
	struct user_record r;
	bool ok;

	errno = t == NULL ? errno : 0;
	ok = t != NULL && users_find(t, user, &r) == FOUND_YES &&
	     (r.flags & (USER_DISABLED | USER_NOPOP3)) == 0 &&
	     users_maildir(user, out);

	table_close(t);
	return ok;
}

/* The stream to a mailbox, or -1; a warning has said why. */
static int
open_mailbox(struct asked *q, struct controls *c)
{
	bool program = q->text[0] == OPENER_PROGRAM;
	char maildir[USERS_PATH_SIZE];
	int ends[2] = {-1, -1};
	pid_t pid = -1;

	if (!program &&
	    !find_maildir((struct str){q->text + 1, q->len - 1}, maildir))
		warn("unable to find the mailbox of ", q->text + 1);
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) !=
		     0 ||
		 (pid = fork()) < 0)
		warn("unable to make a stream for ", q->text + 1);
	if (pid == 0) /* a watcher runs on, and must not keep it open */
		fd_close(&ends[0]);
	if (pid == 0 && program)
		become_program(q, c, ends[1]);
	if (pid == 0)
		become_mailbox(maildir, q->text + 1, ends[1]);
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
	q.len = n > 0 ? (size_t)n : 0;
	if (q.len > 0 && q.answer >= 0 && fd_nonblock(q.answer))
		stream = open_mailbox(&q, c);
	if (q.answer >= 0 &&
	    !sock_send(q.answer, stream < 0 ? "Z" : "K", 1, stream))
		warn("unable to answer the checking half");
	fd_close(&stream);
	fd_close(&q.answer);
}

void
opener_run(int fd, struct controls *c)
{
	/* Nobody waits for a mailbox. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		die_temp("unable to leave children alone");
	for (;;)
		serve_one(fd, c);
}
