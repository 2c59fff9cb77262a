/* tally: what is counted is counted away, and nobody else's. */
#include "lib/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ip
ip(const char *text)
{
	struct ip a;

	assert_true(ip_parse(str_of(text), &a));
	return a;
}

static void
an_address_and_its_network_are_counted(void **state)
{
	static const struct {
		const char *one, *other;
		size_t address, network;
	} rows[] = {
	    {"192.0.2.1",   "192.0.2.1",            1, 1},
	    {"192.0.2.1",   "192.0.2.2",            0, 1},
	    {"192.0.2.1",   "192.0.3.1",            0, 0},
	    {"2001:db8::1", "2001:db8::ffff:0:0:2", 1, 1},
	    {"2001:db8::1", "2001:db8:0:1::1",      0, 1},
	    {"2001:db8::1", "2001:db8:1::1",        0, 0},
	    {"0.0.0.1",     "::1",                  0, 0},
	    {"::1",         "::ffff:0.0.0.1",       0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally t = {.room = 0};
		struct ip one = ip(rows[i].one), other = ip(rows[i].other);

		assert_int_equal(tally_address(&t, &other), 0);
		assert_true(tally_add(&t, &one));
		assert_int_equal(tally_address(&t, &other), rows[i].address);
		assert_int_equal(tally_network(&t, &other), rows[i].network);
		tally_remove(&t, &one);
		assert_int_equal(tally_address(&t, &one), 0);
		assert_int_equal(tally_network(&t, &one), 0);
		assert_int_equal(t.used, 0);
		tally_free(&t);
	}
}

enum { ADDRESSES = 300, STEPS = 200000 };

/* Against a plain array: growing, and gaps that close behind what is freed. */
static void
after_many_steps_the_counts_are_right(void **state)
{
	static size_t counts[ADDRESSES];
	struct tally t = {.room = 0};
	uint32_t seed = 7;
	size_t all = 0;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		struct ip a = ip("10.0.0.0");
		uint32_t i, network = 0;

		seed = seed * 1664525 + 1013904223;
		i = (seed >> 8) % ADDRESSES;
		a.bytes[14] = (unsigned char)(i / 10);
		a.bytes[15] = (unsigned char)(i % 10);
		if (counts[i] > 0 && (seed >> 30) >= 2) {
			tally_remove(&t, &a);
			counts[i]--;
			all--;
		} else if (counts[i] < 3 && (seed >> 30) == 0) {
			assert_true(tally_add(&t, &a));
			counts[i]++;
			all++;
		}
		for (uint32_t k = i / 10 * 10; k < i / 10 * 10 + 10; k++)
			network += (uint32_t)counts[k];
		assert_int_equal(tally_address(&t, &a), counts[i]);
		assert_int_equal(tally_network(&t, &a), network);
	}
	assert_true(all > 0);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		struct ip a = ip("10.0.0.0");

		a.bytes[14] = (unsigned char)(i / 10);
		a.bytes[15] = (unsigned char)(i % 10);
		assert_int_equal(tally_address(&t, &a), counts[i]);
		for (; counts[i] > 0; counts[i]--)
			tally_remove(&t, &a);
	}
	assert_int_equal(t.used, 0);
	assert_true(t.room <= 2048);
	tally_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_and_its_network_are_counted),
	    cmocka_unit_test(after_many_steps_the_counts_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
