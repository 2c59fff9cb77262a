/* reserve: new mail leaves what it must. */
#include "queue/reserve.h"

#include "lib/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void
only_what_is_beyond_the_reserve_is_for_mail(void **state)
{
	static const struct {
		uint64_t reserve, need;
		bool ok;
	} rows[] = {
	    {0,              0,              true },
	    {0,              4096,           true },
	    {4096,           0,              true },
	    {UINT64_MAX,     0,              false},
	    {0,              UINT64_MAX / 2, false},
	    {UINT64_MAX / 2, 0,              false},
	    {UINT64_MAX,     1,              false},
	    {UINT64_MAX,     UINT64_MAX,     false},
	};
	int fd = open("/var/tmp", O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = 0;
		assert_int_equal(
		    reserve_left(fd, rows[i].reserve, rows[i].need),
		    rows[i].ok);
		assert_int_equal(errno, rows[i].ok ? errno : ENOSPC);
	}
	assert_int_equal(close(fd), 0);
	assert_false(reserve_left(-1, 0, 0));
	assert_int_equal(errno, EBADF);
	(void)state;
}

/* Of a descriptor that is none nothing can be seen. */
static void
the_disk_is_not_looked_at_for_little_after_there_was_much(void **state)
{
	const int64_t soon = clock_boot() + (int64_t)60 * CLOCK_SECOND;
	const struct {
		struct ample seen;
		uint64_t reserve, need;
		bool ok;
	} rows[] = {
	    {{4096, soon}, 4096, RESERVE_SMALL,     true },
	    {{4096, soon}, 0,    0,                 true },
	    {{4096, soon}, 4097, 0,                 false},
	    {{4096, soon}, 4096, RESERVE_SMALL + 1, false},
	    {{4096, 1},    4096, RESERVE_SMALL,     false},
	    {{0, 0},       0,    0,                 false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ample a = rows[i].seen;

		assert_int_equal(
		    reserve_left_lately(&a, -1, rows[i].reserve, rows[i].need),
		    rows[i].ok);
		assert_true(rows[i].ok || a.until == 0);
	}
	(void)state;
}

static void
what_is_seen_counts_only_where_there_is_much(void **state)
{
	int fd = open("/var/tmp", O_RDONLY | O_DIRECTORY);
	struct ample a = {0};
	bool much = reserve_left(fd, RESERVE_AMPLE, 0);

	assert_true(reserve_left_lately(&a, fd, 0, 0));
	assert_int_equal(a.until > 0, much);
	assert_false(reserve_left_lately(&a, fd, UINT64_MAX, 0));
	assert_int_equal(a.until, 0);
	assert_int_equal(close(fd), 0);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_beyond_the_reserve_is_for_mail),
	    cmocka_unit_test(
		the_disk_is_not_looked_at_for_little_after_there_was_much),
	    cmocka_unit_test(what_is_seen_counts_only_where_there_is_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
