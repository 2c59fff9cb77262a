/* child: see child.h. */
#include "tools/child.h"

#include "lib/env.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* NOLINT(readability-redundant-declaration) */

enum { ARGUMENTS = 12 };

/* Start argv with fd as its output.  Returns an errno, 0 when it runs. */
static int
start(char *const *argv, int fd, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	int error = posix_spawn_file_actions_init(&files);

	if (error != 0)
		return error;
	error = posix_spawn_file_actions_addopen(
	    &files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error =
		    posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(
		    &files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawnp(pid, argv[0], &files, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	return error;
}

static int
exit_code(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* All that comes is read, so that the child never waits for us. */
static void
hear(int fd, struct buf *out)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && out != NULL && !buf_append(out, piece, (size_t)n))
			out = NULL;
	}
}

int
child_run_list(struct buf *out, const char *program, ...)
{
	char name[NAME_MAX], *argv[ARGUMENTS + 1] = {name};
	va_list rest;
	int ends[2], error;
	pid_t pid;

	va_start(rest, program);
	for (size_t i = 1; i < ARGUMENTS; i++) {
		argv[i] = va_arg(rest, char *);
		if (argv[i] == NULL)
			break;
	}
	va_end(rest);
	if (!str_copy(name, sizeof(name), str_of(program))) {
		errno = ENOENT;
		return -1;
	}
	if (pipe(ends) != 0)
		return -1;
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	error = start(argv, ends[1], &pid);
	fd_close(&ends[1]);
	if (error == 0)
		hear(ends[0], out);
	fd_close(&ends[0]);
	errno = error;
	return error == 0 ? exit_code(pid) : -1;
}

bool
child_exists(const char *program)
{
	struct str path = env_get("PATH"), folder;
	char file[PATH_MAX];

	while (str_cut(&path, ':', &folder)) {
		struct buf b = {.max = sizeof(file) - 1};
		bool found = buf_append_str(&b, folder) &&
			     buf_append_byte(&b, '/') &&
			     buf_append_text(&b, program) &&
			     str_copy(file, sizeof(file), buf_str(&b)) &&
			     access(file, X_OK) == 0;

		buf_free(&b);
		if (found)
			return true;
	}
	return false;
}
