/* retry: qmail's schedule to the second, and clocks that are wrong. */
#include "send/retry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000, WEEK = 604800 };

static const int64_t birth = 1732160000LL * SECOND;

/* Attempts of a message that is always deferred at once, seconds after its
 * arrival: the table of qmail's own documentation. */
static const struct {
	enum channel channel;
	int64_t ages[8];
} rows[] = {
    {CHANNEL_LOCAL,  {0, 100, 400, 900, 1600, 2500, 3600, 4900}     },
    {CHANNEL_REMOTE, {0, 400, 1600, 3600, 6400, 10000, 14400, 19600}},
};

static int64_t
age_at(int64_t seconds, uint32_t attempts, enum channel c)
{
	return retry_age(birth, birth + seconds * SECOND, attempts, c);
}

static void
attempts_follow_the_squares(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (size_t i = 0; i + 1 < 8; i++) {
			int64_t age = rows[r].ages[i];
			assert_int_equal(
			    age * SECOND +
				retry_pause(age_at(age, 1, rows[r].channel),
				    WEEK, rows[r].channel),
			    rows[r].ages[i + 1] * SECOND);
		}
}

static void
a_late_attempt_does_not_pull_the_next_one_near(void **state)
{
	(void)state;
	/* 450 s: its root is 21, and 41 squared is 1681. */
	assert_int_equal(retry_pause(450LL * SECOND, WEEK, CHANNEL_REMOTE),
	    (1681LL - 450) * SECOND);
}

/* What arrived while the clock was years ahead is tried as often as any other,
 * and given up as any other: after as many attempts. */
static void
a_message_from_the_future_ages_by_its_attempts(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (uint32_t i = 0; i + 1 < 8; i++) {
			int64_t age = age_at(-86400, i + 1, rows[r].channel);
			assert_int_equal(age, rows[r].ages[i] * SECOND);
			assert_int_equal(
			    age + retry_pause(age, WEEK, rows[r].channel),
			    rows[r].ages[i + 1] * SECOND);
		}
	assert_false(retry_expired(age_at(-1, 78, CHANNEL_LOCAL), 78, WEEK));
	assert_true(retry_expired(age_at(-1, 79, CHANNEL_LOCAL), 79, WEEK));
	assert_true(age_at(-1, 0xffffff, CHANNEL_REMOTE) > 0);
	assert_int_equal(age_at(-1, 0, CHANNEL_REMOTE), 0);
}

static void
nothing_expires_before_its_second_attempt(void **state)
{
	(void)state;
	assert_false(retry_expired(INT64_MAX, 1, WEEK));
	assert_true(retry_expired(INT64_MAX, 2, WEEK));
	assert_false(retry_expired((int64_t)WEEK * SECOND, 2, WEEK));
	assert_true(retry_expired((WEEK + 1LL) * SECOND, 2, WEEK));
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
}

/* Or a message that is older than its lifetime would be due now, and again, as
 * soon as it was deferred. */
static void
no_pause_is_longer_than_the_longest(void **state)
{
	static const uint64_t lives[] = {
	    0, 1, 3600, WEEK, UINT32_MAX, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++)
		for (int64_t age = 0; age < INT64_MAX / 3; age = age * 3 + 7) {
			int64_t pause =
			    retry_pause(age, lives[i], CHANNEL_REMOTE);
			assert_true(pause > 361LL * SECOND);
			assert_true(
			    pause <= retry_longest(lives[i], CHANNEL_REMOTE));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(attempts_follow_the_squares),
	    cmocka_unit_test(a_late_attempt_does_not_pull_the_next_one_near),
	    cmocka_unit_test(a_message_from_the_future_ages_by_its_attempts),
	    cmocka_unit_test(nothing_expires_before_its_second_attempt),
	    cmocka_unit_test(a_stamp_that_no_schedule_gives_is_due_now),
	    cmocka_unit_test(no_pause_is_longer_than_the_longest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
