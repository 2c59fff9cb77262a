/* retry: qmail's schedule to the second, and clocks that are wrong. */
#include "send/retry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000, WEEK = 604800 };

static const int64_t birth = 1732160000LL * SECOND;
static const struct retry_plan week = {.lifetime = WEEK};

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
	return retry_age(&week, birth, birth + seconds * SECOND, attempts, c);
}

static void
attempts_follow_the_squares(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (size_t i = 0; i + 1 < 8; i++) {
			int64_t age = rows[r].ages[i];
			assert_int_equal(
			    age * SECOND + retry_pause(&week,
					       age_at(age, 1, rows[r].channel),
					       1, rows[r].channel, i),
			    rows[r].ages[i + 1] * SECOND);
		}
}

static void
a_late_attempt_does_not_pull_the_next_one_near(void **state)
{
	(void)state;
	/* 450 s: its root is 21, and 41 squared is 1681. */
	assert_int_equal(
	    retry_pause(&week, 450LL * SECOND, 1, CHANNEL_REMOTE, 1),
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
			assert_int_equal(age + retry_pause(&week, age, i + 1,
						   rows[r].channel, 1),
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
	int64_t longest = retry_longest(&week, CHANNEL_REMOTE);

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
			struct retry_plan p = {
			    .lifetime = lives[i], .spread = RETRY_SPREAD};
			int64_t pause =
			    retry_pause(&p, age, 1, CHANNEL_REMOTE, i);
			assert_true(pause > 361LL * SECOND * 9 / 10);
			assert_true(pause <= retry_longest(&p, CHANNEL_REMOTE));
		}
}

static void
a_list_says_each_pause_and_repeats_the_last(void **state)
{
	static const uint32_t pauses[] = {
	    300, 600, 1800, 3600, 7200, 7200, 7200};
	struct retry_plan p = {.lifetime = WEEK};
	int64_t age = 0;

	(void)state;
	assert_true(retry_parse(&p, str_of("5m 10m 30m 1h 2h")));
	for (uint32_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		assert_int_equal(
		    retry_pause(&p, 9999, i + 1, CHANNEL_LOCAL, i) / SECOND,
		    pauses[i]);
		/* One from the future is as old as the list makes it. */
		assert_int_equal(
		    retry_age(&p, birth, birth - 1, i + 1, CHANNEL_REMOTE),
		    age);
		age += (int64_t)pauses[i] * SECOND;
	}
	assert_int_equal(retry_longest(&p, CHANNEL_REMOTE), 7200LL * SECOND);
	assert_int_equal(retry_age(&p, birth, 0, 0, CHANNEL_REMOTE), 0);
	assert_false(retry_parse(&p, str_of("5m, 10m")));
	assert_int_equal(p.pause_count, 5);
	assert_true(retry_parse(&p, str_of("")));
	assert_int_equal(p.pause_count, 0);
}

/* 100,000 messages that were deferred at once come back spread evenly. */
static void
pauses_are_spread_by_a_tenth_and_the_same_each_time(void **state)
{
	enum { MANY = 100000, SLOTS = 20 };
	struct retry_plan p = {.lifetime = WEEK, .spread = 10, .seed = 5};
	uint32_t slots[SLOTS] = {0};

	(void)state;
	for (uint64_t i = 0; i < MANY; i++) {
		int64_t pause = retry_pause(&p, 0, 1, CHANNEL_REMOTE, i);
		assert_true(pause >= 360LL * SECOND);
		assert_true(pause <= 440LL * SECOND);
		assert_true(pause == retry_pause(&p, 0, 1, CHANNEL_REMOTE, i));
		slots[(pause - 360LL * SECOND) * SLOTS / (80LL * SECOND + 1)]++;
	}
	for (int i = 0; i < SLOTS; i++)
		assert_true(slots[i] > MANY / SLOTS * 9 / 10 &&
			    slots[i] < MANY / SLOTS * 11 / 10);
	assert_true(retry_pause(&p, 0, 2, CHANNEL_REMOTE, 1) !=
		    retry_pause(&p, 0, 1, CHANNEL_REMOTE, 1));
}

static void
bounces_live_for_the_shorter_of_two_times(void **state)
{
	struct retry_plan p = {.lifetime = WEEK, .bounce_lifetime = 3600};

	(void)state;
	assert_int_equal(retry_lifetime(&p, str_of("")), 3600);
	assert_int_equal(retry_lifetime(&p, str_of("#@[]")), 3600);
	assert_int_equal(retry_lifetime(&p, str_of("a@b")), WEEK);
	p.bounce_lifetime = WEEK + 1;
	assert_int_equal(retry_lifetime(&p, str_of("")), WEEK);
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
	    cmocka_unit_test(a_list_says_each_pause_and_repeats_the_last),
	    cmocka_unit_test(
		pauses_are_spread_by_a_tenth_and_the_same_each_time),
	    cmocka_unit_test(bounces_live_for_the_shorter_of_two_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
