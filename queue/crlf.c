/* crlf: a program that is given CR LF lines; see crlf.h. */
#define _GNU_SOURCE /* pipe2 */
#include "queue/crlf.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT = 8192, NOT_RUN = 127 };

/* How the caller ends lines, as his first one tells. */
struct lines {
	enum { LINES_NONE, LINES_LF, LINES_CRLF } end;
	char last; /* the byte before */
};

/* Write n bytes; a caller of LF lines gets a CR before each bare one.  For any
 * other a bare LF is no end of a line, and must not become one. */
static bool
pass(int fd, const char *from, size_t n, struct lines *l)
{
	char out[2 * INPUT];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bool bare = from[i] == '\n' && l->last != '\r';

		if (from[i] == '\n' && l->end == LINES_NONE)
			l->end = bare ? LINES_LF : LINES_CRLF;
		if (bare && l->end == LINES_LF)
			out[len++] = '\r';
		out[len++] = l->last = from[i];
	}
	return fd_write_all(fd, out, len);
}

/* Until our input ends, or nobody reads what we write. */
static void
pump(int fd)
{
	struct pollfd ready[] = {
	    {0,  POLLIN, 0},
            {fd, 0,      0}
        };
	struct lines lines = {LINES_NONE, '\0'};
	char input[INPUT];
	ssize_t n = 1;

	while (n > 0) {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return;
		if ((ready[1].revents & (POLLERR | POLLNVAL)) != 0)
			return;
		if (ready[0].revents == 0)
			continue;
		n = read(0, input, sizeof(input));
		if (n > 0 && !pass(fd, input, (size_t)n, &lines))
			return;
	}
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) == NOT_RUN ? ENOENT : 0
				  : ECANCELED;
	return errno == 0 ? WEXITSTATUS(status) : -1;
}

/* What a server logs is nothing for the caller's terminal. */
NO_RETURN static void
become(const char *path, char *const *argv, int input)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0 && dup2(null, 2) == 2 && dup2(input, 0) == 0 &&
	    signal(SIGPIPE, SIG_DFL) != SIG_ERR)
		(void)execv(path, argv);
	_exit(NOT_RUN);
}

int
crlf_run(const char *path, char *const *argv)
{
	int ends[2];
	pid_t pid;

	/* Ignored by whoever started us it would hide how the program ends. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become(path, argv, ends[0]);
	fd_close(&ends[0]);
	if (pid > 0)
		pump(ends[1]);
	fd_close(&ends[1]);
	return pid > 0 ? wait_for(pid) : -1;
}
