/* share: recipients by part, whose turn it is, and what a clock that was set
 * does to them. */
#include "send/share.h"

#include "lib/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND   ((int64_t)CLOCK_SECOND)

enum { NOW = 10000 }; /* seconds */

static struct active *
with_parts(const uint32_t *parts, uint32_t count)
{
	struct active *a = calloc(1, sizeof *a);

	assert_non_null(a);
	a->fd = -1;
	for (uint32_t i = 0; i < count; i++) {
		struct recipient *r = active_recipient(a, i);
		assert_non_null(r);
		r->part = parts[i];
	}
	assert_true(share_make(a));
	return a;
}

static void
shares_are_found_by_part_and_keep_the_order(void **state)
{
	static const uint32_t parts[] = {
	    9, 4, SCHEDULE_NONE, 9, 0x80000001, 4, 9};
	static const struct {
		uint32_t part, count, numbers[3];
	} rows[] = {
	    {9,          3, {0, 3, 6}},
	    {4,          2, {1, 5}   },
	    {0x80000001, 1, {4}      },
	};
	struct active *a = with_parts(parts, COUNT(parts));

	(void)state;
	assert_int_equal(a->share_count, COUNT(rows));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct share *sh = share_find(a, rows[i].part);
		assert_non_null(sh);
		assert_int_equal(sh->end - sh->first, rows[i].count);
		assert_int_equal(sh->cursor, sh->first);
		for (uint32_t n = 0; n < rows[i].count; n++)
			assert_int_equal(
			    a->order[sh->first + n], rows[i].numbers[n]);
	}
	assert_null(share_find(a, 5));
	assert_null(share_find(a, SCHEDULE_NONE));
	active_free(a);
}

static void
nobody_is_left_in_a_message_that_is_done(void **state)
{
	static const uint32_t parts[] = {SCHEDULE_NONE, SCHEDULE_NONE};
	struct active *a = with_parts(parts, COUNT(parts));

	(void)state;
	assert_int_equal(a->share_count, 0);
	assert_null(share_find(a, 0));
	active_free(a);
}

static struct active *
deferred(const int64_t *next, uint32_t count)
{
	static const uint32_t parts[8];
	struct active *a = with_parts(parts, count);

	for (uint32_t i = 0; i < count; i++) {
		a->recipients[i].next = next[i] * SECOND;
		a->recipients[i].attempts = next[i] == 0 ? 0 : 1;
		a->recipients[i].pause = 1000;
	}
	return a;
}

static void
a_turn_is_for_who_is_due(void **state)
{
	static const int64_t next[] = {NOW - 5, NOW + 1, 0, NOW, NOW + 9};
	struct active *a = deferred(next, COUNT(next));
	struct share *sh = &a->shares[0];
	int64_t now = NOW * SECOND;
	uint32_t seen = 0;

	(void)state;
	assert_true(share_due(a, sh) == 0);
	a->recipients[2].state = RECIPIENT_FLYING;
	assert_true(share_due(a, sh) == (NOW - 5) * SECOND);
	a->recipients[2].state = RECIPIENT_TODO;
	for (; share_next(a, sh, now, false); sh->cursor++)
		seen |= 1U << a->order[sh->cursor];
	assert_int_equal(seen, 1 << 0 | 1 << 2 | 1 << 3);
	sh->cursor = sh->first;
	for (seen = 0; share_next(a, sh, now, true); sh->cursor++)
		seen++;
	assert_int_equal(seen, COUNT(next));
	for (uint32_t i = 0; i < COUNT(next); i++)
		a->recipients[i].state = RECIPIENT_OK;
	assert_true(share_due(a, sh) == INT64_MAX);
	active_free(a);
}

/* Seconds from now: the stamps of two recipients, when the part was due, and
 * when the two are due then. */
static const struct {
	int64_t first, other, due, first_due, other_due;
} clocks[] = {
    {0,     300,   0,   0,   300 }, /* the clock is right */
    {-1,    299,   0,   -1,  299 }, /* or nearly */
    {-50,   250,   -50, -50, 250 }, /* the turn came late */
    {3600,  3900,  0,   0,   300 }, /* it was set back */
    {-3600, -3300, 0,   0,   300 }, /* or forth */
    {0,     1001,  0,   0,   1001}, /* no wait is longer than it was to be */
    {0,     5000,  0,   0,   0   },
    {-9000, 900,   -10, -10, 0   },
};

static void
a_turn_says_what_stamps_mean(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(clocks); i++) {
		int64_t next[] = {NOW + clocks[i].first, NOW + clocks[i].other};
		struct active *a = deferred(next, 2);
		share_turn(a, &a->shares[0], (NOW + clocks[i].due) * SECOND,
		    NOW * SECOND);
		assert_true(a->recipients[0].next ==
			    (NOW + clocks[i].first_due) * SECOND);
		assert_true(a->recipients[1].next ==
			    (NOW + clocks[i].other_due) * SECOND);
		active_free(a);
	}
}

/* Its turn came for who had not been tried. */
static void
who_was_not_tried_moves_no_stamps(void **state)
{
	static const int64_t next[] = {0, NOW + 400};
	struct active *a = deferred(next, 2);

	(void)state;
	share_turn(a, &a->shares[0], NOW * SECOND, NOW * SECOND);
	assert_true(a->recipients[1].next == (NOW + 400) * SECOND);
	active_free(a);
}

static void
what_is_ready_is_counted(void **state)
{
	static const uint32_t none[] = {0};
	struct schedule *t = schedule_new(1);
	struct entry *e;
	struct active *a;
	struct turn turn;
	uint32_t part;

	(void)state;
	assert_non_null(t);
	e = schedule_add(t, 7);
	assert_non_null(e);
	part = schedule_part(
	    t, e, CHANNEL_REMOTE, str_of("@x"), str_of("example.org"));
	a = with_parts(none, 0);
	active_recipient(a, 0)->part = part;
	free(a->order);
	free(a->shares);
	assert_true(share_make(a));
	share_wait(t, a, &a->shares[0], 200, 100);
	assert_int_equal(a->ready, 0);
	share_wait(t, a, &a->shares[0], 100, 100);
	assert_int_equal(a->ready, 1);
	assert_true(a->shares[0].queued);
	schedule_slots(t, CHANNEL_REMOTE, 1, 0);
	assert_true(schedule_next(t, CHANNEL_REMOTE, 1000, &turn));
	assert_int_equal(turn.part, part);
	share_taken(a, &a->shares[0]);
	assert_int_equal(a->ready, 0);
	schedule_end(t, part, 1000);
	active_free(a);
	schedule_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shares_are_found_by_part_and_keep_the_order),
	    cmocka_unit_test(nobody_is_left_in_a_message_that_is_done),
	    cmocka_unit_test(a_turn_is_for_who_is_due),
	    cmocka_unit_test(a_turn_says_what_stamps_mean),
	    cmocka_unit_test(who_was_not_tried_moves_no_stamps),
	    cmocka_unit_test(what_is_ready_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
