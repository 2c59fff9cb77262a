/* tickets: keys of tickets change each hour and are forgotten after two. */
#include "keyd/tickets.h"

#include "tests/unit/keyd/ahead.h"
#include "wire/key.h"

static void
keys_change_each_hour_and_are_forgotten_after_two(void **state)
{
	struct tickets t = {.next = 0};
	struct tls_tickets first, same, second, third;

	(void)state;
	assert_true(tickets_now(&t, &first));
	assert_true(first.seconds > KEY_TICKET_SECONDS - 10 &&
		    first.seconds <= KEY_TICKET_SECONDS + 1);
	pass(first.seconds / 2);
	assert_true(tickets_now(&t, &same));
	assert_memory_equal(&same.now, &first.now, sizeof first.now);
	assert_true(same.seconds < first.seconds);
	pass(same.seconds);
	assert_true(tickets_now(&t, &second));
	assert_memory_equal(&second.former, &first.now, sizeof first.now);
	assert_memory_not_equal(&second.now, &first.now, sizeof first.now);
	/* Nobody asked for a long time: nothing of then is taken any more. */
	pass(3L * KEY_TICKET_SECONDS);
	assert_true(tickets_now(&t, &third));
	assert_memory_not_equal(&third.former, &second.now, sizeof first.now);
	assert_memory_not_equal(&third.now, &second.now, sizeof first.now);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_change_each_hour_and_are_forgotten_after_two),
	};

	return cmocka_run_group_tests(tests, ahead_open, NULL);
}
