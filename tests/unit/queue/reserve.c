/* reserve: new mail leaves what it must. */
#include "queue/reserve.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_beyond_the_reserve_is_for_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
