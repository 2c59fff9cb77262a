/* span: what is a length of time, a list of them, a rate, and what is not. */
#include "lib/span.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
a_length_has_a_number_and_perhaps_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: none */
	} rows[] = {
	    {"0",          0       },
	    {"90",         90      },
	    {"90s",        90      },
	    {"5m",         300     },
	    {"2h",         7200    },
	    {"3d",         259200  },
	    {"366d",       31622400},
	    {"367d",       -1      },
	    {"31622401",   -1      },
	    {"",           -1      },
	    {"m",          -1      },
	    {"5 m",        -1      },
	    {"-5m",        -1      },
	    {"5M",         -1      },
	    {"5mm",        -1      },
	    {"1h30m",      -1      },
	    {"5w",         -1      },
	    {"4294967296", -1      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t seconds = 7;
		bool ok = span_parse(str_of(rows[i].text), &seconds);
		assert_int_equal(ok, rows[i].seconds >= 0);
		assert_true(seconds == (ok ? rows[i].seconds : 7));
	}
}

static void
a_list_has_lengths_with_blanks_between(void **state)
{
	static const struct {
		const char *text;
		size_t count; /* 0: none */
		uint32_t first, last;
	} rows[] = {
	    {"5m",                  1, 300, 300  },
	    {"5m 10m 30m 1h 2h 4h", 6, 300, 14400},
	    {"  1   2m\t 3 ",       3, 1,   3    },
	    {"",		    0, 0,   0    },
	    {"   ",                 0, 0,   0    },
	    {"5m 0 1h",             0, 0,   0    },
	    {"5m,10m",              0, 0,   0    },
	    {"5m x",                0, 0,   0    },
	};
	char text[2 * (SPAN_LIST + 1) + 1] = "";
	uint32_t out[SPAN_LIST];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool ok = span_parse_list(str_of(rows[i].text), out, &count);
		assert_int_equal(ok, rows[i].count > 0);
		if (!ok)
			continue;
		assert_int_equal(count, rows[i].count);
		assert_int_equal(out[0], rows[i].first);
		assert_int_equal(out[count - 1], rows[i].last);
	}
	for (int i = 0; i < SPAN_LIST; i++)
		memcpy(text + (ptrdiff_t)2 * i, "9 ", 3);
	assert_true(span_parse_list(str_of(text), out, &count));
	assert_int_equal(count, SPAN_LIST);
	memcpy(text + (ptrdiff_t)2 * SPAN_LIST, "9 ", 3);
	assert_false(span_parse_list(str_of(text), out, &count));
}

static void
a_rate_is_so_many_in_a_length(void **state)
{
	static const struct {
		const char *text;
		int64_t spacing; /* 0: none */
	} rows[] = {
	    {"100/h",        36000000  },
	    {"20/m",         3000000   },
	    {"5/s",          200000    },
	    {"1000/d",       86400000  },
	    {"10/15m",       90000000  },
	    {"1/3600",       3600000000},
	    {"4294967295/s", 1         },
	    {"0/h",          0         },
	    {"5/0",          0         },
	    {"/h",           0         },
	    {"5/",           0         },
	    {"5",            0         },
	    {"h/5",          0         },
	    {"5/h/h",        0         },
	    {"",             0         },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t spacing = 0;
		bool ok = span_parse_rate(str_of(rows[i].text), &spacing);
		assert_int_equal(ok, rows[i].spacing > 0);
		assert_true(spacing == rows[i].spacing);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_length_has_a_number_and_perhaps_a_unit),
	    cmocka_unit_test(a_list_has_lengths_with_blanks_between),
	    cmocka_unit_test(a_rate_is_so_many_in_a_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
