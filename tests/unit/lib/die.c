/* die: exit codes, wording and escaping, each seen from outside a child. */
#include "lib/die.h"

#include "lib/log.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
temporary(void)
{
	errno = ENOENT;
	die_temp("unable to open ", "control/me");
}

static void
temporary_without_errno(void)
{
	errno = 0;
	die_temp("unable to use ", "x");
}

static void
usage(void)
{
	errno = ENOENT;
	die_usage("no such option: ", "-q");
}

static void
foreign_bytes(void)
{
	errno = 0;
	die_temp("unable to open ", "a\nsend: fatal: b\\\x80");
}

static void
broken(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	/* A sanitizer would catch SIGABRT and print its own story. */
	(void)signal(SIGABRT, SIG_DFL);
	bug("two heads");
}

/* What act wrote to descriptor 2, in one write(2), and how it ended. */
static int
watch(void (*act)(void), char *line, size_t size)
{
	char more[16];
	int ends[2], status = -1;
	ssize_t n;
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(ends[0], 2);
		die_name("send");
		act();
		_exit(0);
	}
	(void)close(ends[0]);
	n = recv(ends[1], line, size - 1, 0);
	assert_true(n >= 0);
	line[n] = '\0';
	assert_int_equal(recv(ends[1], more, sizeof(more), 0), 0);
	(void)close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
ends_say_why_and_with_which_code(void **state)
{
	static const struct {
		void (*act)(void);
		int code;
		const char *want;
	} rows[] = {
	    {temporary,               111,
             "send: fatal: unable to open control/me: "
		"No such file or directory\n"                                 },
	    {temporary_without_errno, 111, "send: fatal: unable to use x\n"   },
	    {usage,                   100, "send: usage: no such option: -q\n"},
	    {foreign_bytes,           111,
             "send: fatal: unable to open a\\x0asend: fatal: "
		"b\\x5c\\x80\n"					       },
	};
	char line[LOG_LINE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int status = watch(rows[i].act, line, sizeof(line));

		assert_string_equal(line, rows[i].want);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), rows[i].code);
	}
}

static void
a_bug_aborts_and_names_its_place(void **state)
{
	char line[LOG_LINE_MAX + 1];
	int status = watch(broken, line, sizeof(line));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(line, "send: bug: tests/unit/lib/die.c:"));
	assert_non_null(strstr(line, ": two heads\n"));
}

static void
warns_and_keeps_errno(void)
{
	errno = EACCES;
	warn("unable to read ", "x");
	_exit(errno == EACCES ? 7 : 8);
}

static void
a_warning_goes_on_with_errno_kept(void **state)
{
	char line[LOG_LINE_MAX + 1];
	int status = watch(warns_and_keeps_errno, line, sizeof(line));

	(void)state;
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(
	    line, "send: warning: unable to read x: Permission denied\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends_say_why_and_with_which_code),
	    cmocka_unit_test(a_bug_aborts_and_names_its_place),
	    cmocka_unit_test(a_warning_goes_on_with_errno_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
