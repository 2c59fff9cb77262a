/* spawner: a channel is as wide as its load asks for, and no wider. */
#include "send/spawner.h"

#include "lib/clock.h"
#include "lib/frame.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 10, NEVER = 1000000000 };

static struct spawner
made(uint64_t most)
{
	struct spawner s;

	spawner_init(&s, "nowhere", 0);
	assert_true(spawner_limit(&s, most));
	s.serving = true;
	return s;
}

static struct active *
somebody(void)
{
	static char active;

	return (struct active *)(void *)&active;
}

/* Take a slot for a job of so many recipients; its number. */
static uint32_t
take(struct spawner *s, uint32_t count)
{
	static const char numbers[] = "\0\0\0\5\0\0\0\6\0\0\0\7";
	struct job j = {
	    .count = count, .numbers = {numbers, (size_t)4 * count}
        };

	assert_true(spawner_take(s, &j, somebody(), 0, 0));
	return j.job;
}

static void
give(struct spawner *s, uint32_t slot)
{
	free(spawner_give(s, slot).numbers);
}

/* Begin deliveries until there is no slot; how many are under way then. */
static uint32_t
fill(struct spawner *s)
{
	while (s->flying < spawner_slots(s))
		(void)take(s, 1);
	return s->flying;
}

static void
end(struct spawner *s)
{
	spawner_close(s);
	buf_free(&s->in);
	buf_free(&s->out);
	for (uint32_t i = 0; i < s->size; i++)
		free(s->flights[i].numbers);
	free(s->flights);
}

static void
a_trickle_has_one_delivery_at_a_time(void **state)
{
	struct spawner s = made(MOST);
	int64_t due = CLOCK_SECOND;

	(void)state;
	for (int i = 0; i < 100; i++, due += 1000) {
		assert_int_equal(fill(&s), 1);
		assert_false(spawner_widen(&s, 0, 0, due));
		assert_false(
		    spawner_widen(&s, 0, due, due + SPAWNER_PATIENCE - 1));
		assert_int_equal(
		    spawner_next(&s, NEVER), due + SPAWNER_PATIENCE);
		give(&s, s.hint == 0 ? MOST - 1 : s.hint - 1);
	}
	end(&s);
}

static void
a_message_that_is_late_gets_slots_step_by_step(void **state)
{
	static const uint32_t wide[] = {2, 4, 8, MOST};
	struct spawner s = made(MOST);
	int64_t due = CLOCK_SECOND, now = due + SPAWNER_PATIENCE;

	(void)state;
	assert_int_equal(fill(&s), 1);
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		assert_true(spawner_widen(&s, 0, due, now));
		assert_int_equal(fill(&s), wide[i]);
		assert_false(spawner_widen(&s, 0, due, now + SPAWNER_STEP - 1));
		if (wide[i] < MOST)
			assert_int_equal(
			    spawner_next(&s, NEVER), now + SPAWNER_STEP);
		now += SPAWNER_STEP;
	}
	assert_false(spawner_widen(&s, 0, due, now));
	assert_int_equal(spawner_next(&s, NEVER), NEVER);
	end(&s);
}

static void
nobody_is_late_while_there_is_a_slot(void **state)
{
	struct spawner s = made(MOST);
	int64_t due = CLOCK_SECOND, now = due + SPAWNER_PATIENCE;

	(void)state;
	assert_false(spawner_widen(&s, 0, due, now));
	assert_int_equal(spawner_next(&s, NEVER), NEVER);
	assert_int_equal(fill(&s), 1);
	end(&s);
}

static void
after_a_rest_it_is_narrow_again(void **state)
{
	struct spawner s = made(MOST);
	int64_t now = CLOCK_SECOND + SPAWNER_PATIENCE;
	int64_t rest = (int64_t)JOB_IDLE * CLOCK_SECOND;

	(void)state;
	(void)fill(&s);
	assert_true(spawner_widen(&s, 0, CLOCK_SECOND, now));
	assert_int_equal(fill(&s), 2);
	give(&s, 0);
	give(&s, 1);
	assert_false(spawner_widen(&s, 0, 0, now + rest));
	assert_int_equal(fill(&s), 2);
	give(&s, 0);
	give(&s, 1);
	assert_false(spawner_widen(&s, 0, 0, now + rest + 1));
	assert_int_equal(fill(&s), 1);
	end(&s);
}

static void
a_channel_of_no_width_begins_nothing(void **state)
{
	struct spawner s = made(0);

	(void)state;
	assert_false(spawner_widen(&s, 0, 1, CLOCK_SECOND));
	assert_int_equal(fill(&s), 0);
	assert_true(spawner_limit(&s, 1));
	assert_int_equal(fill(&s), 1);
	end(&s);
}

static void
nothing_begins_while_nobody_serves(void **state)
{
	struct spawner s = made(MOST);

	(void)state;
	s.serving = false;
	assert_int_equal(spawner_slots(&s), 0);
	assert_int_equal(spawner_reserve(&s, 25), 0);
	end(&s);
}

/* Slots that are not open yet are as good as kept. */
static void
the_last_slots_are_the_reserve(void **state)
{
	static const struct {
		uint32_t most, width, percent, reserve;
	} rows[] = {
	    {8,   1,   25, 0 },
	    {8,   6,   25, 0 },
	    {8,   7,   25, 1 },
	    {8,   8,   25, 2 },
	    {8,   16,  25, 2 },
	    {8,   8,   0,  0 },
	    {3,   4,   25, 0 },
	    {100, 128, 90, 90},
	    {0,   1,   25, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spawner s = made(rows[i].most);
		s.width = rows[i].width;
		assert_int_equal(
		    spawner_reserve(&s, rows[i].percent), rows[i].reserve);
		end(&s);
	}
}

/* What is reserved is not taken by what is late, and more is opened. */
static void
a_reserve_does_not_keep_it_narrow(void **state)
{
	struct spawner s = made(MOST);
	int64_t due = CLOCK_SECOND, now = due + SPAWNER_PATIENCE;

	(void)state;
	s.width = 4;
	for (int i = 0; i < 3; i++)
		(void)take(&s, 1);
	assert_false(spawner_widen(&s, 0, due, now));
	assert_true(spawner_widen(&s, 1, due, now));
	end(&s);
}

static void
a_flight_knows_who_has_no_result(void **state)
{
	struct spawner s = made(MOST);
	uint32_t slot = take(&s, 3);
	struct flight f = s.flights[slot];

	(void)state;
	assert_int_equal(f.count, 3);
	assert_int_equal(f.left, 3);
	assert_ptr_equal(f.active, somebody());
	assert_int_equal(flight_find(&f, 6), 1);
	assert_int_equal(flight_find(&f, 8), 3);
	f.numbers[1] = JOB_END;
	assert_int_equal(flight_find(&f, 6), 3);
	give(&s, slot);
	assert_null(s.flights[slot].active);
	assert_int_equal(s.flying, 0);
	end(&s);
}

static void
there_are_no_more_slots_than_there_are(void **state)
{
	struct spawner s = made(1);
	struct job j = {
	    .count = 1, .numbers = {"\0\0\0\1", 4}
        };

	(void)state;
	(void)take(&s, 1);
	assert_false(spawner_take(&s, &j, somebody(), 0, 0));
	end(&s);
}

static void
what_came_before_the_end_is_heard(void **state)
{
	const struct result said = {.number = 5, .letter = 'K'};
	struct spawner s = made(MOST);
	struct buf b = {.max = JOB_PACKET};
	struct result r;
	size_t used;
	bool broken;
	int ends[2];

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	s.fd = ends[0];
	assert_int_equal(take(&s, 1), 0);
	assert_true(result_write(&b, &said));
	assert_true(frame_write(ends[1], 'R', buf_str(&b)));
	assert_int_equal(close(ends[1]), 0);
	assert_true(buf_append_text(&s.out, "the next job"));
	assert_false(spawner_write(&s));
	assert_true(spawner_result(&s, &r, &used, &broken));
	assert_int_equal(r.letter, 'K');
	assert_int_equal(r.number, 5);
	buf_free(&b);
	end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_trickle_has_one_delivery_at_a_time),
	    cmocka_unit_test(a_message_that_is_late_gets_slots_step_by_step),
	    cmocka_unit_test(nobody_is_late_while_there_is_a_slot),
	    cmocka_unit_test(after_a_rest_it_is_narrow_again),
	    cmocka_unit_test(a_channel_of_no_width_begins_nothing),
	    cmocka_unit_test(nothing_begins_while_nobody_serves),
	    cmocka_unit_test(the_last_slots_are_the_reserve),
	    cmocka_unit_test(a_reserve_does_not_keep_it_narrow),
	    cmocka_unit_test(a_flight_knows_who_has_no_result),
	    cmocka_unit_test(there_are_no_more_slots_than_there_are),
	    cmocka_unit_test(what_came_before_the_end_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
