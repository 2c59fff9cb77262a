/* ledger: an hour is counted whoever counts, and nothing grows. */
#include "pop3d/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t HOUR = 3600;

static char folder[32], path[48];
static struct ledger *l;
static const struct secret secret = {{3}};
static const int64_t now = (int64_t)5000000 * LEDGER_SECONDS;

static int
setup(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/culver-ledger-XXXXXX", 26);
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/ledger", folder);
	return ledger_open(&l, folder) == LEDGER_KEPT ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	ledger_close(l);
	(void)unlink(path);
	return rmdir(folder);
}

static uint64_t
account(const char *address)
{
	return ledger_account(&secret, str_of(address));
}

static uint64_t
address(const char *text)
{
	struct ip a;

	assert_true(ip_parse(str_of(text), &a));
	return ledger_address(&secret, &a);
}

static void
no_more_than_most_within_an_hour(void **state)
{
	uint64_t u = account("u@a.test");

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(ledger_take(
		    l, u, 1, 10, now + (int64_t)i * LEDGER_SECONDS));
	assert_false(ledger_take(l, u, 1, 10, now + HOUR - 1));
	assert_true(ledger_take(l, account("v@a.test"), 10, 10, now));
	/* The first has been forgotten, and one may come. */
	assert_true(ledger_take(l, u, 1, 10, now + HOUR));
	assert_false(ledger_take(l, u, 1, 10, now + HOUR));
	assert_false(ledger_take(l, u, 10, 10, now + 2 * HOUR - 1));
	assert_true(ledger_take(l, u, 10, 10, now + 3 * HOUR));
}

static void
what_is_too_much_is_not_counted(void **state)
{
	uint64_t u = account("U@a.test");

	(void)state;
	assert_false(ledger_take(l, u, 11, 10, now));
	assert_false(ledger_take(l, u, UINT32_MAX, 10, now));
	assert_true(ledger_take(l, account("u@A.test"), 9, 10, now));
	assert_false(ledger_take(l, u, 2, 10, now));
	assert_true(ledger_take(l, u, 1, 10, now));
}

static void
a_clock_that_was_put_back_gives_nothing(void **state)
{
	uint64_t u = account("u@a.test");

	(void)state;
	assert_true(ledger_take(l, u, 10, 10, now));
	assert_false(ledger_take(l, u, 1, 10, now - HOUR / 2));
	assert_false(ledger_take(l, u, 1, 10, now - 100 * HOUR));
	assert_true(ledger_take(l, u, 1, 10, now + HOUR));
	assert_true(ledger_take(l, account("v@a.test"), 1, 1, -5));
	assert_false(ledger_take(l, account("v@a.test"), 1, 1, -5));
}

/* By a child, by who opens it next, and after a crash. */
static void
it_outlives_who_counts(void **state)
{
	uint64_t u = account("u@a.test");
	struct ledger *again;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (ledger_take(l, u, 6, 10, now))
			_exit(0);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ledger_open(&again, folder), LEDGER_KEPT);
	assert_false(ledger_take(again, u, 5, 10, now));
	assert_true(ledger_take(again, u, 4, 10, now));
	assert_false(ledger_take(l, u, 1, 10, now));
	ledger_close(again);
}

static void
addresses_are_seen_for_a_time(void **state)
{
	uint64_t a = address("192.0.2.1");

	(void)state;
	assert_false(ledger_seen(l, a, 600, now));
	ledger_see(l, a, now);
	assert_true(ledger_seen(l, a, 600, now + 599));
	assert_false(ledger_seen(l, a, 600, now + 600));
	assert_false(ledger_seen(l, a, 600, now - 1));
	assert_false(ledger_seen(l, address("192.0.2.2"), 600, now));
	ledger_see(l, a, now + 500);
	assert_true(ledger_seen(l, a, 600, now + 1099));
	ledger_see(l, address("2001:db8::1"), now);
	assert_false(ledger_seen(l, address("2001:db8::2"), 600, now));
	assert_false(ledger_seen(l, 0, 600, now));
	ledger_see(l, 0, now);
	assert_false(ledger_seen(l, 0, 600, now));
}

/* The file stays as large as it is, and who is still makes room. */
static void
a_flood_makes_room_by_age(void **state)
{
	struct stat before, after;
	char name[32];
	uint64_t busy = account("busy@a.test");

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	for (int i = 0; i < 4 * LEDGER_ACCOUNTS; i++) {
		(void)snprintf(name, sizeof(name), "u%d@a.test", i);
		assert_true(ledger_take(l, account(name), 1, 1,
		    now + (int64_t)i / 1000 * LEDGER_SECONDS));
		if (i % 1000 == 0)
			(void)!ledger_take(l, busy, 1, 5,
			    now + (int64_t)i / 1000 * LEDGER_SECONDS);
	}
	assert_false(ledger_take(l, busy, 1, 5,
	    now + (int64_t)4 * LEDGER_ACCOUNTS / 1000 * LEDGER_SECONDS));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(after.st_mode & 0777, 0600);
}

static void
what_is_no_ledger_is_begun_anew(void **state)
{
	struct ledger *other;
	int fd = open(path, O_WRONLY | O_TRUNC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "no ledger", 9), 9);
	assert_int_equal(close(fd), 0);
	assert_int_equal(ledger_open(&other, folder), LEDGER_KEPT);
	assert_true(ledger_take(other, account("u@a.test"), 10, 10, now));
	ledger_close(other);
	assert_int_equal(ledger_open(&other, "/nonexistent"), LEDGER_LOOSE);
	assert_int_equal(errno, ENOENT);
	assert_true(ledger_take(other, account("u@a.test"), 10, 10, now));
	ledger_close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(no_more_than_most_within_an_hour),
	    TEST(what_is_too_much_is_not_counted),
	    TEST(a_clock_that_was_put_back_gives_nothing),
	    TEST(it_outlives_who_counts),
	    TEST(addresses_are_seen_for_a_time),
	    TEST(a_flood_makes_room_by_age),
	    TEST(what_is_no_ledger_is_begun_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
