/* lane: what results do to a destination, step by step. */
#include "send/lane.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static const struct lane_rules rules = {.initial = 5, .most = 20};

/* n deliveries, one after the other, with that end. */
static void
fly(struct lane *l, const struct lane_rules *r, int n, enum lane_fault fault,
    uint32_t waiting, int64_t now)
{
	while (n-- > 0) {
		assert_true(lane_room(l, r, now) > 0);
		lane_begin(l, r, now);
		lane_learn(l, r, fault, waiting, now);
		lane_end(l, now);
	}
}

static void
it_grows_by_one_for_each_window_of_successes(void **state)
{
	struct lane l;

	(void)state;
	lane_init(&l, &rules);
	for (uint32_t limit = 5; limit < 20; limit++) {
		assert_int_equal(lane_room(&l, &rules, 0), limit);
		fly(&l, &rules, (int)limit - 1, LANE_SERVED, 0, 0);
		assert_int_equal(l.limit, limit);
		fly(&l, &rules, 1, LANE_SERVED, 0, 0);
	}
	fly(&l, &rules, 100, LANE_SERVED, 0, 0);
	assert_int_equal(lane_room(&l, &rules, 0), 20);
	assert_int_equal(l.peak, 1);
}

static void
it_gives_no_more_than_it_may(void **state)
{
	struct lane l;

	(void)state;
	lane_init(&l, &rules);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(lane_room(&l, &rules, 0), 5 - i);
		lane_begin(&l, &rules, 0);
	}
	assert_int_equal(lane_room(&l, &rules, 0), 0);
	assert_true(lane_opens(&l, &rules) == INT64_MAX);
	assert_int_equal(l.peak, 5);
	lane_end(&l, 0);
	assert_int_equal(lane_room(&l, &rules, 0), 1);
}

static void
asked_for_less_it_halves_once_and_pauses(void **state)
{
	struct lane l;
	int64_t now = 100LL * SECOND;

	(void)state;
	lane_init(&l, &rules);
	l.limit = 12;
	for (int i = 0; i < 12; i++)
		lane_begin(&l, &rules, now);
	for (int i = 0; i < 12; i++) {
		lane_learn(&l, &rules, LANE_SLOWED, 0, now + i);
		lane_end(&l, now + i);
	}
	assert_int_equal(l.limit, 6);
	assert_int_equal(lane_room(&l, &rules, now + 5), 0);
	assert_true(
	    lane_opens(&l, &rules) == now + LANE_SLOW * (int64_t)SECOND);
	now += LANE_SLOW * (int64_t)SECOND;
	assert_int_equal(lane_room(&l, &rules, now), 6);
	/* Up to what was not refused by ones, beyond it slowly. */
	fly(&l, &rules, 6 + 7 + 8 + 9 + 10, LANE_SERVED, 0, now);
	assert_int_equal(l.limit, 11);
	fly(&l, &rules, 11 * LANE_TRIES - 1, LANE_SERVED, 0, now);
	assert_int_equal(l.limit, 11);
	fly(&l, &rules, 1, LANE_SERVED, 0, now);
	assert_int_equal(l.limit, 12);
	fly(&l, &rules, 12, LANE_SERVED, 0, now);
	assert_int_equal(l.limit, 13);
}

static void
it_never_gives_less_than_one(void **state)
{
	struct lane l;
	int64_t now = 0;

	(void)state;
	lane_init(&l, &rules);
	for (int i = 0; i < 10; i++) {
		fly(&l, &rules, 1, LANE_SLOWED, 0, now);
		now += (LANE_SLOW + 1) * (int64_t)SECOND;
		assert_true(l.limit >= 1);
		assert_true(lane_room(&l, &rules, now) >= 1);
	}
	assert_int_equal(l.limit, 1);
}

static void
dead_it_is_probed_ever_more_rarely(void **state)
{
	static const struct {
		uint32_t waiting;
		int64_t pauses[12]; /* seconds */
	} rows[] = {
	    {0,      {60, 90, 135, 202, 303, 455, 683, 1025, 1537, 1800, 1800,
		    1800}				       },
	    {32,     {60, 90, 135, 202, 303, 455, 683, 900, 900, 900, 900, 900}},
	    {320,    {60, 90, 135, 163, 163, 163, 163, 163, 163, 163, 163, 163}},
	    {100000, {60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60}          },
	};

	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		struct lane l;
		int64_t now = 1000LL * SECOND;
		lane_init(&l, &rules);
		for (int i = 0; i < 12; i++) {
			fly(&l, &rules, 1, LANE_DIED, rows[r].waiting, now);
			assert_int_equal(lane_room(&l, &rules, l.until - 1), 0);
			assert_true(lane_opens(&l, &rules) == l.until);
			assert_int_equal(
			    (l.until - now) / SECOND, rows[r].pauses[i]);
			now = l.until;
			assert_int_equal(lane_room(&l, &rules, now), 1);
		}
		assert_int_equal(l.failures, 11);
		assert_true(l.since == 1000LL * SECOND);
	}
}

static void
what_flew_when_it_died_is_no_probe(void **state)
{
	struct lane l;
	int64_t now = SECOND, until;

	(void)state;
	lane_init(&l, &rules);
	for (int i = 0; i < 5; i++)
		lane_begin(&l, &rules, now);
	lane_learn(&l, &rules, LANE_DIED, 0, now);
	lane_end(&l, now);
	until = l.until;
	for (int i = 0; i < 3; i++) {
		lane_learn(&l, &rules, LANE_DIED, 0, now + SECOND);
		lane_end(&l, now + SECOND);
	}
	assert_true(l.until == until);
	/* While one flies nothing else is begun, late as it may be. */
	assert_int_equal(lane_room(&l, &rules, until + 9LL * SECOND), 0);
	/* And one that is served has found it alive. */
	lane_learn(&l, &rules, LANE_SERVED, 0, until);
	lane_end(&l, until);
	assert_int_equal(lane_room(&l, &rules, until), 5);
	assert_true(l.since == 0);
}

static void
a_probe_that_teaches_nothing_is_tried_again(void **state)
{
	struct lane l;
	int64_t now;

	(void)state;
	lane_init(&l, &rules);
	fly(&l, &rules, 1, LANE_DIED, 0, SECOND);
	now = l.until;
	lane_begin(&l, &rules, now);
	assert_int_equal(lane_room(&l, &rules, now), 0);
	lane_end(&l, now + SECOND);
	assert_int_equal(lane_room(&l, &rules, now + SECOND), 1);
	assert_int_equal(l.failures, 0);
}

static void
alive_again_it_doubles_up_to_what_it_was(void **state)
{
	static const uint32_t limits[] = {5, 10, 18, 19};
	struct lane l;

	(void)state;
	lane_init(&l, &rules);
	l.limit = 18;
	fly(&l, &rules, 1, LANE_DIED, 0, SECOND);
	fly(&l, &rules, 1, LANE_DIED, 0, l.until);
	fly(&l, &rules, 1, LANE_SERVED, 0, l.until);
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		assert_int_equal(l.limit, limits[i]);
		fly(&l, &rules, (int)limits[i], LANE_SERVED, 0, l.until);
	}
}

static void
a_rate_spaces_recipients(void **state)
{
	const struct lane_rules slow = {
	    .initial = 5, .most = 20, .spacing = SECOND};
	struct lane l;
	int64_t now = 50LL * SECOND;

	(void)state;
	lane_init(&l, &slow);
	assert_int_equal(lane_room(&l, &slow, now), 1);
	lane_begin(&l, &slow, now);
	assert_int_equal(lane_room(&l, &slow, now), 0);
	assert_true(lane_opens(&l, &slow) == now + SECOND);
	lane_charge(&l, &slow, 9);
	assert_true(lane_opens(&l, &slow) == now + 10LL * SECOND);
	/* Time that was not used is not saved up. */
	now += 100LL * SECOND;
	lane_begin(&l, &slow, now);
	assert_true(lane_opens(&l, &slow) == now + SECOND);
	/* Without the rule the time does not count. */
	assert_int_equal(lane_room(&l, &rules, now), 3);
}

static void
what_is_set_by_hand_holds(void **state)
{
	struct lane l;

	(void)state;
	lane_init(&l, &rules);
	l.fixed = 2;
	assert_int_equal(lane_room(&l, &rules, 0), 2);
	l.fixed = 50;
	assert_int_equal(lane_room(&l, &rules, 0), 50);
	l.paused = true;
	assert_int_equal(lane_room(&l, &rules, 0), 0);
	assert_true(lane_opens(&l, &rules) == INT64_MAX);
	assert_false(lane_stale(&l, INT64_MAX / 2));
}

static void
without_a_limit_nothing_is_learnt(void **state)
{
	const struct lane_rules local = {0};
	struct lane l;

	(void)state;
	lane_init(&l, &local);
	fly(&l, &local, 100, LANE_DIED, 0, 0);
	fly(&l, &local, 100, LANE_SLOWED, 0, 0);
	assert_int_equal(lane_room(&l, &local, 0), UINT32_MAX);
}

static void
what_is_old_is_stale(void **state)
{
	const int64_t keep = LANE_KEEP * (int64_t)SECOND;
	struct lane l;

	(void)state;
	lane_init(&l, &rules);
	fly(&l, &rules, 1, LANE_SERVED, 0, SECOND);
	assert_false(lane_stale(&l, SECOND + keep));
	assert_true(lane_stale(&l, SECOND + keep + 1));
	fly(&l, &rules, 1, LANE_DIED, 0, SECOND);
	assert_false(lane_stale(&l, l.until + keep));
	assert_true(lane_stale(&l, l.until + keep + 1));
	lane_begin(&l, &rules, l.until);
	assert_false(lane_stale(&l, l.until + 2 * keep));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_grows_by_one_for_each_window_of_successes),
	    cmocka_unit_test(it_gives_no_more_than_it_may),
	    cmocka_unit_test(asked_for_less_it_halves_once_and_pauses),
	    cmocka_unit_test(it_never_gives_less_than_one),
	    cmocka_unit_test(dead_it_is_probed_ever_more_rarely),
	    cmocka_unit_test(what_flew_when_it_died_is_no_probe),
	    cmocka_unit_test(a_probe_that_teaches_nothing_is_tried_again),
	    cmocka_unit_test(alive_again_it_doubles_up_to_what_it_was),
	    cmocka_unit_test(a_rate_spaces_recipients),
	    cmocka_unit_test(what_is_set_by_hand_holds),
	    cmocka_unit_test(without_a_limit_nothing_is_learnt),
	    cmocka_unit_test(what_is_old_is_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
