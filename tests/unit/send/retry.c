/* retry: qmail's schedule to the second, and clocks that are wrong. */
#include "send/retry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000, WEEK = 604800 };

/* Attempts of a message that is always deferred at once, seconds after its
 * arrival: the table of qmail's own documentation. */
static const struct {
	enum channel channel;
	int64_t ages[8];
} rows[] = {
    {CHANNEL_LOCAL,  {0, 100, 400, 900, 1600, 2500, 3600, 4900}     },
    {CHANNEL_REMOTE, {0, 400, 1600, 3600, 6400, 10000, 14400, 19600}},
};

static void
attempts_follow_the_squares(void **state)
{
	const int64_t birth = 1732160000LL * SECOND;

	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (size_t i = 0; i + 1 < 8; i++)
			assert_int_equal(
			    retry_next(birth, birth + rows[r].ages[i] * SECOND,
				rows[r].channel),
			    birth + rows[r].ages[i + 1] * SECOND);
}

static void
a_late_attempt_does_not_pull_the_next_one_near(void **state)
{
	(void)state;
	/* 450 s: its root is 21, and 41 squared is 1681. */
	assert_int_equal(
	    retry_next(0, 450LL * SECOND, CHANNEL_REMOTE), 1681LL * SECOND);
}

static void
a_message_from_the_future_is_young(void **state)
{
	(void)state;
	assert_int_equal(
	    retry_next(5000LL * SECOND, 0, CHANNEL_LOCAL), 100LL * SECOND);
	assert_false(retry_expired(5000LL * SECOND, 0, 9, 1));
}

static void
nothing_expires_before_its_second_attempt(void **state)
{
	(void)state;
	assert_false(retry_expired(0, INT64_MAX, 1, WEEK));
	assert_true(retry_expired(0, INT64_MAX, 2, WEEK));
	assert_false(retry_expired(0, (int64_t)WEEK * SECOND, 2, WEEK));
	assert_true(retry_expired(0, (WEEK + 1LL) * SECOND, 2, WEEK));
}

static void
a_stamp_that_no_schedule_gives_is_due_now(void **state)
{
	int64_t longest = retry_longest(WEEK, CHANNEL_REMOTE);

	(void)state;
	assert_int_equal(retry_wait(100, 40, longest), 60);
	assert_int_equal(retry_wait(40, 100, longest), 0);
	assert_int_equal(retry_wait(longest, 0, longest), longest);
	assert_int_equal(retry_wait(longest + 1, 0, longest), 0);
	for (int64_t age = 0; age <= WEEK; age += 1000)
		assert_true(retry_next(0, age * SECOND, CHANNEL_REMOTE) -
				age * SECOND <=
			    longest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(attempts_follow_the_squares),
	    cmocka_unit_test(a_late_attempt_does_not_pull_the_next_one_near),
	    cmocka_unit_test(a_message_from_the_future_is_young),
	    cmocka_unit_test(nothing_expires_before_its_second_attempt),
	    cmocka_unit_test(a_stamp_that_no_schedule_gives_is_due_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
