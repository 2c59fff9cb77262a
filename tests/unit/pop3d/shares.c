/* shares: who asks much waits for who asks little. */
#include "pop3d/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PLACES = 8, MOST = 64 };

static struct share rows[MOST];

static void
add(size_t at, enum share_state state, unsigned service, uint64_t address)
{
	rows[at] = (struct share){state, service, address, (int64_t)at};
}

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < MOST; i++)
		rows[i] = (struct share){SHARE_NONE, 0, 0, 0};
	return 0;
}

static void
nobody_waits(void **state)
{
	(void)state;
	add(1, SHARE_RUNS, 1, 7);
	add(2, SHARE_OTHER, 1, 7);
	assert_int_equal(shares_next(rows, MOST, PLACES), MOST);
}

static void
who_has_waited_longest_is_next(void **state)
{
	(void)state;
	add(5, SHARE_WAITS, 1, 8);
	add(3, SHARE_WAITS, 1, 7);
	add(9, SHARE_WAITS, 1, 9);
	assert_int_equal(shares_next(rows, MOST, PLACES), 3);
}

static void
an_address_that_has_fewer_comes_first(void **state)
{
	(void)state;
	add(0, SHARE_RUNS, 1, 7);
	for (size_t i = 1; i < 20; i++)
		add(i, SHARE_WAITS, 1, 7);
	add(30, SHARE_WAITS, 1, 8);
	assert_int_equal(shares_next(rows, MOST, PLACES), 30);
	add(31, SHARE_WAITS, 2, 9);
	assert_int_equal(shares_next(rows, MOST, PLACES), 31);
}

/* Three quarters; the rest is kept for others, even where nobody waits. */
static void
nobody_has_every_place(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 20; i++)
		add(i, SHARE_WAITS, 1, 7);
	for (i = 0; i < 6; i++) {
		size_t next = shares_next(rows, MOST, PLACES);

		assert_int_equal(next, i);
		rows[next].state = SHARE_RUNS;
	}
	assert_int_equal(shares_next(rows, MOST, PLACES), MOST);
	/* Another client of the same door neither, but the other door's. */
	add(40, SHARE_WAITS, 1, 8);
	assert_int_equal(shares_next(rows, MOST, PLACES), MOST);
	add(41, SHARE_WAITS, 2, 8);
	assert_int_equal(shares_next(rows, MOST, PLACES), 41);
	rows[41].state = SHARE_RUNS;
	add(42, SHARE_WAITS, 2, 9);
	assert_int_equal(shares_next(rows, MOST, PLACES), 42);
	rows[42].state = SHARE_RUNS;
	add(43, SHARE_WAITS, 2, 10);
	assert_int_equal(shares_next(rows, MOST, PLACES), MOST);
}

static void
one_address_may_wait_in_a_quarter_of_the_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < MOST / 4; i++) {
		assert_false(shares_crowded(rows, MOST, 7));
		add(i, i % 2 == 0 ? SHARE_WAITS : SHARE_OTHER, 1, 7);
	}
	assert_true(shares_crowded(rows, MOST, 7));
	assert_false(shares_crowded(rows, MOST, 8));
	for (size_t i = 0; i < MOST; i++)
		add(i, SHARE_WAITS, 0, 0);
	assert_false(shares_crowded(rows, MOST, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(nobody_waits, setup),
	    cmocka_unit_test_setup(who_has_waited_longest_is_next, setup),
	    cmocka_unit_test_setup(
		an_address_that_has_fewer_comes_first, setup),
	    cmocka_unit_test_setup(nobody_has_every_place, setup),
	    cmocka_unit_test_setup(
		one_address_may_wait_in_a_quarter_of_the_rows, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
