/* signals: handlers do no more than write bytes. */
#include "send/signals.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/log.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static int pipe_out = -1;
static struct trying *hand;

static void
tell(int signal)
{
	int saved = errno;
	unsigned char byte = (unsigned char)signal;

	/* A full pipe holds enough of them already. */
	if (write(pipe_out, &byte, 1) == -1)
		errno = saved;
	errno = saved;
}

static void
crash(int signal)
{
	if (hand != NULL && hand->hand.ino != 0)
		hand->hand.crashes = (uint32_t)signal;
	log_flush();
	/* The handler is reset by now: this one kills. */
	(void)raise(signal);
}

static void
hear(int signal, void (*handler)(int), int flags)
{
	struct sigaction act;

	memset(&act, 0, sizeof act);
	act.sa_handler = handler;
	act.sa_flags = flags;
	sigemptyset(&act.sa_mask);
	if (sigaction(signal, &act, NULL) == -1)
		die_temp("unable to set a signal handler");
}

int
signals_open(void)
{
	int ends[2];

	if (pipe(ends) == -1 || !fd_nonblock(ends[0]) ||
	    !fd_nonblock(ends[1]) ||
	    fcntl(ends[0], F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(ends[1], F_SETFD, FD_CLOEXEC) == -1)
		die_temp("unable to make a pipe");
	pipe_out = ends[1];
	hear(SIGPIPE, SIG_IGN, 0);
	hear(SIGXFSZ, SIG_IGN, 0); /* EFBIG is as good as a full disk */
	hear(SIGTERM, tell, SA_RESTART);
	hear(SIGHUP, tell, SA_RESTART);
	hear(SIGALRM, tell, SA_RESTART);
	return ends[0];
}

int
signals_next(int fd)
{
	unsigned char byte;

	return read(fd, &byte, 1) == 1 ? byte : 0;
}

void
signals_note_crash(struct trying *t)
{
	static const int deadly[] = {
	    SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS};

	hand = t;
	for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
		hear(deadly[i], crash, (int)SA_RESETHAND | SA_NODEFER);
}
