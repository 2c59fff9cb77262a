/* tickets: keys of tickets change each hour and are forgotten after two. */
#include "keyd/tickets.h"

#include "lib/clock.h"
#include "wire/key.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int clock_fd;
static int64_t ahead;

static void
pass(int64_t seconds)
{
	char text[CLOCK_FILE_SIZE + 1];

	ahead += seconds * CLOCK_SECOND;
	(void)snprintf(text, sizeof text, "%+020lld\n%+020lld\n",
	    (long long)ahead, (long long)ahead);
	assert_int_equal(
	    pwrite(clock_fd, text, CLOCK_FILE_SIZE, 0), CLOCK_FILE_SIZE);
}

static int
begin(void **state)
{
	char path[] = "/tmp/tickets.XXXXXX";

	(void)state;
	clock_fd = mkstemp(path);
	assert_true(clock_fd >= 0);
	pass(0);
	assert_int_equal(setenv("CULVER_CLOCK", path, 1), 0);
	clock_open();
	return unlink(path);
}

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

	return cmocka_run_group_tests(tests, begin, NULL);
}
