/* num: no text is a number that is not wholly one, and none wraps. */
#include "lib/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { UNTOUCHED = 4711 };

struct row {
	const char *text;
	uint64_t max;
	bool ok;
	uint64_t want;
};

static const struct row decimal[] = {
    {"0",		    UINT64_MAX, true,  0         },
    {"007",		  UINT64_MAX, true,  7         },
    {"18446744073709551615", UINT64_MAX, true,  UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, false, 0         },
    {"99999999999999999999", UINT64_MAX, false, 0         },
    {"255",		  255,        true,  255       },
    {"256",		  255,        false, 0         },
    {"",		     UINT64_MAX, false, 0         },
    {"-1",		   UINT64_MAX, false, 0         },
    {"+1",		   UINT64_MAX, false, 0         },
    {" 1",		   UINT64_MAX, false, 0         },
    {"1 ",		   UINT64_MAX, false, 0         },
    {"1a",		   UINT64_MAX, false, 0         },
    {"0x1",		  UINT64_MAX, false, 0         },
};

static const struct row hexadecimal[] = {
    {"0",		 UINT64_MAX, true,  0         },
    {"fF",		UINT64_MAX, true,  255       },
    {"ffffffffffffffff",  UINT64_MAX, true,  UINT64_MAX},
    {"10000000000000000", UINT64_MAX, false, 0         },
    {"100",	       255,        false, 0         },
    {"g",		 UINT64_MAX, false, 0         },
    {"0x1",	       UINT64_MAX, false, 0         },
    {"",		  UINT64_MAX, false, 0         },
};

static void
check(const struct row *rows, size_t count,
    bool (*parse)(struct str, uint64_t, uint64_t *))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t n = UNTOUCHED;

		assert_int_equal(
		    parse(str_of(rows[i].text), rows[i].max, &n), rows[i].ok);
		assert_int_equal(n, rows[i].ok ? rows[i].want : UNTOUCHED);
	}
}

static void
parses_whole_bounded_numbers_only(void **state)
{
	uint64_t n = UNTOUCHED;

	(void)state;
	check(decimal, COUNT(decimal), num_parse);
	check(hexadecimal, COUNT(hexadecimal), num_parse_hex);
	assert_false(num_parse((struct str){"1\0", 2}, UINT64_MAX, &n));
	assert_int_equal(n, UNTOUCHED);
}

static void
formats_what_parses_again(void **state)
{
	static const uint64_t rows[] = {0, 9, 10, 1234567890, UINT64_MAX};
	char text[NUM_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t n = UNTOUCHED;
		size_t len = num_format(text, rows[i]);

		assert_int_equal(len, strlen(text));
		assert_true(num_parse(str_of(text), UINT64_MAX, &n));
		assert_int_equal(n, rows[i]);
	}
	assert_int_equal(num_format(text, UINT64_MAX), NUM_SIZE - 1);
}

static void
hexadecimal_bytes_both_ways(void **state)
{
	static const unsigned char bytes[] = {0x00, 0x7f, 0xa5, 0xff};
	unsigned char back[4] = {0};
	char text[9];

	(void)state;
	num_hex(text, bytes, sizeof(bytes));
	assert_string_equal(text, "007fa5ff");
	assert_true(num_unhex(str_of(text), back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_true(num_unhex(str_of("A5"), back, 1));
	assert_int_equal(back[0], 0xa5);

	assert_false(num_unhex(str_of("007fa5f"), back, 4));
	assert_false(num_unhex(str_of("007fa5fff"), back, 4));
	assert_false(num_unhex(str_of("007fa5"), back, 4));
	assert_false(num_unhex(str_of("007fa5fg"), back, 4));
	assert_false(num_unhex(str_of("ff"), back, SIZE_MAX / 2 + 2));
	/* What was there is untouched by a refusal. */
	assert_int_equal(back[0], 0xa5);
}

static void
network_order(void **state)
{
	static const unsigned char want[] = {0xfe, 0xdc, 0xba, 0x98};
	static const unsigned char want64[] = {
	    0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
	unsigned char out[4], out64[8];

	(void)state;
	num_put32(out, 0xfedcba98);
	assert_memory_equal(out, want, sizeof(want));
	assert_int_equal(num_get32(out), 0xfedcba98);
	num_put64(out64, 0xfedcba9876543210);
	assert_memory_equal(out64, want64, sizeof(want64));
	assert_true(num_get64(out64) == 0xfedcba9876543210);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_whole_bounded_numbers_only),
	    cmocka_unit_test(formats_what_parses_again),
	    cmocka_unit_test(hexadecimal_bytes_both_ways),
	    cmocka_unit_test(network_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
