/* keeper: requests come one by one; see keeper.h. */
#define _GNU_SOURCE /* ppoll */
#include "pop3d/keeper.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "lib/field.h"
#include "lib/sock.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void
child_ended(int number)
{
	(void)number; /* it only has to end ppoll */
}

/* Children end by exit, whatever their clients do. */
static void
reap(void)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0)
		if (WIFSIGNALED(status)) {
			errno = 0;
			die_temp("a mailbox was ended by a signal");
		}
}

static bool
take(struct str packet, struct kept *k)
{
	struct str user;

	return field_take_text(&packet, &user) && user.len > 0 &&
	       str_copy(k->user, sizeof(k->user), user) &&
	       str_copy(k->text, sizeof(k->text), packet);
}

/* False when there is nothing to do for it. */
static bool
receive(int fd, struct kept *k)
{
	char packet[LOGIN_SAID];
	ssize_t n;

	n = sock_receive(fd, packet, sizeof(packet), &k->popup);
	if (n == 0)
		_exit(0); /* culver-authd has ended */
	if (n < 0 && errno != EMSGSIZE && errno != EMFILE)
		die_temp("unable to hear the checking half");
	if (n > 0 && k->popup >= 0 && take((struct str){packet, (size_t)n}, k))
		return true;
	fd_close(&k->popup);
	return false;
}

static void
become_child(int fd, const sigset_t *before)
{
	fd_close(&fd);
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    sigprocmask(SIG_SETMASK, before, NULL) != 0)
		die_temp("unable to reset signals");
}

void
keeper_wait(int fd, struct kept *k)
{
	const struct sigaction ended = {.sa_handler = child_ended};
	sigset_t block, before;
	pid_t pid;

	if (sigemptyset(&block) != 0 || sigaddset(&block, SIGCHLD) != 0 ||
	    sigprocmask(SIG_BLOCK, &block, &before) != 0 ||
	    sigaction(SIGCHLD, &ended, NULL) != 0)
		die_temp("unable to wait for children");
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		bool asked = ppoll(&p, 1, NULL, &before) > 0;

		reap();
		if (!asked || !receive(fd, k))
			continue;
		pid = fork();
		if (pid == 0) {
			become_child(fd, &before);
			return;
		}
		if (pid < 0)
			warn("unable to fork for ", k->user);
		fd_close(&k->popup);
	}
}
