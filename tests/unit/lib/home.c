/* home: which folder, and whose.  Each case is a child: home is learnt once. */
#include "lib/home.h"

#include "lib/env.h"
#include <fcntl.h>
#include <home.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOMEBODY = 12345, SOME_GROUP = 23456 };

static char folder[] = "/tmp/culver-home-XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* The exit code of act in a child. */
static int
outcome(bool (*act)(void))
{
	int status = -1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)close(2);
		_exit(act() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
compiled_in_without_the_variable(void)
{
	env_set("CULVER_HOME", NULL);
	return strcmp(home_path(), HOME_DIR) == 0;
}

static bool
compiled_in_when_empty(void)
{
	env_set("CULVER_HOME", "");
	return strcmp(home_path(), HOME_DIR) == 0;
}

static bool
enters_an_absolute_one(void)
{
	struct stat a, b;

	env_set("CULVER_HOME", folder);
	home_enter();
	return stat(".", &a) == 0 && stat(folder, &b) == 0 &&
	       a.st_ino == b.st_ino && strcmp(home_path(), folder) == 0 &&
	       home_owner() == a.st_uid && home_group() == a.st_gid &&
	       home_private() == (a.st_uid != 0) &&
	       str_equal(env_get("CULVER_HOME"), str_of(folder));
}

static bool
a_relative_one_becomes_absolute(void)
{
	if (chdir("/tmp") != 0)
		return false;
	env_set("CULVER_HOME", folder + strlen("/tmp/"));
	home_enter();
	return strcmp(home_path(), folder) == 0 &&
	       str_equal(env_get("CULVER_HOME"), str_of(folder));
}

static bool
leaves_none_of_the_three_closed(void)
{
	(void)close(0);
	(void)close(1);
	env_set("CULVER_HOME", folder);
	home_enter();
	return fcntl(0, F_GETFD) == 0 && fcntl(1, F_GETFD) == 0 &&
	       fcntl(2, F_GETFD) == 0;
}

static bool
the_path_outlives_the_variable(void)
{
	const char *path;

	env_set("CULVER_HOME", folder);
	path = home_path();
	env_set("CULVER_HOME", "/");
	return path == home_path() && strcmp(path, folder) == 0;
}

static bool
enters_what_is_not_there(void)
{
	env_set("CULVER_HOME", "/nonexistent/culver");
	home_enter();
	return true;
}

static bool
enters_a_name_too_long(void)
{
	static char name[PATH_MAX + 1];

	memset(name, 'n', PATH_MAX);
	env_set("CULVER_HOME", name);
	home_enter();
	return true;
}

static void
the_folder_is_found_and_entered(void **state)
{
	(void)state;
	assert_int_equal(outcome(compiled_in_without_the_variable), 0);
	assert_int_equal(outcome(compiled_in_when_empty), 0);
	assert_int_equal(outcome(enters_an_absolute_one), 0);
	assert_int_equal(outcome(a_relative_one_becomes_absolute), 0);
	assert_int_equal(outcome(the_path_outlives_the_variable), 0);
}

static void
descriptors_that_are_closed_become_dev_null(void **state)
{
	(void)state;
	assert_int_equal(outcome(leaves_none_of_the_three_closed), 0);
}

static void
a_folder_that_cannot_be_entered_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(outcome(enters_what_is_not_there), 111);
	assert_int_equal(outcome(enters_a_name_too_long), 111);
}

static bool
belongs_to_somebody(void)
{
	env_set("CULVER_HOME", folder);
	home_enter();
	return home_private() && home_owner() == SOMEBODY &&
	       home_group() == SOME_GROUP;
}

static bool
belongs_to_root(void)
{
	env_set("CULVER_HOME", folder);
	home_enter();
	return !home_private() && home_owner() == 0;
}

static void
the_owner_makes_it_private(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(outcome(belongs_to_root), 0);
	assert_int_equal(chown(folder, SOMEBODY, SOME_GROUP), 0);
	assert_int_equal(outcome(belongs_to_somebody), 0);
	assert_int_equal(chown(folder, 0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_folder_is_found_and_entered),
	    cmocka_unit_test(descriptors_that_are_closed_become_dev_null),
	    cmocka_unit_test(a_folder_that_cannot_be_entered_ends_the_program),
	    cmocka_unit_test(the_owner_makes_it_private),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
