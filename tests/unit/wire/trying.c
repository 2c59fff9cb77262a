/* trying: who died how often with which message in hand. */
#include "wire/trying.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char token[QUEUE_TOKEN] = {1};
static struct trying t;

static int
fresh(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	return 0;
}

static void
the_second_crash_holds(void **state)
{
	static const int crashes[] = {
	    SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS};

	(void)state;
	for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
		assert_false(trying_died(&t, i + 1, token, crashes[i]));
		assert_true(trying_died(&t, i + 1, token, crashes[i]));
	}
}

static void
the_fifth_other_death_running_holds(void **state)
{
	static const int others[] = {0, SIGKILL, SIGTERM, SIGXCPU};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		for (int n = 1; n < TRYING_DEATHS; n++)
			assert_false(trying_died(&t, i + 1, token, others[i]));
		assert_true(trying_died(&t, i + 1, token, others[i]));
	}
}

static void
an_attempt_that_ends_well_clears(void **state)
{
	(void)state;
	for (int n = 1; n < TRYING_DEATHS; n++)
		assert_false(trying_died(&t, 7, token, SIGKILL));
	trying_clear(&t, 7);
	assert_int_equal(t.suspected, 0);
	assert_false(trying_died(&t, 7, token, SIGKILL));
}

static void
a_new_message_with_an_old_number_is_innocent(void **state)
{
	static const unsigned char next[QUEUE_TOKEN] = {2};

	(void)state;
	assert_false(trying_died(&t, 7, token, SIGSEGV));
	assert_false(trying_died(&t, 7, next, SIGSEGV));
}

static void
a_crash_before_the_head_is_read_counts_with_the_others(void **state)
{
	static const unsigned char none[QUEUE_TOKEN];
	uint64_t ino;
	unsigned char found[QUEUE_TOKEN];
	bool hold;

	(void)state;
	assert_false(trying_died(&t, 7, token, SIGSEGV));
	trying_take(&t, 7, none);
	t.hand.crashes = SIGSEGV;
	assert_true(trying_last(&t, &ino, found, &hold));
	assert_true(hold);
	assert_int_equal(t.suspected, 1);
	assert_memory_equal(t.suspects[0].token, token, QUEUE_TOKEN);
	assert_false(trying_died(&t, 8, none, SIGSEGV));
	assert_true(trying_died(&t, 8, token, SIGSEGV));
}

static void
a_full_table_forgets_the_least(void **state)
{
	(void)state;
	for (int n = 1; n < TRYING_DEATHS; n++)
		assert_false(trying_died(&t, 1, token, 0));
	for (uint64_t ino = 2; ino < TRYING_SUSPECTS + 100; ino++)
		assert_false(trying_died(&t, ino, token, 0));
	assert_true(trying_died(&t, 1, token, 0));
	assert_int_equal(t.suspected, TRYING_SUSPECTS);
}

static void
what_was_in_hand_is_counted_at_the_next_start(void **state)
{
	uint64_t ino;
	unsigned char found[QUEUE_TOKEN];
	bool hold;

	(void)state;
	assert_false(trying_last(&t, &ino, found, &hold));
	trying_take(&t, 9, token);
	trying_release(&t);
	assert_false(trying_last(&t, &ino, found, &hold));
	for (int i = 0; i < TRYING_CRASHES; i++) {
		trying_take(&t, 9, token);
		t.hand.crashes = SIGSEGV; /* as the handler does */
		assert_true(trying_last(&t, &ino, found, &hold));
		assert_int_equal(ino, 9);
		assert_memory_equal(found, token, QUEUE_TOKEN);
		assert_int_equal(hold, i == TRYING_CRASHES - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_second_crash_holds, fresh),
	    cmocka_unit_test_setup(the_fifth_other_death_running_holds, fresh),
	    cmocka_unit_test_setup(an_attempt_that_ends_well_clears, fresh),
	    cmocka_unit_test_setup(
		a_new_message_with_an_old_number_is_innocent, fresh),
	    cmocka_unit_test_setup(
		a_crash_before_the_head_is_read_counts_with_the_others, fresh),
	    cmocka_unit_test_setup(a_full_table_forgets_the_least, fresh),
	    cmocka_unit_test_setup(
		what_was_in_hand_is_counted_at_the_next_start, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
