/* checkpw: one question at a time; see checkpw.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "smtpd/checkpw.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "wire/login.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOGIN_FD = 3, QUESTION = 'L', MILLI = 1000, SLACK = 5 };

/* In a child of its own: be the program, with the login on 3. */
NO_RETURN static void
become(char **argv, int login)
{
	if (dup2(login, LOGIN_FD) != LOGIN_FD ||
	    fcntl(LOGIN_FD, F_SETFD, 0) != 0 ||
	    signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		die_temp("unable to hand a password to ", argv[0]);
	(void)alarm(CHECKPW_SECONDS);
	(void)execvp(argv[0], argv);
	die_temp("unable to run ", argv[0]);
}

/* The login waits in the socket, and nothing comes after it. */
static bool
put_login(int s, struct str login)
{
	return fd_write_all(s, login.data, login.len) &&
	       shutdown(s, SHUT_WR) == 0;
}

static char
letter_of(const char *program, int status)
{
	errno = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 'K';
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHECKPW_WRONG)
		return 'N';
	warn("unable to have a password checked by ", program);
	return 'Z';
}

static char
run(char **argv, struct str login)
{
	int ends[2] = {-1, -1}, status = 0;
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 &&
	    put_login(ends[0], login))
		pid = fork();
	if (pid == 0)
		become(argv, ends[1]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		warn("unable to start ", argv[0]);
		return 'Z';
	}
	return letter_of(argv[0], status);
}

/* Until so long after it began. */
static void
wait_out(int64_t began)
{
	int64_t left =
	    began + (int64_t)LOGIN_DELAY * CLOCK_SECOND - clock_boot();
	const struct timespec t = {.tv_sec = left / CLOCK_SECOND,
	    .tv_nsec = left % CLOCK_SECOND * 1000};

	if (left > 0)
		(void)nanosleep(&t, NULL);
}

/* The client's connection is not ours to keep open. */
static void
let_go_of_client(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0)
		die_temp("unable to open /dev/null");
	fd_close(&nothing);
}

NO_RETURN static void
serve(char **argv, enum account account, int s)
{
	struct buf b = {.max = FRAME_HEAD + CHECKPW_MAX};
	struct frame f;

	drop_to(&(struct drop){.account = account});
	let_go_of_client();
	while (frame_read(s, -1, &b, &f) == FRAME_OK) {
		int64_t began = clock_boot();
		char letter = run(argv, f.payload);

		explicit_bzero(b.data, b.cap);
		if (letter != 'K')
			wait_out(began);
		if (!frame_write(s, letter, (struct str){"", 0}))
			break;
	}
	_exit(0);
}

int
checkpw_start(char **argv, enum account account)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
	    (pid = fork()) < 0)
		die_temp("unable to prepare ", argv[0]);
	if (pid == 0) {
		fd_close(&ends[0]);
		serve(argv, account, ends[1]);
	}
	fd_close(&ends[1]);
	return ends[0];
}

static char
hear(int s)
{
	struct buf b = {.max = FRAME_HEAD};
	struct frame f = {.kind = 'Z'};

	if (frame_read(s, (CHECKPW_SECONDS + SLACK) * MILLI, &b, &f) !=
	    FRAME_OK) {
		warn("unable to hear whether a password is right");
		f.kind = 'Z';
	}
	buf_free(&b);
	return f.kind;
}

char
checkpw_ask(int s, const struct checkpw *who)
{
	struct buf b = {0};
	char letter = 'N';

	/* Room for all at once, so that no copy is left behind. */
	if (!buf_reserve(&b, CHECKPW_MAX))
		return 'Z';
	/* What cannot be said is nobody's. */
	if (!checkpw_write(&b, who))
		letter = errno == ENOMEM ? 'Z' : 'N';
	else if (frame_write(s, QUESTION, buf_str(&b)))
		letter = hear(s);
	else
		letter = 'Z';
	explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return letter;
}
