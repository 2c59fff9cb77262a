/* supervisor: see supervisor.h. */
#include "tools/supervisor.h"

#include "lib/fd.h"
#include "lib/home.h"
#include "lib/str.h"
#include "tools/child.h"
#include "tools/service.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[SUPERVISOR_NONE] = {
    "s6-svscan", "runsvdir", "svscan"};

const char *
supervisor_name(enum supervisor s)
{
	return s == SUPERVISOR_NONE ? "none" : names[s];
}

enum supervisor
supervisor_named(const char *name)
{
	enum supervisor s = SUPERVISOR_S6;

	while (s < SUPERVISOR_NONE && strcmp(names[s], name) != 0)
		s++;
	return s;
}

enum supervisor
supervisor_find(void)
{
	enum supervisor s = SUPERVISOR_S6;

	while (s < SUPERVISOR_NONE && !child_exists(names[s]))
		s++;
	return s;
}

enum supervisor
supervisor_recall(void)
{
	struct buf b = {.max = 64};
	enum supervisor s = SUPERVISOR_NONE;
	char name[64];

	if (fd_read_file(AT_FDCWD, SUPERVISOR_WHICH, &b) &&
	    str_copy(name, sizeof(name), str_trim(buf_str(&b))))
		s = supervisor_named(name);
	buf_free(&b);
	if (s != SUPERVISOR_NONE)
		return s;
	if (access(SUPERVISOR_SERVICES "/.s6-svscan", F_OK) == 0)
		return SUPERVISOR_S6;
	if (access(SUPERVISOR_SERVICES "/queued/supervise/pid", F_OK) == 0)
		return SUPERVISOR_RUNIT;
	if (access(SUPERVISOR_SERVICES "/queued/supervise", F_OK) == 0)
		return SUPERVISOR_DAEMONTOOLS;
	return SUPERVISOR_NONE;
}

pid_t
supervisor_pid(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(SUPERVISOR_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fcntl(fd, F_GETLK, &lock) != 0)
		lock.l_pid = -1;
	else if (lock.l_type == F_UNLCK)
		lock.l_pid = 0;
	fd_close(&fd);
	return lock.l_pid;
}

/* A lock of this kind goes when any descriptor of its file is closed, so it is
 * taken on the one that stays. */
static bool
take_lock(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd =
	    open(SUPERVISOR_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, (mode_t)0644);

	if (fd < 0)
		return false;
	if (fd != SUPERVISOR_FD) {
		if (dup2(fd, SUPERVISOR_FD) < 0)
			return false;
		fd_close(&fd);
	}
	return fcntl(SUPERVISOR_FD, F_SETLK, &lock) == 0;
}

/* The log's folder may belong to another account, whose file names we do not
 * follow out of it. */
static bool
open_streams(void)
{
	int in = open("/dev/null", O_RDONLY);
	int log = open(SUPERVISOR_LOG,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, (mode_t)0644);
	struct stat st;

	if (in < 0 || log < 0 || fstat(log, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
		errno = EPERM;
		return false;
	}
	return dup2(in, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
	       dup2(log, STDERR_FILENO) >= 0;
}

/* Whoever called us may have left signals ignored and descriptors open. */
static void
forget_caller(void)
{
	struct sigaction preset = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < SIGRTMIN; i++)
		(void)sigaction(i, &preset, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
		if (fd != SUPERVISOR_FD)
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)umask(022);
}

/* In the process that becomes the supervisor; errno goes back by report_fd, and
 * silence means that it runs. */
NO_RETURN static void
become(enum supervisor s, int report_fd)
{
	char services[PATH_MAX]; /* absolute, so that ps tells whose it is */
	int n = snprintf(
	    services, sizeof(services), "%s/" SUPERVISOR_SERVICES, home_path());

	if (n > 0 && n < PATH_MAX && setsid() >= 0 && take_lock() &&
	    open_streams()) {
		forget_caller();
		(void)execlp(names[s], names[s], services, (char *)NULL);
	}
	if (errno == EACCES)
		errno = EAGAIN; /* either may say that a lock is taken */
	_exit(fd_write_all(report_fd, &errno, sizeof(errno)) ? 0 : 1);
}

/* The errno of what went wrong in there; 0 when it became the supervisor. */
static int
launch(enum supervisor s)
{
	int ends[2], error = 0, report;
	pid_t pid;

	if (pipe(ends) != 0)
		return errno;
	/* Out of the way of SUPERVISOR_FD. */
	report = fcntl(ends[1], F_DUPFD_CLOEXEC, SUPERVISOR_FD + 1);
	fd_close(&ends[1]);
	pid = report < 0 ? -1 : fork();
	if (pid < 0) {
		error = errno;
		fd_close(&ends[0]);
		return error;
	}
	if (pid == 0) {
		fd_close(&ends[0]);
		if (fork() == 0) /* not our child: its parent is init */
			become(s, report);
		_exit(0);
	}
	fd_close(&report);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!fd_read_all(ends[0], &error, sizeof(error)))
		error = 0;
	fd_close(&ends[0]);
	return error;
}

bool
supervisor_start(enum supervisor s)
{
	struct buf line = {.max = 64};
	bool kept;
	int error = launch(s);

	if (error != 0) {
		errno = error;
		return false;
	}
	kept = buf_append_text(&line, names[s]) &&
	       buf_append_byte(&line, '\n') &&
	       fd_replace_file(
		   AT_FDCWD, SUPERVISOR_WHICH, buf_str(&line), (mode_t)0644);
	buf_free(&line);
	return kept;
}

/* svscan knows no word for this: without it, each supervise is told. */
static bool
end_daemontools(pid_t pid)
{
	struct services all = {.count = 0};

	if (kill(pid, SIGTERM) != 0 || !services_list(&all))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (!service_end(SUPERVISOR_DAEMONTOOLS, &all.rows[i]))
			return false;
	return true;
}

bool
supervisor_end(enum supervisor s, pid_t pid)
{
	switch (s) {
	case SUPERVISOR_S6:
		return child_run(NULL, "s6-svscanctl", "-t",
			   SUPERVISOR_SERVICES) == 0;
	case SUPERVISOR_RUNIT:
		return kill(pid, SIGHUP) == 0;
	case SUPERVISOR_DAEMONTOOLS:
		return end_daemontools(pid);
	case SUPERVISOR_NONE:
		break;
	}
	errno = ENOENT;
	return false;
}
