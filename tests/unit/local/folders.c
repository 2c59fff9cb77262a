/* folders: each is found by what it is, and the one used longest ago goes. */
#include "local/folders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

static struct stat
number(unsigned n)
{
	return (struct stat){.st_dev = n % 2, .st_ino = n / 2};
}

/* Keep one whose first descriptor is open; it is returned. */
static int
keep(struct folders *f, unsigned n)
{
	const struct stat st = number(n);
	const int fds[FOLDER_FDS] = {open("/", O_RDONLY | O_CLOEXEC), -1};

	assert_true(fds[0] >= 0);
	assert_int_equal(folders_keep(f, &st, fds)->fds[0], fds[0]);
	return fds[0];
}

static int
find(struct folders *f, unsigned n)
{
	const struct stat st = number(n);
	const struct folder *found = folders_find(f, &st);

	return found == NULL ? -1 : found->fds[0];
}

static void
the_last_used_stay_open(void **state)
{
	struct folders f = {0};
	int fds[FOLDERS_KEPT + 1];

	(void)state;
	for (unsigned i = 0; i < FOLDERS_KEPT; i++) {
		assert_int_equal(find(&f, i), -1);
		fds[i] = keep(&f, i);
	}
	for (unsigned i = 0; i < FOLDERS_KEPT; i++)
		assert_int_equal(find(&f, i), fds[i]);
	assert_int_equal(find(&f, 0), fds[0]);
	fds[FOLDERS_KEPT] = keep(&f, FOLDERS_KEPT);
	assert_int_equal(find(&f, 1), -1);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	for (unsigned i = 0; i <= FOLDERS_KEPT; i++)
		if (i != 1)
			assert_int_equal(find(&f, i), fds[i]);
	folders_close(&f);
	assert_int_equal(find(&f, 0), -1);
	for (unsigned i = 0; i <= FOLDERS_KEPT; i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
}

static void
who_is_forgotten_is_closed_and_no_other(void **state)
{
	struct folders f = {0};
	int one = keep(&f, 1), two = keep(&f, 2), three = keep(&f, 3);

	(void)state;
	assert_int_equal(find(&f, 2), two);
	folders_forget(&f);
	assert_int_equal(find(&f, 2), -1);
	assert_int_equal(fcntl(two, F_GETFD), -1);
	assert_int_equal(find(&f, 1), one);
	assert_int_equal(find(&f, 3), three);
	folders_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_used_stay_open),
	    cmocka_unit_test(who_is_forgotten_is_closed_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
