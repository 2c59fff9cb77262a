/* program: $QMAILQUEUE; see program.h. */
#define _GNU_SOURCE /* pipe2 */
#include "wire/program.h"

#include "lib/fd.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ABOVE = 10, /* pipes are kept where the child's descriptors are not */
	SAID = 255, /* bytes of a text of its own that are taken */
	/* exit codes that come with one */
	CUSTOM_FD6 = 82,
	CUSTOM_FD4 = 88
};

/* A pipe whose ends are at ABOVE or higher and close on exec. */
static bool
make_pipe(int ends[2])
{
	for (int i = 0; i < 2; i++)
		ends[i] = -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	for (int i = 0; i < 2; i++) {
		int high = fcntl(ends[i], F_DUPFD_CLOEXEC, ABOVE);

		fd_close(&ends[i]);
		ends[i] = high;
	}
	return ends[0] >= 0 && ends[1] >= 0;
}

static void
close_pipe(int ends[2])
{
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

NO_RETURN static void
become(const char *path, int message, int envelope, int said)
{
	char *argv[] = {NULL, NULL};
	char name[4096];

	if (!str_copy(name, sizeof(name), str_of(path)))
		_exit(QQ_EXEC);
	argv[0] = name;
	if (dup2(message, 0) < 0 || dup2(envelope, 1) < 0 ||
	    dup2(said, 4) < 0 || dup2(said, 6) < 0 ||
	    signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		_exit(QQ_EXEC);
	(void)execv(path, argv);
	_exit(QQ_EXEC);
}

bool
program_start(struct program *p, const char *path)
{
	int message[2], envelope[2] = {-1, -1}, said[2] = {-1, -1};

	*p = (struct program){.pid = -1, .message = -1, .envelope = -1};
	/* Ignored by whoever started us it would hide how the program ends. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return false;
	/* Nobody reads what it says before it has ended: it must not wait. */
	if (make_pipe(message) && make_pipe(envelope) && make_pipe(said) &&
	    fd_nonblock(said[1]))
		p->pid = fork();
	if (p->pid == 0)
		become(path, message[0], envelope[0], said[1]);
	fd_close(&message[0]);
	fd_close(&envelope[0]);
	fd_close(&said[1]);
	if (p->pid < 0) {
		close_pipe(message);
		close_pipe(envelope);
		close_pipe(said);
		return false;
	}
	p->message = message[1];
	p->envelope = envelope[1];
	p->said = said[0];
	return true;
}

static void
put(struct program *p, int fd, const char *data, size_t n)
{
	if (!p->failed && !fd_write_all(fd, data, n))
		p->failed = true;
}

void
program_body(struct program *p, struct str bytes)
{
	put(p, p->message, bytes.data, bytes.len);
}

void
program_record(struct program *p, char kind, struct str text)
{
	fd_close(&p->message);
	put(p, p->envelope, &kind, 1);
	put(p, p->envelope, text.data, text.len);
	put(p, p->envelope, "", 1);
}

/* Its exit code; as qmail has it a death is 81, a bug. */
static int
wait_for(struct program *p)
{
	int status;
	pid_t pid;

	fd_close(&p->message);
	fd_close(&p->envelope);
	do
		pid = waitpid(p->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0 || !WIFEXITED(status))
		return QQ_BUG;
	return WEXITSTATUS(status);
}

/* What it said on 4 or 6, if that is one of the two classes and a text. */
static bool
take_said(struct program *p, struct submit_result *result)
{
	size_t n = 0;
	ssize_t got = 1;

	if (!fd_nonblock(p->said))
		return false;
	while (n < SAID && got > 0) {
		got = read(p->said, result->text + n, SAID - n);
		if (got > 0)
			n += (size_t)got;
	}
	while (n > 0 && result->text[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i++)
		if (result->text[i] < ' ' || result->text[i] > '~')
			result->text[i] = '?';
	result->text[n] = '\0';
	return n > 2 && (result->text[0] == 'D' || result->text[0] == 'Z');
}

void
program_end(struct program *p, struct submit_result *result)
{
	bool own;

	put(p, p->envelope, "", 1);
	*result = (struct submit_result){.code = wait_for(p)};
	/* It says yes to what it has not read. */
	if (result->code == QQ_OK && p->failed)
		result->code = QQ_READ;
	own = (result->code == CUSTOM_FD6 || result->code == CUSTOM_FD4) &&
	      take_said(p, result);
	fd_close(&p->said);
	if (!own)
		(void)str_copy(result->text, sizeof(result->text),
		    str_of(queue_code_text(result->code)));
}

void
program_abandon(struct program *p)
{
	(void)wait_for(p);
	fd_close(&p->said);
}
