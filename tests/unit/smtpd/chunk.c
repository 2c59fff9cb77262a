/* chunk: a size is a number that we can count to, or it is none. */
#include "smtpd/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *argument;
	bool ok;
	struct chunk chunk;
};

static const struct row rows[] = {
    {"0",		     true,  {0, false}         },
    {"1",		     true,  {1, false}         },
    {"10 LAST",               true,  {10, true}         },
    {"10 last",               true,  {10, true}         },
    {"10   Last",             true,  {10, true}         },
    {"0 LAST",		true,  {0, true}          },
    {"00000000000000000010",  true,  {10, false}        },
    {"4294967295",            true,  {UINT32_MAX, false}},
    {"000000000000000000010", false, {0, false}         },
    {"4294967296",            false, {0, false}         },
    {"4294967297",            false, {0, false}         },
    {"18446744073709551615",  false, {0, false}         },
    {"18446744073709551616",  false, {0, false}         },
    {"18446744073709551617",  false, {0, false}         },
    {"-1",		    false, {0, false}         },
    {"+1",		    false, {0, false}         },
    {"1.0",		   false, {0, false}         },
    {"0x10",		  false, {0, false}         },
    {"1e3",		   false, {0, false}         },
    {"",		      false, {0, false}         },
    {"LAST",		  false, {0, false}         },
    {"LAST 10",               false, {0, false}         },
    {"10LAST",		false, {0, false}         },
    {"10 LAST x",             false, {0, false}         },
    {"10 LASTx",              false, {0, false}         },
    {"10 x",		  false, {0, false}         },
    {"10\tLAST",              false, {0, false}         },
    {"1 0",		   false, {0, false}         },
};

static void
sizes_are_taken_whole_or_not_at_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct chunk c = {7, true};

		assert_int_equal(
		    chunk_parse(str_of(rows[i].argument), &c), rows[i].ok);
		if (!rows[i].ok) {
			assert_int_equal(c.size, 7);
			continue;
		}
		assert_int_equal(c.size, rows[i].chunk.size);
		assert_int_equal(c.last, rows[i].chunk.last);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_are_taken_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
