/* guesses: a client is remembered over its connections, and no longer. */
#include "smtpd/guesses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const int64_t second = 1000000;

static struct ip
address(const char *text)
{
	struct ip a;

	assert_true(ip_parse(str_of(text), &a));
	return a;
}

static void
each_client_has_a_count_of_its_own(void **state)
{
	static const struct {
		const char *client;
		int64_t at; /* seconds */
		uint64_t count;
	} rows[] = {
	    {"192.0.2.1",      1,    1},
	    {"192.0.2.1",      2,    2},
	    {"192.0.2.2",      2,    1},
	    {"2001:db8::1",    3,    1},
	    {"2001:db8::ffff", 4,    2},
	    {"2001:db8:0:1::", 4,    1},
	    {"192.0.2.1",      602,  3},
	    {"192.0.2.1",      1203, 1},
	    {"2001:db8::2",    605,  1},
	};
	static struct guesses g;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ip client = address(rows[i].client);

		assert_int_equal(guesses_add(&g, &client, rows[i].at * second),
		    rows[i].count);
	}
}

/* However many come, memory is bounded, and one that goes on stays. */
static void
the_silent_one_makes_room(void **state)
{
	static struct guesses g;
	struct ip loud = address("192.0.2.1");
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 10 * GUESSES_CLIENTS; i++) {
		struct ip other;

		(void)snprintf(
		    text, sizeof text, "10.0.%u.%u", i / 256, i % 256);
		other = address(text);
		assert_int_equal(guesses_add(&g, &other, (int64_t)i * 2), 1);
		assert_int_equal(
		    guesses_add(&g, &loud, (int64_t)i * 2 + 1), i + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_client_has_a_count_of_its_own),
	    cmocka_unit_test(the_silent_one_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
