/* option: flags and values are taken, wrong ones end the program with 100. */
#include "lib/option.h"

#include "lib/str.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS = 6 };

struct taken {
	bool json;
	const char *home;
	int next;
	const char *operands[2];
	size_t count;
};

/* The words of line, as arguments; to option_operands where so. */
static struct taken
take(const char *line, bool operands)
{
	static char name[] = "culver-x", copy[64];
	char *argv[WORDS + 1] = {name}, *rest = copy;
	struct taken t = {.home = ""};
	const struct option_row rows[] = {
	    {"--json", &t.json, NULL   },
	    {"--home", NULL,    &t.home},
	    {NULL,     NULL,    NULL   },
	};
	int argc = 1;

	assert_true(str_copy(copy, sizeof(copy), str_of(line)));
	for (char *word; argc < WORDS; argc++) {
		word = strtok_r(rest, " ", &rest);
		if (word == NULL)
			break;
		argv[argc] = word;
	}
	if (operands)
		t.count = option_operands(argc, argv, rows, t.operands, 2);
	else
		t.next = option_take(argc, argv, rows);
	return t;
}

static void
options_end_at_the_first_operand(void **state)
{
	static const struct {
		const char *line;
		bool json;
		const char *home;
		int next;
	} rows[] = {
	    {"a --json",         false, "",       1},
	    {"--json a",         true,  "",       2},
	    {"--home /x a",      false, "/x",     3},
	    {"--home=/x --json", true,  "/x",     3},
	    {"--home=",          false, "",       2},
	    {"--home --json a",  false, "--json", 3},
	    {"-- --json",        false, "",       2},
	    {"- --json",         false, "",       1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct taken t = take(rows[i].line, false);

		assert_int_equal(t.json, rows[i].json);
		assert_string_equal(t.home, rows[i].home);
		assert_int_equal(t.next, rows[i].next);
	}
}

static void
operands_are_found_among_options(void **state)
{
	static const struct {
		const char *line;
		bool json;
		const char *home, *first, *second;
		size_t count;
	} rows[] = {
	    {"a --json b",       true,  "",   "a",      "b",      2},
	    {"--home /x a",      false, "/x", "a",      NULL,     1},
	    {"a --home=/x",      false, "/x", "a",      NULL,     1},
	    {"--home -- a",      false, "--", "a",      NULL,     1},
	    {"a -- --json",      false, "",   "a",      "--json", 2},
	    {"-- --json --home", false, "",   "--json", "--home", 2},
	    {"",		 false, "",   NULL,     NULL,     0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct taken t = take(rows[i].line, true);

		assert_int_equal(t.json, rows[i].json);
		assert_string_equal(t.home, rows[i].home);
		assert_int_equal(t.count, rows[i].count);
		if (t.count > 0)
			assert_string_equal(t.operands[0], rows[i].first);
		if (t.count > 1)
			assert_string_equal(t.operands[1], rows[i].second);
	}
}

static void
wrong_options_are_the_callers_fault(void **state)
{
	static const char *const rows[] = {"--jsonx", "-j", "--home",
	    "--json=yes", "--hom x", "a --jsonx", "a b c", "a b --home"};
	int null = open("/dev/null", O_WRONLY);

	(void)state;
	assert_true(null >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			(void)dup2(null, 2);
			(void)take(rows[i], i >= 5);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 100);
	}
	(void)close(null);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_end_at_the_first_operand),
	    cmocka_unit_test(operands_are_found_among_options),
	    cmocka_unit_test(wrong_options_are_the_callers_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
