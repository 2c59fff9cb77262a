/* env: unset, empty and set are three things. */
#include "lib/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
unset_empty_and_set_differ(void **state)
{
	(void)state;
	env_set("CULVER_TEST", NULL);
	assert_null(env_get("CULVER_TEST").data);
	assert_int_equal(env_get("CULVER_TEST").len, 0);
	env_set("CULVER_TEST", "");
	assert_non_null(env_get("CULVER_TEST").data);
	assert_int_equal(env_get("CULVER_TEST").len, 0);
	env_set("CULVER_TEST", "one");
	env_set("CULVER_TEST", "two");
	assert_true(str_equal(env_get("CULVER_TEST"), str_of("two")));
	env_set("CULVER_TEST", NULL);
	assert_null(env_get("CULVER_TEST").data);
}

static void
a_name_that_cannot_be_ends_the_program(void **state)
{
	int status = -1;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(2);
		env_set("A=B", "x");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 111);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unset_empty_and_set_differ),
	    cmocka_unit_test(a_name_that_cannot_be_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
