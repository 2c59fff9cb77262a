/* helper: see helper.h. */
#include "local/helper.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/usage.h"
#include "wire/submit.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

void
helper_begin(int argc, char **argv, const char *name, const char *usage)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};

	die_name(name);
	usage_answer(argc, argv, usage);
	drop_to(&stay);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
}

struct str
helper_need(const char *name)
{
	struct str value = env_get(name);

	errno = 0;
	if (value.data == NULL)
		die_usage(name, " is not set: it is run by culver-local");
	return value;
}

/* What is missing now may be there later, but for these. */
static int
code_of(int error)
{
	return error == ENOENT || error == EACCES || error == ENOEXEC ||
		       error == ENOTDIR || error == EISDIR
		   ? EXIT_USAGE
		   : EXIT_TEMP;
}

int
helper_run(char *const *argv)
{
	int status;
	pid_t pid = fork(), r;

	if (pid < 0)
		die_temp("unable to fork");
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execvp(argv[0], argv);
		status = code_of(errno);
		warn("unable to run ", argv[0]);
		_exit(status);
	}
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		die_temp("unable to wait for ", argv[0]);
	errno = 0;
	if (!WIFEXITED(status))
		die_temp("child crashed");
	return WEXITSTATUS(status);
}

void
helper_rewind(void)
{
	if (lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
		die_temp("unable to rewind message");
}

static void
copy_message(struct submit *s)
{
	struct buf chunk = {.max = CHUNK};
	ssize_t n;

	while ((n = fd_read_more(STDIN_FILENO, &chunk, CHUNK)) > 0) {
		submit_body(s, buf_str(&chunk));
		buf_clear(&chunk);
	}
	if (n < 0)
		die_temp("unable to read message");
	buf_free(&chunk);
}

/* submit_commit tells what failed on the way. */
static uint32_t
finish(struct submit *s)
{
	struct submit_result result;

	submit_commit(s, &result);
	submit_close(s);
	errno = 0;
	if (result.code != 0 && queue_code_text(result.code)[0] == 'D')
		die_usage("unable to queue message: ", result.text);
	if (result.code != 0)
		die_temp("unable to queue message: ", result.text);
	return result.pid;
}

static bool
begin(struct submit *s)
{
	home_enter();
	clock_open();
	submit_init(s);
	return submit_begin(s);
}

uint32_t
helper_forward(char *const *recipients, size_t count)
{
	struct str dtline = helper_need("DTLINE");
	struct str sender = helper_need("NEWSENDER");
	struct submit s;

	if (begin(&s)) {
		submit_body(&s, dtline);
		copy_message(&s);
		submit_record(&s, 'F', sender);
		for (size_t i = 0; i < count; i++)
			submit_record(&s, 'T', str_of(recipients[i]));
	}
	return finish(&s);
}

void
helper_answer(struct str message, struct str recipient)
{
	struct submit s;

	if (begin(&s)) {
		submit_body(&s, message);
		submit_record(&s, 'F', str_of(""));
		submit_record(&s, 'T', recipient);
	}
	(void)finish(&s);
}

void
helper_say_queued(uint32_t writer)
{
	(void)dprintf(STDERR_FILENO, "%s: qp %lu\n", die_program(),
	    (unsigned long)writer);
}
