/* known: what was learned last is known, and memory is bounded. */
#include "policy/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
the_last_word_counts_and_what_ends_first_makes_room(void **state)
{
	struct known_table *t = known_new();
	const struct known *k;
	char name[40];

	(void)state;
	assert_non_null(t);
	assert_null(known_find(t, str_of("a.example")));
	known_put(t, str_of("a.example"), INT64_MAX - 1, STS_FETCH_ERROR);
	known_put(t, str_of("a.example"), INT64_MAX, STS_SUCCESS);
	for (int i = 0; i < 3 * KNOWN_MOST; i++) {
		(void)snprintf(name, sizeof(name), "d%d.example", i);
		known_put(t, str_of(name), i, STS_SUCCESS);
		assert_non_null(known_find(t, str_of(name)));
	}
	k = known_find(t, str_of("a.example"));
	assert_non_null(k);
	assert_true(k->until == INT64_MAX && k->failure == STS_SUCCESS);
	assert_null(known_find(t, str_of("d0.example")));
	known_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		the_last_word_counts_and_what_ends_first_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
