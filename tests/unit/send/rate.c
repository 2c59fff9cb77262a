/* rate: the host in every form of a lane's key. */
#include "send/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
a_lane_names_its_host(void **state)
{
	static const char *const rows[][2] = {
	    {"example.org",                        "example.org"       },
	    {"relay.example:25",                   "relay.example"     },
	    {"mx:relay.example:26",                "relay.example"     },
	    {"lmtp:[127.0.0.1]:24",                "[127.0.0.1]"       },
	    {"[IPv6:2001:db8::1]:25",              "[IPv6:2001:db8::1]"},
	    {"auth:u@h.example@relay.example:587", "relay.example"     },
	    {"lmtp:auth:u@mx:relay.example:24",    "relay.example"     },
	    {"",				   ""                  },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(str_equal(
		    rate_host(str_of(rows[i][0])), str_of(rows[i][1])));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lane_names_its_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
