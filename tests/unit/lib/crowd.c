/* crowd: who is one too many, and what is said of them. */
#include "lib/crowd.h"
#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void
limits_and_a_reserve_decide(void **state)
{
	static const struct {
		struct crowd_limits limits;
		size_t same, near, far; /* of the address, of its network */
		bool admitted;
	} rows[] = {
	    {{100, 3, 5},  0,  0, 0,  true },
	    {{100, 3, 5},  2,  0, 0,  true },
	    {{100, 3, 5},  3,  0, 0,  false},
	    {{100, 3, 5},  2,  2, 0,  true },
	    {{100, 3, 5},  2,  3, 0,  false},
	    {{100, 3, 5},  0,  5, 0,  false},
	    {{100, 0, 5},  4,  0, 0,  true },
	    {{100, 0, 5},  5,  0, 0,  false},
	    {{100, 3, 0},  2,  9, 0,  true },
	    {{100, 3, 0},  3,  0, 0,  false},
	    {{100, 0, 90}, 74, 0, 0,  true },
	    {{100, 0, 90}, 75, 0, 0,  false},
	    {{100, 0, 90}, 1,  0, 74, false},
	    {{100, 0, 90}, 0,  1, 74, false},
	    {{100, 0, 90}, 0,  0, 75, true },
	    {{100, 0, 90}, 0,  0, 99, true },
	    {{100, 0, 0},  99, 0, 0,  true },
	    {{100, 0, 0},  1,  1, 97, true },
	    {{4, 0, 9},    2,  0, 0,  true },
	    {{4, 0, 9},    3,  0, 0,  false},
	    {{3, 0, 9},    2,  0, 0,  true },
	    {{1, 0, 9},    0,  0, 0,  true },
	};
	struct ip a, near, far;

	(void)state;
	assert_true(ip_parse(str_of("192.0.2.1"), &a));
	assert_true(ip_parse(str_of("192.0.2.2"), &near));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally t = {.room = 0};

		for (size_t n = 0; n < rows[i].same; n++)
			assert_true(tally_add(&t, &a));
		for (size_t n = 0; n < rows[i].near; n++)
			assert_true(tally_add(&t, &near));
		for (size_t n = 0; n < rows[i].far; n++) {
			assert_true(ip_parse(str_of("2001:db8::1"), &far));
			far.bytes[5] = (unsigned char)n;
			assert_true(tally_add(&t, &far));
		}
		if (crowd_admits(&rows[i].limits, &t,
			rows[i].same + rows[i].near + rows[i].far,
			&a) != rows[i].admitted)
			fail_msg("row %zu", i);
		tally_free(&t);
	}
}

static void
a_flood_is_one_line_a_second(void **state)
{
	struct tally t = {.room = 0};
	struct crowd c = {.refused = 0};
	struct ip a;
	char text[1024];
	const int64_t second = CLOCK_SECOND;
	int64_t now = 5 * second;
	int said[2], old = dup(2);
	ssize_t n;

	(void)state;
	assert_true(ip_parse(str_of("192.0.2.1"), &a));
	assert_true(tally_add(&t, &a));
	assert_int_equal(pipe(said), 0);
	assert_int_equal(crowd_say(&c, now), -1);
	assert_int_equal(dup2(said[1], 2), 2);
	for (int i = 0; i < 1000; i++)
		crowd_refused(&c, &t, &a, now + i);
	assert_int_equal(crowd_say(&c, now + 1000), now + second);
	assert_int_equal(crowd_say(&c, now + second), -1);
	assert_int_equal(crowd_say(&c, now + 9 * second), -1);
	assert_int_equal(dup2(old, 2), 2);
	(void)close(said[1]);
	n = read(said[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(
	    text, ": crowded ip=192.0.2.1 address=1 network=1 refused=1\n"));
	assert_non_null(strstr(text, " refused=999\n"));
	assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n'), text + n - 1);
	(void)close(said[0]);
	(void)close(old);
	tally_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(limits_and_a_reserve_decide),
	    cmocka_unit_test(a_flood_is_one_line_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
