/* failures: counts grow, are forgotten, and never fill the table. */
#include "pop3d/failures.h"

#include "lib/clock.h"
#include "wire/login.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct failures f;

static int64_t
at(int seconds)
{
	return (int64_t)(1000 + seconds) * CLOCK_SECOND;
}

static struct failures_keys
keys(const char *user, const char *address)
{
	return failures_keys(&f, str_of(user), str_of(address));
}

static int
setup(void **state)
{
	(void)state;
	return failures_open(&f) ? 0 : -1;
}

static void
each_failure_of_a_user_waits_longer(void **state)
{
	static const int waits[] = {2, 2, 2, 4, 8, 16, 30, 30, 30};
	char address[32];

	(void)state;
	for (size_t i = 0; i < COUNT(waits); i++) {
		(void)snprintf(address, sizeof(address), "192.0.2.%zu", i);
		assert_int_equal(
		    failures_add(&f, keys("a@a.test", address), at((int)i)),
		    waits[i]);
	}
	assert_int_equal(
	    failures_add(&f, keys("b@a.test", "192.0.2.99"), at(9)), 2);
	assert_int_equal(
	    failures_add(&f, keys("A@A.Test", "192.0.2.98"), at(9)), 30);
}

static void
each_failure_from_an_address_waits_longer(void **state)
{
	char user[32];

	(void)state;
	for (int i = 0; i < FAILURES_ADDRESS + 6; i++) {
		int over = i + 1 - FAILURES_ADDRESS;
		int want = over <= 0 ? 2 : over >= 4 ? 30 : 2 << over;

		(void)snprintf(user, sizeof(user), "u%d@a.test", i);
		assert_int_equal(
		    failures_add(&f, keys(user, "192.0.2.1"), at(i)), want);
	}
}

static void
neighbours_of_ipv6_are_one(void **state)
{
	(void)state;
	assert_true(keys("u", "2001:db8::1").address ==
		    keys("v", "2001:db8::ffff:1").address);
	assert_true(keys("u", "2001:db8::1").address !=
		    keys("u", "2001:db8:0:1::1").address);
	assert_true(
	    keys("u", "192.0.2.1").address != keys("u", "192.0.2.2").address);
	assert_true(keys("u", "u").address != keys("u", "u").user);
}

static void
time_forgets(void **state)
{
	struct failures_keys k = keys("a@a.test", "192.0.2.1");

	(void)state;
	for (int i = 0; i < 20; i++)
		(void)failures_add(&f, k, at(0));
	assert_int_equal(failures_add(&f, k, at(FAILURES_WINDOW)), 30);
	assert_int_equal(failures_add(&f, k, at(2 * FAILURES_WINDOW + 1)), 2);
}

static void
right_password_forgives_the_user_and_not_the_address(void **state)
{
	struct failures_keys k = keys("a@a.test", "192.0.2.1");

	(void)state;
	for (int i = 0; i < FAILURES_ADDRESS; i++)
		(void)failures_add(&f, k, at(0));
	failures_forgive(&f, k);
	assert_int_equal(
	    failures_add(&f, keys("a@a.test", "192.0.2.2"), at(0)), 2);
	assert_int_equal(
	    failures_add(&f, keys("b@a.test", "192.0.2.1"), at(0)), 4);
	failures_forgive(&f, keys("nobody", "192.0.2.1"));
}

/* What fails now is not pushed out by what failed before. */
static void
a_flood_of_names_makes_room_by_age(void **state)
{
	enum { FLOOD = 20 * FAILURES_SETS * FAILURES_WAYS };
	struct failures_keys k = keys("a@a.test", "192.0.2.1");
	char user[32];

	(void)state;
	for (int i = 0; i < FLOOD; i++) {
		(void)snprintf(user, sizeof(user), "u%d@a.test", i);
		assert_int_equal(
		    failures_add(&f, keys(user, user), at(0) + i), 2);
	}
	for (int i = 0; i < FAILURES_USER; i++)
		assert_int_equal(failures_add(&f, k, at(0) + FLOOD), 2);
	assert_int_equal(failures_add(&f, k, at(0) + FLOOD), 4);
}

/* Who begins, and does not end, has failed; who ends it well has not. */
static void
what_is_begun_counts_until_it_ends(void **state)
{
	struct failures_keys k = keys("a@a.test", "192.0.2.1");

	(void)state;
	for (int i = 0; i < FAILURES_USER; i++)
		failures_begin(&f, k, at(0));
	assert_int_equal(failures_delay(&f, k, at(0)), 2);
	assert_int_equal(failures_delay(&f, k, at(0)), 2);
	failures_begin(&f, k, at(0));
	assert_int_equal(failures_delay(&f, k, at(0)), 4);
	assert_int_equal(failures_delay(&f, k, at(FAILURES_WINDOW + 1)), 2);
	failures_undo(&f, k);
	assert_int_equal(failures_delay(&f, k, at(0)), 2);
	assert_int_equal(failures_add(&f, k, at(0)), 4);
	failures_undo(&f, keys("nobody", "192.0.2.9"));
}

/* What was taken back does not count for the address either. */
static void
what_ends_well_is_held_against_nobody(void **state)
{
	struct failures_keys k = keys("a@a.test", "192.0.2.1");

	(void)state;
	for (int i = 0; i < 3 * FAILURES_ADDRESS; i++) {
		failures_begin(&f, k, at(0));
		failures_undo(&f, k);
		failures_forgive(&f, k);
	}
	assert_int_equal(
	    failures_add(&f, keys("b@a.test", "192.0.2.1"), at(0)), 2);
}

static void
secrets_differ(void **state)
{
	struct failures_keys k = keys("a@a.test", "192.0.2.1");

	(void)state;
	assert_true(failures_open(&f));
	assert_true(k.user != keys("a@a.test", "192.0.2.1").user);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(each_failure_of_a_user_waits_longer, setup),
	    cmocka_unit_test_setup(
		each_failure_from_an_address_waits_longer, setup),
	    cmocka_unit_test_setup(neighbours_of_ipv6_are_one, setup),
	    cmocka_unit_test_setup(time_forgets, setup),
	    cmocka_unit_test_setup(
		right_password_forgives_the_user_and_not_the_address, setup),
	    cmocka_unit_test_setup(a_flood_of_names_makes_room_by_age, setup),
	    cmocka_unit_test_setup(secrets_differ, setup),
	    cmocka_unit_test_setup(what_is_begun_counts_until_it_ends, setup),
	    cmocka_unit_test_setup(
		what_ends_well_is_held_against_nobody, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
