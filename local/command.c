/* command: programs of .qmail files; see command.h. */
#define _GNU_SOURCE /* memfd_create, pipe2, O_TMPFILE */
#include "local/command.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ABOVE = 10,          /* descriptors are kept where 0, 1, 2 are not */
	IN_MEMORY = 1 << 20, /* bytes of a copy that are no file's */
	TURN = 1000, /* milliseconds after which the time is looked at */
	STEP = 20,   /* likewise, while what it left behind is waited for */
	DEATH = 2,   /* seconds in which who is killed should be gone */
	LEFT_OVER = 1 << 16, /* bytes in a pipe whose writer has ended */
	EX_HARD = 100,
	EX_LAST = 99,
	EX_SOFT = 111
};

struct child {
	pid_t pid;
	int process; /* readable once it has ended */
	int said;    /* our end of the pipe */
};

/* The process group that runs; 0: none does. */
static volatile sig_atomic_t running;

/* Whoever ends us ends it, too. */
static void
on_end(int number)
{
	if (running > 0)
		(void)kill(-(pid_t)running, SIGKILL);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* Hold back what on_end is for, or let it in as before. */
static bool
hold_end(bool yes)
{
	const struct sigaction end = {.sa_handler = on_end};
	sigset_t both;

	return sigemptyset(&both) == 0 && sigaddset(&both, SIGTERM) == 0 &&
	       sigaddset(&both, SIGALRM) == 0 &&
	       sigprocmask(yes ? SIG_BLOCK : SIG_UNBLOCK, &both, NULL) == 0 &&
	       sigaction(SIGTERM, &end, NULL) == 0 &&
	       sigaction(SIGALRM, &end, NULL) == 0;
}

static bool
fail(struct report *r, const char *verb, const char *object)
{
	report_errno(r, verb, str_of(object));
	return false;
}

/* A file without a name; in memory where it is small, else on the disk. */
static int
make_file(uint64_t size)
{
	static const char *const folders[] = {"/var/tmp", "/tmp"};
	int fd = -1;

	if (size <= IN_MEMORY)
		return memfd_create("message", MFD_CLOEXEC);
	for (size_t i = 0; i < 2 && fd < 0; i++)
		fd = open(folders[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : memfd_create("message", MFD_CLOEXEC);
}

static bool
fill(int fd, struct body *body, struct report *r)
{
	uint64_t offset = 0;
	struct str chunk;

	while (offset < body->len) {
		if (!body_get(body, offset, &chunk))
			return fail(r, "read", "message");
		if (!fd_write_all(fd, chunk.data, chunk.len))
			return fail(r, "copy", "message");
		offset += chunk.len;
	}
	return true;
}

/* The message alone, open for reading only, at its start; or -1. */
static int
copy_message(struct body *body, struct report *r)
{
	int fd = make_file(body->len), copy = -1, high = -1;
	char path[64];

	if (fd < 0) {
		(void)fail(r, "copy", "message");
		return -1;
	}
	if (fill(fd, body, r)) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		copy = open(path, O_RDONLY | O_CLOEXEC);
		if (copy >= 0)
			high = fcntl(copy, F_DUPFD_CLOEXEC, ABOVE);
		if (high < 0)
			(void)fail(r, "copy", "message");
	}
	fd_close(&copy);
	fd_close(&fd);
	return high;
}

static bool
make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		int high = fcntl(ends[i], F_DUPFD_CLOEXEC, ABOVE);

		fd_close(&ends[i]);
		ends[i] = high;
	}
	return ends[0] >= 0 && ends[1] >= 0 && fd_nonblock(ends[0]);
}

/* What the worker ignores or holds back, programs do not expect. */
static bool
forget_signals(void)
{
	sigset_t none;

	for (int i = 1; i < SIGRTMIN; i++)
		if (i != SIGKILL && i != SIGSTOP)
			(void)signal(i, SIG_DFL);
	return sigemptyset(&none) == 0 &&
	       sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* At most so much, or as much as we may have. */
static bool
limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit l;

	if (most == 0)
		return true;
	if (getrlimit(what, &l) != 0)
		return false;
	if (l.rlim_max == RLIM_INFINITY || most < l.rlim_max)
		l.rlim_max = most;
	l.rlim_cur = l.rlim_max;
	return setrlimit(what, &l) == 0;
}

static bool
set_limits(const struct command_limits *l)
{
	return limit(RLIMIT_CPU, l->cpu) && limit(RLIMIT_DATA, l->memory) &&
	       limit(RLIMIT_NOFILE, l->files) &&
	       limit(RLIMIT_NPROC, l->processes);
}

NO_RETURN static void
become(const struct command *c, char *line, int message, int said)
{
	char shell[] = "/bin/sh", flag[] = "-c";
	char *argv[] = {shell, flag, line, NULL};

	if (setsid() > 0 && os_end_with_parent(SIGKILL) && forget_signals() &&
	    fchdir(c->home_fd) == 0 && dup2(message, 0) == 0 &&
	    dup2(said, 1) == 1 && dup2(said, 2) == 2 && os_close_from(3) &&
	    set_limits(&c->limits))
		(void)execve(shell, argv, c->list);
	(void)dprintf(
	    2, "Unable to run /bin/sh: %s. (#4.3.0)\n", strerror(errno));
	_exit(EX_SOFT);
}

static int
reap(pid_t pid)
{
	int status;
	pid_t r;

	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r == pid ? status : EX_SOFT << 8;
}

static bool
start(struct child *child, const struct command *c, char *line, int message)
{
	int ends[2] = {-1, -1};

	*child = (struct child){.pid = -1, .process = -1, .said = -1};
	if (make_pipe(ends) && os_adopt() && hold_end(true))
		child->pid = fork();
	if (child->pid == 0)
		become(c, line, message, ends[1]);
	running = child->pid > 0 ? child->pid : 0;
	fd_close(&ends[1]);
	child->said = ends[0];
	if (hold_end(false) && child->pid > 0)
		child->process = os_process(child->pid);
	if (child->process >= 0)
		return true;
	running = 0;
	if (child->pid > 0) {
		(void)kill(child->pid, SIGKILL);
		(void)reap(child->pid);
	}
	return false;
}

/* One read of what it says; what is too much is read, and dropped.  0 at the
 * end, -1 when there is nothing now. */
static ssize_t
hear(int fd, struct buf *said)
{
	char bytes[4096];
	ssize_t n;
	size_t room = COMMAND_SAID - said->len;

	do
		n = read(fd, bytes, sizeof(bytes));
	while (n < 0 && errno == EINTR);
	if (n > 0 &&
	    !buf_append(said, bytes, (size_t)n < room ? (size_t)n : room))
		return -1;
	return n;
}

/* What it said last.  Others may hold the pipe, and fill it for ever. */
static void
hear_rest(int fd, struct buf *said)
{
	ssize_t n = 0;

	for (size_t sum = 0; sum < LEFT_OVER; sum += (size_t)n) {
		n = hear(fd, said);
		if (n <= 0)
			break;
	}
}

/* Until it has ended; false when its time is over first. */
static bool
attend(const struct child *child, const struct command *c)
{
	const int64_t end = clock_boot() + (int64_t)c->seconds * CLOCK_SECOND;
	struct pollfd fds[2] = {
	    {.fd = child->process, .events = POLLIN},
	    {.fd = child->said,    .events = POLLIN}
        };

	while (clock_boot() < end) {
		int64_t left = (end - clock_boot()) / 1000 + 1;

		if (poll(fds, 2, left < TURN ? (int)left : TURN) < 0)
			continue;
		if (fds[1].revents != 0 && hear(fds[1].fd, c->said) == 0)
			fds[1].fd = -1;
		if (fds[0].revents != 0)
			return true;
	}
	return false;
}

static void
close_child(struct child *child)
{
	fd_close(&child->process);
	fd_close(&child->said);
}

static bool
is_hard(int code)
{
	static const int hard[] = {EX_HARD, 64, 65, 70, 76, 77, 78, 112};

	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
		if (code == hard[i])
			return true;
	return false;
}

/* "(#5.7.1)" in what it said is the status, where that fits the letter. */
static bool
find_status(struct str said, char class, char status[JOB_STATUS + 1])
{
	size_t from = str_rfind(said, '#');
	struct str code = str_slice(said, from + 1, said.len);

	code.len = str_find(code, ')');
	if (code.len < 5 || code.data[0] != class ||
	    str_count(code, '.') != 2 ||
	    !str_copy(status, JOB_STATUS + 1, code))
		return false;
	return strspn(status, "0123456789.") == code.len;
}

/* In the program's own words, and ours behind them. */
static enum command_result
say(struct report *r, struct buf *said, bool hard, const char *ours)
{
	char status[JOB_STATUS + 1], text[JOB_TEXT + 1];
	struct str words = buf_str(said);

	words.len = str_find(words, '\0');
	while (words.len > 0 && words.data[words.len - 1] == '\n')
		words.len--;
	if (!find_status(words, hard ? '5' : '4', status))
		(void)snprintf(
		    status, sizeof(status), hard ? "5.3.0" : "4.3.0");
	(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)words.len,
	    words.len > 0 ? words.data : "",
	    words.len > 0 && ours[0] != '\0' ? "\n" : "", ours);
	report_set(r, hard ? 'D' : 'Z', status, text);
	return COMMAND_FAILED;
}

static enum command_result
judge(int status, struct buf *said, struct report *r)
{
	const bool mute = said->len == 0;
	char text[64] = "";
	int code;

	if (!WIFEXITED(status))
		return say(r, said, false, "Aack, child crashed. (#4.3.0)");
	code = WEXITSTATUS(status);
	if (code == 0)
		return COMMAND_DONE;
	if (code == EX_LAST)
		return COMMAND_LAST;
	if (mute)
		(void)snprintf(text, sizeof(text),
		    "The program ended with exit code %d. (#%d.3.0)", code,
		    is_hard(code) ? 5 : 4);
	return say(r, said, is_hard(code), text);
}

/* Some of its group live: orphans, and so our children.  The group's number is
 * nobody else's while they do. */
static bool
lives_on(pid_t group)
{
	pid_t pid;

	do
		pid = waitpid(-group, NULL, WNOHANG);
	while (pid > 0 || (pid < 0 && errno == EINTR));
	return pid == 0;
}

/* Until nobody of its group lives, or so many seconds are over. */
static void
wait_for_rest(const struct child *child, struct buf *said, unsigned seconds)
{
	const int64_t end = clock_boot() + (int64_t)seconds * CLOCK_SECOND;

	while (lives_on(child->pid) && clock_boot() < end) {
		(void)poll(NULL, 0, STEP);
		hear_rest(child->said, said);
	}
}

/* What it has left behind.  Who made a session of his own is not of it. */
static void
end_rest(const struct child *child, struct buf *said, unsigned grace)
{
	wait_for_rest(child, said, grace);
	if (lives_on(child->pid)) {
		(void)kill(-child->pid, SIGKILL);
		wait_for_rest(child, said, DEATH);
	}
	running = 0;
	/* Orphans that are of no group of ours. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static enum command_result
wait_for(struct child *child, const struct command *c, struct report *r)
{
	char text[96];
	int status;

	if (attend(child, c)) {
		hear_rest(child->said, c->said);
		status = reap(child->pid);
		end_rest(child, c->said, c->grace);
		return judge(status, c->said, r);
	}
	/* The leader is ours until it is reaped, so its group is its own. */
	(void)kill(-child->pid, SIGKILL);
	(void)kill(child->pid, SIGKILL);
	(void)reap(child->pid);
	end_rest(child, c->said, 0);
	(void)snprintf(text, sizeof(text),
	    "The program took longer than %u seconds. (#4.3.0)", c->seconds);
	return say(r, c->said, false, text);
}

enum command_result
command_run(const struct command *c, struct report *r)
{
	struct buf line = {.max = (size_t)4 * JOB_PACKET};
	enum command_result result = COMMAND_FAILED;
	struct child child;
	int message;

	if (!buf_append_str(&line, c->line) || !buf_terminate(&line)) {
		report_say(r, REPORT_MEMORY);
		buf_free(&line);
		return COMMAND_FAILED;
	}
	message = copy_message(c->body, r);
	if (message >= 0) {
		if (start(&child, c, line.data, message))
			result = wait_for(&child, c, r);
		else
			(void)fail(r, "run", "/bin/sh");
		close_child(&child);
	}
	fd_close(&message);
	buf_free(&line);
	return result;
}
