/* turn: whose delivery begins, seen one at a time. */
#include "send/schedule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static uint64_t ino;

/* n messages of a customer for a lane, ready at now. */
static void
queue_on(struct schedule *t, enum channel c, int n, const char *customer,
    const char *lane, int64_t now)
{
	while (n-- > 0) {
		struct entry *e = schedule_add(t, ++ino);
		uint32_t part;
		assert_non_null(e);
		part = schedule_part(t, e, c, str_of(customer), str_of(lane));
		assert_true(part != SCHEDULE_NONE);
		schedule_wait(t, part, now, now);
	}
}

static void
queue(struct schedule *t, int n, const char *customer, const char *lane)
{
	queue_on(t, CHANNEL_REMOTE, n, customer, lane, 0);
}

static struct turn
next(struct schedule *t, int64_t now)
{
	struct turn turn;

	assert_true(schedule_next(t, CHANNEL_REMOTE, now, &turn));
	return turn;
}

static bool
is(struct str s, const char *text)
{
	return str_equal(s, str_of(text));
}

static void
end(struct schedule *t, const struct turn *turn, enum lane_fault fault,
    const char *group, int64_t now)
{
	schedule_learn(t, turn->part, fault, str_of(group), now);
	schedule_end(t, turn->part, now);
	schedule_remove(t, turn->entry);
}

static void
none(struct schedule *t, int64_t now)
{
	struct turn turn;

	assert_false(schedule_next(t, CHANNEL_REMOTE, now, &turn));
}

static struct schedule *
with(uint32_t slots, uint32_t reserve)
{
	struct schedule *t = schedule_new(3);

	assert_non_null(t);
	schedule_slots(t, CHANNEL_REMOTE, slots, reserve);
	return t;
}

static void
customers_and_then_their_lanes_have_turns(void **state)
{
	static const char *const order[] = {
	    "ax", "bx", "ay", "by", "ax", "bx", "ay", "by"};
	struct schedule *t = with(100, 0);

	(void)state;
	queue(t, 50, "a", "x");
	queue(t, 50, "a", "y");
	queue(t, 2, "b", "x");
	queue(t, 2, "b", "y");
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		struct turn turn = next(t, 0);
		assert_int_equal(turn.customer.data[0], order[i][0]);
		assert_int_equal(turn.lane.data[0], order[i][1]);
	}
	schedule_free(t);
}

static void
a_job_of_many_recipients_is_many_turns(void **state)
{
	struct schedule *t = with(100, 0);
	struct turn turn;
	int small = 0;

	(void)state;
	schedule_set(
	    t, &(struct schedule_settings){
		   .lane_initial = 100, .lane_most = 100, .patience = SECOND});
	queue(t, 9, "list", "x1");
	queue(t, 99, "joe", "x2");
	turn = next(t, 0);
	assert_true(is(turn.customer, "list"));
	schedule_charge(t, turn.part, 10);
	for (;; small++) {
		turn = next(t, 0);
		if (is(turn.customer, "list"))
			break;
	}
	assert_int_equal(small, 10);
	schedule_free(t);
}

static void
the_reserve_is_for_customers_and_lanes_without_any(void **state)
{
	struct schedule *t = with(8, 2);
	struct turn turn;

	(void)state;
	schedule_set(
	    t, &(struct schedule_settings){
		   .lane_initial = 100, .lane_most = 100, .patience = SECOND});
	queue(t, 50, "big", "x");
	for (int i = 0; i < 6; i++)
		(void)next(t, 0);
	none(t, 0);
	assert_true(schedule_starved(t, CHANNEL_REMOTE) == 0);
	/* A lane with deliveries under way, then a customer with some. */
	queue_on(t, CHANNEL_REMOTE, 1, "new", "x", SECOND);
	none(t, SECOND);
	queue_on(t, CHANNEL_REMOTE, 1, "big", "y", SECOND);
	none(t, SECOND);
	queue_on(t, CHANNEL_REMOTE, 2, "new", "y", SECOND);
	turn = next(t, SECOND);
	assert_true(is(turn.customer, "new") && is(turn.lane, "y"));
	none(t, SECOND);
	/* Both have none again. */
	end(t, &turn, LANE_SERVED, "", SECOND);
	turn = next(t, SECOND);
	assert_true(is(turn.customer, "new") && is(turn.lane, "y"));
	none(t, SECOND);
	/* More slots: what hung for the reserve alone goes on. */
	schedule_slots(t, CHANNEL_REMOTE, 100, 2);
	for (int i = 0; i < 46; i++)
		(void)next(t, SECOND);
	none(t, SECOND);
	schedule_free(t);
}

static void
what_waits_for_slots_is_told_from_what_waits_for_lanes(void **state)
{
	struct schedule *t = with(3, 0);
	struct turn turn[3];

	(void)state;
	queue_on(t, CHANNEL_REMOTE, 10, "a", "x", 7 * (int64_t)SECOND);
	for (int i = 0; i < 3; i++)
		turn[i] = next(t, 8 * (int64_t)SECOND);
	none(t, 8 * (int64_t)SECOND);
	assert_true(schedule_starved(t, CHANNEL_REMOTE) == 7 * (int64_t)SECOND);
	end(t, &turn[0], LANE_SLOWED, "", 9 * (int64_t)SECOND);
	none(t, 9 * (int64_t)SECOND);
	assert_true(schedule_starved(t, CHANNEL_REMOTE) == 0);
	assert_true(
	    schedule_timer(t, INT64_MAX) == (9 + LANE_SLOW) * (int64_t)SECOND ||
	    schedule_timer(t, INT64_MAX) == INT64_MAX);
	schedule_free(t);
}

static void
lanes_of_one_group_are_one(void **state)
{
	struct schedule *t = with(100, 0);
	struct schedule_view v;
	struct turn a, b;
	uint32_t cursor = 0, lanes = 0;

	(void)state;
	queue(t, 10, "c", "a.test");
	queue(t, 10, "d", "b.test");
	a = next(t, 0);
	b = next(t, 0);
	assert_true(is(a.group, "a.test"));
	end(t, &a, LANE_SERVED, "mx", 0);
	end(t, &b, LANE_SERVED, "mx", 0);
	for (int i = 0; i < LANE_INITIAL; i++) {
		a = next(t, 0);
		assert_true(is(a.group, "mx"));
	}
	none(t, 0);
	while (schedule_each_lane(t, &cursor, &v)) {
		assert_true(is(v.group, "mx"));
		assert_int_equal(v.lane->flying, LANE_INITIAL);
		lanes++;
	}
	assert_int_equal(lanes, 2);
	schedule_free(t);
}

static void
a_lane_leaves_a_group_that_is_not_its_own_any_more(void **state)
{
	struct schedule *t = with(100, 0);
	struct turn a[5], b[5];
	int n = 0, m = 0;

	(void)state;
	queue(t, 20, "c", "a.test");
	queue(t, 20, "d", "b.test");
	a[0] = next(t, 0);
	b[0] = next(t, 0);
	end(t, &a[0], LANE_SERVED, "mx", 0);
	end(t, &b[0], LANE_SERVED, "mx", 0);
	for (int i = 0; i < LANE_INITIAL; i++) {
		struct turn turn = next(t, 0);
		if (is(turn.lane, "a.test"))
			a[n++] = turn;
		else
			b[m++] = turn;
	}
	none(t, 0);
	/* Others fly on, and count where their lane is. */
	end(t, &a[0], LANE_SERVED, "other", 0);
	for (int i = 0; i < 2 * LANE_INITIAL - (n - 1) - m; i++)
		(void)next(t, 0);
	none(t, 0);
	/* The death of one is not the other's. */
	end(t, &b[0], LANE_DIED, "mx", SECOND);
	none(t, SECOND);
	end(t, &a[1], LANE_SERVED, "", SECOND);
	a[0] = next(t, SECOND);
	assert_true(is(a[0].lane, "a.test") && is(a[0].group, "other"));
	none(t, SECOND);
	schedule_free(t);
}

static void
a_dead_lane_costs_one_timer(void **state)
{
	struct schedule *t = with(100, 0);
	struct schedule_figures before, after;
	struct turn turn;
	int64_t now = SECOND;

	(void)state;
	schedule_set(t, &(struct schedule_settings){.lane_initial = 5,
			    .lane_most = 20,
			    .patience = (int64_t)1000 * 3600 * SECOND});
	queue(t, 50000, "a", "gone");
	turn = next(t, now);
	end(t, &turn, LANE_DIED, "", now);
	none(t, now);
	schedule_figures(t, CHANNEL_REMOTE, &before);
	for (int i = 0; i < 60; i++) {
		assert_true(schedule_timer(t, INT64_MAX) ==
			    now + LANE_DEAD * (int64_t)SECOND);
		now += LANE_DEAD * (int64_t)SECOND;
		none(t, now - 1);
		turn = next(t, now);
		none(t, now);
		end(t, &turn, LANE_DIED, "", now);
	}
	schedule_figures(t, CHANNEL_REMOTE, &after);
	assert_true(after.steps - before.steps < 2400);
	schedule_free(t);
}

static void
what_waits_too_long_for_a_dead_lane_is_handed_out(void **state)
{
	struct schedule *t = with(100, 0);
	const int64_t minute = 60 * (int64_t)SECOND;
	struct turn turn;
	int64_t now = minute, end_at = 100 * minute;
	int probes = 0, looks = 0;

	(void)state;
	schedule_set(t,
	    &(struct schedule_settings){
		.lane_initial = 5, .lane_most = 20, .patience = 30 * minute});
	queue_on(t, CHANNEL_REMOTE, 100, "a", "gone", now);
	queue_on(t, CHANNEL_REMOTE, 100, "b", "gone", now);
	queue_on(t, CHANNEL_REMOTE, 100, "c", "full", now);
	for (int i = 0; i < LANE_INITIAL; i++)
		while (schedule_next(t, CHANNEL_REMOTE, now, &turn))
			if (is(turn.lane, "gone"))
				end(t, &turn, LANE_DIED, "", now);
	while (now < end_at) {
		now = schedule_timer(t, end_at);
		while (schedule_overdue(t, now, &turn)) {
			assert_true(is(turn.lane, "gone"));
			assert_true(now - turn.due >= 30 * minute);
			assert_true(now - turn.due <= 33 * minute);
			schedule_remove(t, turn.entry);
			looks++;
		}
		while (schedule_next(t, CHANNEL_REMOTE, now, &turn)) {
			assert_true(is(turn.lane, "gone"));
			end(t, &turn, LANE_DIED, "", now);
			probes++;
		}
	}
	assert_int_equal(looks + probes, 199);
	assert_true(probes > 5 && probes < 31);
	schedule_free(t);
}

static void
a_lane_is_shaped_by_hand(void **state)
{
	struct schedule *t = with(100, 0);
	struct turn turn;

	(void)state;
	assert_true(schedule_shape(t, str_of("x"), true, 0, 0));
	queue(t, 50, "a", "x");
	none(t, 0);
	assert_true(schedule_timer(t, INT64_MAX) == INT64_MAX);
	assert_true(schedule_shape(t, str_of("x"), false, 2, 0));
	turn = next(t, 0);
	(void)next(t, 0);
	none(t, 0);
	assert_true(schedule_shape(t, str_of("x"), false, 0, 0));
	(void)next(t, 0);
	end(t, &turn, LANE_SERVED, "", 0);
	schedule_free(t);
}

/* Local mail: lanes have no limit, and where there is but one domain it is no
 * reason to keep slots free, while a single sender is. */
static void
local_mail_for_one_domain_may_have_the_reserve(void **state)
{
	struct schedule *t = schedule_new(3);
	struct turn turn;
	int n = 0;

	(void)state;
	schedule_slots(t, CHANNEL_LOCAL, 8, 2);
	queue_on(t, CHANNEL_LOCAL, 20, "a", "home", 0);
	while (schedule_next(t, CHANNEL_LOCAL, 0, &turn))
		n++;
	assert_int_equal(n, 6);
	queue_on(t, CHANNEL_LOCAL, 1, "b", "home", 0);
	assert_true(schedule_next(t, CHANNEL_LOCAL, 0, &turn));
	assert_true(is(turn.customer, "b"));
	queue_on(t, CHANNEL_LOCAL, 1, "c", "away", 0);
	queue_on(t, CHANNEL_LOCAL, 1, "d", "home", 0);
	assert_true(schedule_next(t, CHANNEL_LOCAL, 0, &turn));
	assert_true(is(turn.customer, "c"));
	assert_false(schedule_next(t, CHANNEL_LOCAL, 0, &turn));
	/* The other channel has slots of its own: none. */
	queue(t, 1, "a", "x");
	none(t, 0);
	schedule_free(t);
}

/* One with more recipients than a job holds. */
static void
a_part_may_fly_many_times_at_once(void **state)
{
	struct schedule *t = with(100, 0);
	struct turn turn;
	uint32_t part = SCHEDULE_NONE;

	(void)state;
	queue(t, 1, "a", "x");
	for (uint32_t i = 1; i <= LANE_INITIAL; i++) {
		turn = next(t, 0);
		assert_true(part == SCHEDULE_NONE || part == turn.part);
		part = turn.part;
		schedule_charge(t, part, 100);
		schedule_wait(t, part, 0, 0);
		assert_int_equal(schedule_flying(t, part), i);
	}
	none(t, 0);
	for (uint32_t i = 0; i < LANE_INITIAL; i++)
		schedule_end(t, part, 0);
	assert_int_equal(schedule_flying(t, part), 0);
	turn = next(t, 0);
	assert_int_equal(turn.part, part);
	schedule_free(t);
}

/* Forged mail to hosts that are not there, each sender and each host new. */
static void
flood(struct schedule *t, int n, const char *customer, const char *lane)
{
	char from[32], to[32];

	for (int i = 0; i < n; i++) {
		(void)snprintf(from, sizeof from, "%s%d", customer, i);
		(void)snprintf(to, sizeof to, "%s%d", lane, i);
		queue(t, 1, from, to);
	}
}

/* A lane that has served. */
static void
know(struct schedule *t, const char *lane)
{
	struct turn turn;

	queue(t, 1, "somebody", lane);
	turn = next(t, 0);
	end(t, &turn, LANE_SERVED, "", 0);
}

static void
lanes_that_never_served_do_not_take_all_slots(void **state)
{
	struct schedule *t = with(8, 2);
	struct turn turns[6];
	int ours = 0;

	(void)state;
	know(t, "known");
	flood(t, 1000, "forged", "nowhere");
	queue(t, 5, "joe", "known");
	for (int i = 0; i < 6; i++) {
		turns[i] = next(t, 0);
		ours += is(turns[i].customer, "joe");
	}
	assert_int_equal(ours, 2);
	/* Whoever's delivery ends, they have no more than half. */
	for (int i = 0; i < 6; i++)
		if (is(turns[i].customer, "joe")) {
			end(t, &turns[i], LANE_SERVED, "", 0);
			assert_true(is(next(t, 0).customer, "joe"));
		}
	schedule_free(t);
}

static void
lanes_that_never_served_have_what_others_leave(void **state)
{
	struct schedule *t = with(8, 4);
	struct turn turn;

	(void)state;
	know(t, "known");
	flood(t, 1000, "forged", "nowhere");
	for (int i = 0; i < 6; i++)
		assert_true(str_starts(next(t, 0).customer, str_of("forged")));
	/* But for half of the reserve. */
	none(t, 0);
	queue(t, 1, "joe", "known");
	turn = next(t, 0);
	assert_true(is(turn.customer, "joe"));
	none(t, 0);
	/* With more slots there are more. */
	assert_true(schedule_starved(t, CHANNEL_REMOTE) == 0);
	schedule_slots(t, CHANNEL_REMOTE, 16, 4);
	for (int i = 0; i < 8; i++)
		(void)next(t, 0);
	none(t, 0);
	schedule_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(customers_and_then_their_lanes_have_turns),
	    cmocka_unit_test(a_job_of_many_recipients_is_many_turns),
	    cmocka_unit_test(
		the_reserve_is_for_customers_and_lanes_without_any),
	    cmocka_unit_test(
		what_waits_for_slots_is_told_from_what_waits_for_lanes),
	    cmocka_unit_test(lanes_of_one_group_are_one),
	    cmocka_unit_test(
		a_lane_leaves_a_group_that_is_not_its_own_any_more),
	    cmocka_unit_test(a_dead_lane_costs_one_timer),
	    cmocka_unit_test(what_waits_too_long_for_a_dead_lane_is_handed_out),
	    cmocka_unit_test(a_lane_is_shaped_by_hand),
	    cmocka_unit_test(local_mail_for_one_domain_may_have_the_reserve),
	    cmocka_unit_test(a_part_may_fly_many_times_at_once),
	    cmocka_unit_test(lanes_that_never_served_do_not_take_all_slots),
	    cmocka_unit_test(lanes_that_never_served_have_what_others_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
