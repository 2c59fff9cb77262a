/* opener: runs as root, so it is short, and trusts nobody; see opener.h. */
#define _GNU_SOURCE /* ppoll */
#include "pop3d/opener.h"

#include "lib/buf.h"
#include "lib/cdb.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void
child_ended(int number)
{
	(void)number; /* it only has to end ppoll */
}

/* a and b in one; never freed, for exec follows. */
static char *
joined(const char *a, const char *b)
{
	struct buf text = {0};

	if (!buf_append_text(&text, a) || !buf_append_text(&text, b) ||
	    !buf_terminate(&text))
		die_temp("unable to join ", a, b);
	return text.data;
}

/* In the child: be the mailbox's user, in its home, with the stream on 0 and 1
 * and nothing of our environment. */
NO_RETURN static void
become_mailbox(
    char *maildir, const char *user, int stream, const sigset_t *signals)
{
	char *program = joined(home_path(), "/bin/culver-pop3d");
	char *envp[] = {
	    joined("CULVER_HOME=", home_path()), joined("USER=", user), NULL};

	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
	if (geteuid() == 0)
		bug("a mailbox as root");
	if (chdir(dirname(maildir)) != 0)
		die_temp("unable to enter the home of ", user);
	if (stream <= 1 || dup2(stream, 0) != 0 || dup2(stream, 1) != 1 ||
	    sigprocmask(SIG_SETMASK, signals, NULL) != 0)
		die_temp("unable to hand a stream to ", program);
	(void)execle(
	    program, "culver-pop3d", "-t", "0", "Maildir", (char *)NULL, envp);
	die_temp("unable to run ", program);
}

/* Our own look, whoever asks: who may have a mailbox, and where it is. */
static bool
find_maildir(const char *user, char out[USERS_PATH_SIZE])
{
	struct table *t = table_open(AT_FDCWD, USERS_RCPT);
	struct user_record r;
	bool ok;

	errno = t == NULL ? errno : 0;
	ok = t != NULL && users_find(t, str_of(user), &r) == FOUND_YES &&
	     (r.flags & (USER_DISABLED | USER_NOPOP3)) == 0 &&
	     users_maildir(str_of(user), out);

	table_close(t);
	return ok;
}

/* The stream to a mailbox, or -1; a warning has said why. */
static int
open_mailbox(const char *user, const sigset_t *signals)
{
	char maildir[USERS_PATH_SIZE];
	int ends[2];
	pid_t pid;

	if (!find_maildir(user, maildir)) {
		warn("unable to find the mailbox of ", user);
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		warn("unable to make a stream for ", user);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become_mailbox(maildir, user, ends[1], signals);
	if (pid < 0) {
		warn("unable to fork for ", user);
		fd_close(&ends[0]);
	}
	fd_close(&ends[1]);
	return ends[0];
}

static void
reap(pid_t checking_half)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == checking_half) {
			errno = 0;
			die_temp("the checking half has ended");
		}
}

static void
serve_one(int fd, const sigset_t *signals)
{
	char request[OPENER_ADDRESS], user[OPENER_ADDRESS + 1];
	int answer, stream = -1;
	ssize_t n = sock_receive(fd, request, sizeof(request), &answer);

	if (n < 0 && errno != EMSGSIZE && errno != EMFILE)
		die_temp("unable to hear the checking half");
	if (n > 0 && answer >= 0 && fd_nonblock(answer) &&
	    str_copy(user, sizeof(user), (struct str){request, (size_t)n}))
		stream = open_mailbox(user, signals);
	if (answer >= 0 &&
	    !sock_send(answer, stream < 0 ? "Z" : "K", 1, stream))
		warn("unable to answer the checking half");
	fd_close(&stream);
	fd_close(&answer);
	if (n == 0) {
		errno = 0;
		die_temp("the checking half has closed");
	}
}

void
opener_run(int fd, pid_t checking_half)
{
	const struct sigaction ended = {.sa_handler = child_ended};
	sigset_t block, before;

	if (sigemptyset(&block) != 0 || sigaddset(&block, SIGCHLD) != 0 ||
	    sigprocmask(SIG_BLOCK, &block, &before) != 0 ||
	    sigaction(SIGCHLD, &ended, NULL) != 0)
		die_temp("unable to wait for children");
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		reap(checking_half);
		if (ppoll(&p, 1, NULL, &before) > 0)
			serve_one(fd, &before);
	}
}
