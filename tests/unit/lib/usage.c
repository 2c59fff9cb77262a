/* usage: the answers to --help and --version, seen from outside. */
#include "lib/usage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <version.h>

#include <cmocka.h>

enum { RETURNED = 7 };

/* What a program called with arg prints; its exit code in *code. */
static void
answer(char *arg, int out_fd, char *got, size_t size, int *code)
{
	static char name[] = "culver-x";
	char *argv[] = {name, arg, NULL};
	int p[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(out_fd < 0 ? p[1] : out_fd, 1);
		usage_answer(arg == NULL ? 1 : 2, argv, "usage: x\n");
		_exit(RETURNED);
	}
	(void)close(p[1]);
	n = read(p[0], got, size - 1);
	assert_true(n >= 0);
	got[n] = '\0';
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*code = WEXITSTATUS(status);
}

static void
each_question_has_its_answer(void **state)
{
	static char help[] = "--help", version[] = "--version",
		    other[] = "--helpme";
	static const struct {
		char *arg;
		const char *out;
		int code;
	} rows[] = {
	    {help,    "usage: x\n",           0       },
	    {version, "culver " VERSION "\n", 0       },
	    {other,   "",                     RETURNED},
	    {NULL,    "",                     RETURNED},
	};
	char got[256];
	int code;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(rows[i].arg, -1, got, sizeof(got), &code);
		assert_string_equal(got, rows[i].out);
		assert_int_equal(code, rows[i].code);
	}
}

static void
an_answer_that_cannot_be_written_is_no_success(void **state)
{
	char got[256];
	char version[] = "--version";
	int code, full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(full >= 0);
	answer(version, full, got, sizeof(got), &code);
	assert_int_equal(code, 111);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_question_has_its_answer),
	    cmocka_unit_test(an_answer_that_cannot_be_written_is_no_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
