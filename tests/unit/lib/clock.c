/* clock: true without the file, moved by it while running, refused if broken.
 * The tests run in this order: the clock stays mapped once it is. */
#include "lib/clock.h"

#include "lib/env.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { HOUR = 3600 };

static char name[] = "/tmp/culver-clock-XXXXXX";
static int file = -1;

static int
make_file(void **state)
{
	(void)state;
	file = mkstemp(name);
	return file < 0 ? -1 : 0;
}

static int
remove_file(void **state)
{
	(void)state;
	return close(file) == 0 && unlink(name) == 0 ? 0 : -1;
}

static void
set(long long wall, long long boot)
{
	char text[CLOCK_FILE_SIZE + 1];
	int n =
	    snprintf(text, sizeof(text), "%+020lld\n%+020lld\n", wall, boot);

	assert_int_equal(n, CLOCK_FILE_SIZE);
	assert_int_equal(pwrite(file, text, CLOCK_FILE_SIZE, 0), n);
}

static int64_t
true_time(clockid_t id)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(id, &ts), 0);
	return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000;
}

/* The whole minutes, rounded down, by which ours is ahead of the true clock. */
static int64_t
shift_of(clockid_t id, int64_t (*ours)(void))
{
	const int64_t minute = (int64_t)60 * CLOCK_SECOND;
	int64_t shift = true_time(id);

	shift = ours() - shift;
	return shift < 0 ? -((minute - 1 - shift) / minute) : shift / minute;
}

static void
true_until_opened(void **state)
{
	(void)state;
	set((long long)HOUR * CLOCK_SECOND, 0);
	env_set("CULVER_CLOCK", name);
	assert_int_equal(shift_of(CLOCK_REALTIME, clock_wall), 0);
	env_set("CULVER_CLOCK", NULL);
	clock_open();
	assert_int_equal(shift_of(CLOCK_REALTIME, clock_wall), 0);
	assert_int_equal(shift_of(CLOCK_BOOTTIME, clock_boot), 0);
}

static int
open_in_child(void)
{
	int status = -1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)close(2);
		clock_open();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
a_file_of_another_form_ends_the_program(void **state)
{
	static const char *const rows[] = {
	    "",
	    "+0000000000000000000\n",
	    "+0000000000000000000\n+0000000000000000000\n\n",
	    "+0000000000000000000\n+000000000000000000x\n",
	    "00000000000000000000\n+0000000000000000000\n",
	    "+0000000000000000000 +0000000000000000000\n",
	    "+9999999999999999999\n+0000000000000000000\n",
	};

	(void)state;
	env_set("CULVER_CLOCK", name);
	assert_int_equal(open_in_child(), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(ftruncate(file, 0), 0);
		assert_int_equal(
		    pwrite(file, rows[i], strlen(rows[i]), 0), strlen(rows[i]));
		assert_int_equal(open_in_child(), 111);
	}
	env_set("CULVER_CLOCK", "/nonexistent/clock");
	assert_int_equal(open_in_child(), 111);
	env_set("CULVER_CLOCK", "/tmp");
	assert_int_equal(open_in_child(), 111);
	env_set("CULVER_CLOCK", name);
}

static void
each_clock_moves_by_its_own_line_while_running(void **state)
{
	const long long hour = (long long)HOUR * CLOCK_SECOND;

	(void)state;
	set(0, 0);
	clock_open();
	assert_int_equal(shift_of(CLOCK_REALTIME, clock_wall), 0);
	set(5 * hour, -hour);
	assert_int_equal(shift_of(CLOCK_REALTIME, clock_wall), 300);
	assert_int_equal(shift_of(CLOCK_BOOTTIME, clock_boot), -60);
	set(-hour, 2 * hour);
	assert_int_equal(shift_of(CLOCK_BOOTTIME, clock_boot), 120);
	set(INT64_MAX, INT64_MAX);
	assert_int_equal(clock_wall(), INT64_MAX);
	assert_int_equal(clock_boot(), INT64_MAX);
	set(0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(true_until_opened),
	    cmocka_unit_test(a_file_of_another_form_ends_the_program),
	    cmocka_unit_test(each_clock_moves_by_its_own_line_while_running),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
