/* rng: all bytes asked for are filled, and no more. */
#include "lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
	    cmocka_unit_test(two_answers_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
