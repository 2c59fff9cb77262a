/* answered: each once in so many days, and a bound on what is remembered. */
#include "local/answered.h"

#include "lib/fd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { WEEK = 604800, NOW = 1795229420 };

static char folder[] = "/var/tmp/answeredXXXXXX";
static char path[64];

static enum answered
ask(const char *address, int64_t now, bool note)
{
	enum answered a;
	int64_t at;
	int fd;

	a = answered_open(path, str_of(address), now, WEEK, &fd);
	if (note) {
		assert_true(answered_reserve(fd, str_of(address), &at));
		assert_true(answered_note(fd, at, now));
	}
	fd_close(&fd);
	return a;
}

static void
once_in_a_week(void **state)
{
	(void)state;
	assert_int_equal(ask("s@x", NOW, true), ANSWERED_NO);
	assert_int_equal(ask("S@X", NOW + 1, false), ANSWERED_LATELY);
	assert_int_equal(ask("t@x", NOW + 1, true), ANSWERED_NO);
	assert_int_equal(ask("s@x", NOW + WEEK - 1, false), ANSWERED_LATELY);
	assert_int_equal(ask("s@x", NOW + WEEK, true), ANSWERED_NO);
	assert_int_equal(ask("s@x", NOW + WEEK, false), ANSWERED_LATELY);
	assert_int_equal(unlink(path), 0);
}

static void
many(unsigned count, int64_t now)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	for (unsigned i = 0; i < count; i++)
		assert_true(fprintf(f, "%lld sender-%06u@example.org\n",
				(long long)now, i) > 0);
	assert_int_equal(fclose(f), 0);
}

static void
what_is_old_is_forgotten_and_what_is_too_much_ends_it(void **state)
{
	struct stat st;

	(void)state;
	many(4000, NOW - WEEK - 1);
	assert_int_equal(ask("s@x", NOW, true), ANSWERED_NO);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 100);
	assert_int_equal(ask("s@x", NOW, false), ANSWERED_LATELY);
	many(4000, NOW - 1);
	assert_int_equal(ask("new@x", NOW, false), ANSWERED_FULL);
	many(20000, NOW - 1);
	assert_int_equal(ask("new@x", NOW, false), ANSWERED_FULL);
	assert_int_equal(unlink(path), 0);
}

static void
nonsense_in_it_is_passed_over(void **state)
{
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	assert_true(fputs("\nx y\n99999999999999999999 s@x\ns@x\n12", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(ask("s@x", NOW, true), ANSWERED_NO);
	assert_int_equal(ask("s@x", NOW, false), ANSWERED_LATELY);
	assert_int_equal(unlink(path), 0);
}

static void
room_for_a_note_says_nothing(void **state)
{
	int64_t at;
	int fd;

	(void)state;
	assert_int_equal(
	    answered_open(path, str_of("s@x"), NOW, WEEK, &fd), ANSWERED_NO);
	assert_true(answered_reserve(fd, str_of("s@x"), &at));
	fd_close(&fd);
	assert_int_equal(ask("s@x", NOW, true), ANSWERED_NO);
	assert_int_equal(ask("s@x", NOW, false), ANSWERED_LATELY);
	assert_int_equal(unlink(path), 0);
}

static void
no_file_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ask("s@x", NOW, false), ANSWERED_ERROR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("other", path), 0);
	assert_int_equal(ask("s@x", NOW, false), ANSWERED_ERROR);
	assert_int_equal(unlink(path), 0);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/memory", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(once_in_a_week),
	    cmocka_unit_test(
		what_is_old_is_forgotten_and_what_is_too_much_ends_it),
	    cmocka_unit_test(nonsense_in_it_is_passed_over),
	    cmocka_unit_test(room_for_a_note_says_nothing),
	    cmocka_unit_test(no_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
