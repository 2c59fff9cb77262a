/* rng: all bytes asked for are filled, and no more. */
#include "lib/rng.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

static void
fills_all_and_only_what_was_asked(void **state)
{
	unsigned char bytes[1000 + 1], seen[1000] = {0};

	(void)state;
	bytes[1000] = 0x5a;
	/* After 16 fills a byte is still zero once in 2^128. */
	for (int i = 0; i < 16; i++) {
		assert_true(rng_bytes(bytes, 1000));
		for (size_t j = 0; j < 1000; j++)
			seen[j] |= bytes[j];
	}
	assert_null(memchr(seen, 0, sizeof(seen)));
	assert_int_equal(bytes[1000], 0x5a);
	assert_true(rng_bytes(bytes, 0));
}

static void
ignore(int sig)
{
	(void)sig;
}

/* The kernel gives less than 2^25 bytes at once, or what a signal left it. */
static void
a_short_answer_is_continued(void **state)
{
	static unsigned char bytes[(1 << 25) + 64];
	const struct itimerval often =
				   {
				       {0, 500},
                                       {0, 500}
        },
			       never = {{0, 0}, {0, 0}};
	const struct sigaction sa = {.sa_handler = ignore};
	unsigned sum = 0;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_true(rng_bytes(bytes, sizeof(bytes)));
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	for (size_t i = sizeof(bytes) - 64; i < sizeof(bytes); i++)
		sum += bytes[i];
	assert_true(sum > 0);
}

static void
two_answers_differ(void **state)
{
	unsigned char one[16], two[16];

	(void)state;
	assert_true(rng_bytes(one, sizeof(one)));
	assert_true(rng_bytes(two, sizeof(two)));
	assert_memory_not_equal(one, two, sizeof(one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fills_all_and_only_what_was_asked),
	    cmocka_unit_test(a_short_answer_is_continued),
	    cmocka_unit_test(two_answers_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
