/* schedule: the order of turns, against a plain model of it. */
#include "send/schedule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGES = 20000, STEPS = 200000 };

struct model {
	bool known, waits;
	int64_t due;
};

static uint32_t seed = 1;

static uint32_t
dice(uint32_t sides)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % sides;
}

/* Numbers as a file system gives them: close together, and far apart. */
static uint64_t
ino_of(uint32_t i)
{
	return i % 2 == 0 ? 1000 + i : ((uint64_t)i << 34) + 7;
}

static void
step(struct schedule *s, struct model *m)
{
	uint32_t i = dice(MESSAGES);
	struct entry *e = schedule_find(s, ino_of(i));

	assert_int_equal(e != NULL, m[i].known);
	if (e == NULL) {
		e = schedule_add(s, ino_of(i));
		assert_non_null(e);
		assert_true(e->ino == ino_of(i));
		assert_int_equal(e->flags, 0);
		m[i].known = true;
	}
	switch (dice(4)) {
	case 0:
		schedule_remove(s, e);
		m[i].known = m[i].waits = false;
		break;
	case 1:
		schedule_take(s, e);
		m[i].waits = false;
		break;
	default:
		m[i].due = dice(100000);
		m[i].waits = true;
		schedule_put(s, e, m[i].due);
		break;
	}
}

static void
turns_come_in_order_whatever_happens_before(void **state)
{
	struct schedule *s = schedule_new();
	struct model *m = calloc(MESSAGES, sizeof *m);
	size_t waiting = 0, known = 0;
	int64_t last = -1;
	struct entry *e;

	(void)state;
	assert_non_null(s);
	assert_non_null(m);
	for (int i = 0; i < STEPS; i++)
		step(s, m);
	for (size_t i = 0; i < MESSAGES; i++) {
		known += m[i].known;
		waiting += m[i].waits;
	}
	assert_int_equal(schedule_count(s), known);
	assert_int_equal(schedule_waiting(s), waiting);
	while ((e = schedule_first(s)) != NULL) {
		assert_true(e->due >= last);
		last = e->due;
		schedule_remove(s, e);
		waiting--;
	}
	assert_int_equal(waiting, 0);
	free(m);
	schedule_free(s);
}

static void
forcing_makes_everything_due_and_keeps_the_order(void **state)
{
	struct schedule *s = schedule_new();
	struct entry *e;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		schedule_put(s, schedule_add(s, i), (int64_t)(i * 37 % 101));
	schedule_force(s, 50);
	for (int64_t last = 0; (e = schedule_first(s)) != NULL;) {
		assert_true(e->due <= 50 && e->due >= last);
		assert_true((e->flags & ENTRY_FORCE) != 0);
		last = e->due;
		schedule_take(s, e);
	}
	schedule_free(s);
}

static void
a_million_messages_take_at_most_64_bytes_each(void **state)
{
	struct schedule *s = schedule_new();
	struct entry *first = schedule_add(s, 5);

	(void)state;
	for (uint64_t i = 10; i < 1000010; i++)
		schedule_put(s, schedule_add(s, i), (int64_t)i);
	assert_true(schedule_bytes(s) / schedule_count(s) <= 64);
	assert_ptr_equal(schedule_find(s, 5), first);
	schedule_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(turns_come_in_order_whatever_happens_before),
	    cmocka_unit_test(forcing_makes_everything_due_and_keeps_the_order),
	    cmocka_unit_test(a_million_messages_take_at_most_64_bytes_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
