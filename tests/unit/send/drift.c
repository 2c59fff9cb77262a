/* drift: a leap of the clock makes no message old. */
#include "send/drift.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000, DAY = 86400 };

static const int64_t year = 365LL * DAY * SECOND;
static const int64_t then = 57LL * 365 * DAY * SECOND; /* about now */
static struct drift d;
static int64_t boot; /* the boot clock */

static int
begin(void **state)
{
	(void)state;
	boot = 1000LL * SECOND;
	drift_start(&d, then, boot);
	return 0;
}

/* The age of what arrived at birth, by a wall clock that is wrong by error, an
 * hour later. */
static int64_t
age(int64_t birth, int64_t error)
{
	int64_t wall;

	boot += 3600LL * SECOND;
	wall = then + boot - 1000LL * SECOND + error;
	drift_look(&d, wall, boot);
	return wall - drift_birth(&d, birth, wall, boot);
}

static void
time_that_passes_makes_old(void **state)
{
	(void)state;
	assert_int_equal(age(then, 0), 3600LL * SECOND);
	assert_int_equal(age(then - year, 0), year + 7200LL * SECOND);
}

static void
a_leap_forward_does_not(void **state)
{
	const int64_t leap = 8LL * DAY * SECOND;

	(void)state;
	assert_int_equal(age(then, leap), 3600LL * SECOND);
	assert_int_equal(age(then, leap), 7200LL * SECOND);
	/* A second one. */
	assert_int_equal(age(then, 2 * leap), 10800LL * SECOND);
	/* What came after it is as old as it says. */
	assert_int_equal(
	    age(then + 2 * leap + 10800LL * SECOND, 2 * leap), 3600LL * SECOND);
}

static void
a_leap_that_is_taken_back_is_forgotten(void **state)
{
	const int64_t leap = 8LL * DAY * SECOND;

	(void)state;
	for (int64_t i = 1; i < 100; i += 2) {
		assert_int_equal(age(then, leap), 3600LL * SECOND * i);
		assert_int_equal(age(then, 0), 3600LL * SECOND * (i + 1));
	}
}

static void
to_and_fro_is_nowhere(void **state)
{
	const int64_t hour = 3600LL * SECOND;
	static const int ways[] = {1, -1, 1, 0, -1, 1, 0};
	int64_t passed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		int64_t got = age(then, hour * 24 * ways[i]);
		passed += hour;
		assert_int_equal(
		    got, ways[i] < 0 ? passed - 24 * hour : passed);
	}
}

/* What arrived while the clock was days back is not old when it is right. */
static void
a_step_back_and_again_forward_makes_nothing_old(void **state)
{
	const int64_t days = 8LL * DAY * SECOND, hour = 3600LL * SECOND;

	(void)state;
	assert_int_equal(age(then - days, -days), hour);
	assert_int_equal(age(then - days, 0), 2 * hour);
	/* What arrived before, and after, is as old as it is. */
	assert_int_equal(age(then, 0), 3 * hour);
	assert_int_equal(age(then + 3 * hour, 0), hour);
}

static void
what_comes_after_a_leap_is_not_touched_by_it(void **state)
{
	const int64_t hour = 3600LL * SECOND;

	(void)state;
	assert_int_equal(age(then, hour), hour);
	for (int64_t i = 1; i < 100; i++)
		assert_int_equal(age(then + 2 * hour, hour), i * hour);
}

static void
a_clock_that_began_in_1970_and_is_set_right_spares_no_old_mail(void **state)
{
	const int64_t yesterday = then - (int64_t)DAY * SECOND;

	(void)state;
	drift_start(&d, 60LL * SECOND, boot);
	/* Arrived in the last life of the machine, and in this one. */
	assert_int_equal(age(yesterday, 0), (DAY + 3600LL) * SECOND);
	assert_int_equal(age(60LL * SECOND, 0), 7200LL * SECOND);
	/* And when the clock was before 1970, where stamps are 1970. */
	drift_start(&d, -then, boot);
	assert_true(age(0, 0) <= 3600LL * SECOND);
}

static void
a_clock_that_is_adjusted_leaps_not(void **state)
{
	(void)state;
	for (int64_t i = 1; i <= DRIFT_STEP; i++)
		assert_int_equal(
		    age(then, i * SECOND), (3600LL + 1) * SECOND * i);
}

static void
nothing_arrives_after_now(void **state)
{
	(void)state;
	assert_int_equal(age(then, year), 3600LL * SECOND);
	assert_int_equal(age(then + 3500LL * SECOND, year), 3700LL * SECOND);
	assert_true(age(then + 3600LL * SECOND, -year) < 0);
	assert_true(age(then - 2 * year, 0) >= 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(time_that_passes_makes_old, begin),
	    cmocka_unit_test_setup(a_leap_forward_does_not, begin),
	    cmocka_unit_test_setup(
		a_leap_that_is_taken_back_is_forgotten, begin),
	    cmocka_unit_test_setup(to_and_fro_is_nowhere, begin),
	    cmocka_unit_test_setup(
		a_step_back_and_again_forward_makes_nothing_old, begin),
	    cmocka_unit_test_setup(
		what_comes_after_a_leap_is_not_touched_by_it, begin),
	    cmocka_unit_test_setup(
		a_clock_that_began_in_1970_and_is_set_right_spares_no_old_mail,
		begin),
	    cmocka_unit_test_setup(a_clock_that_is_adjusted_leaps_not, begin),
	    cmocka_unit_test_setup(nothing_arrives_after_now, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
