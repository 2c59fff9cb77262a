/* spawner: a channel is as wide as its load asks for, and no wider. */
#include "send/spawner.h"

#include "lib/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

/* Begin deliveries until there is no slot; how many are under way then. */
static uint32_t
fill(struct spawner *s)
{
	static char active;

	while (spawner_free(s))
		(void)spawner_take(s, (struct active *)(void *)&active, 0, 0);
	return s->flying;
}

static void
end(struct spawner *s)
{
	spawner_close(s);
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
		assert_false(spawner_widen(&s, 0, due));
		assert_false(
		    spawner_widen(&s, due, due + SPAWNER_PATIENCE - 1));
		assert_int_equal(
		    spawner_next(&s, NEVER), due + SPAWNER_PATIENCE);
		spawner_give(&s, s.hint == 0 ? MOST - 1 : s.hint - 1);
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
		assert_true(spawner_widen(&s, due, now));
		assert_int_equal(fill(&s), wide[i]);
		assert_false(spawner_widen(&s, due, now + SPAWNER_STEP - 1));
		if (wide[i] < MOST)
			assert_int_equal(
			    spawner_next(&s, NEVER), now + SPAWNER_STEP);
		now += SPAWNER_STEP;
	}
	assert_false(spawner_widen(&s, due, now));
	assert_int_equal(spawner_next(&s, NEVER), NEVER);
	end(&s);
}

static void
nobody_is_late_while_there_is_a_slot(void **state)
{
	struct spawner s = made(MOST);
	int64_t due = CLOCK_SECOND, now = due + SPAWNER_PATIENCE;

	(void)state;
	assert_false(spawner_widen(&s, due, now));
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
	assert_true(spawner_widen(&s, CLOCK_SECOND, now));
	assert_int_equal(fill(&s), 2);
	spawner_give(&s, 0);
	spawner_give(&s, 1);
	assert_false(spawner_widen(&s, 0, now + rest));
	assert_int_equal(fill(&s), 2);
	spawner_give(&s, 0);
	spawner_give(&s, 1);
	assert_false(spawner_widen(&s, 0, now + rest + 1));
	assert_int_equal(fill(&s), 1);
	end(&s);
}

static void
a_channel_of_no_width_begins_nothing(void **state)
{
	struct spawner s = made(0);

	(void)state;
	assert_false(spawner_widen(&s, 1, CLOCK_SECOND));
	assert_int_equal(fill(&s), 0);
	assert_true(spawner_limit(&s, 1));
	assert_int_equal(fill(&s), 1);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
