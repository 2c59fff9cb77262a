/* load: descriptions that parse, and where others do not. */
#include "send/load.h"
#include "lib/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static void
what_is_said_is_known_and_the_rest_is_culvers_own(void **state)
{
	static const char text[] =
	    "# two hosts\n"
	    "\n"
	    "  concurrencyremote   50 \n"
	    "retryschedule 5m 1h\n"
	    "destination a% domains 9 latency 200ms limit 4 rate 100/h\n"
	    "destination b group g dead 1h..2h dead 3h..4h slow 5s..6s 30s "
	    "timeout 9s defer 10 fail 1\n"
	    "mail joe% b 77 customers 3 at 1m over 1h recipients 20\n";
	struct load l;
	struct load_fault f;
	const struct load_destination *d;

	(void)state;
	assert_true(load_parse(&l, str_of(text), &f));
	assert_int_equal(l.slots, 50);
	assert_int_equal(l.reserve, 25);
	assert_int_equal(l.lane_initial, 5);
	assert_int_equal(l.lane_most, 20);
	assert_int_equal(l.plan.lifetime, 604800);
	assert_int_equal(l.plan.pause_count, 2);
	assert_int_equal(l.messages, 77);
	d = l.destinations;
	assert_int_equal(d->domains, 9);
	assert_int_equal(d->latency, 200000);
	assert_int_equal(d->limit, 4);
	assert_int_equal(d->spacing, 36LL * SECOND);
	d++;
	assert_string_equal(d->group, "g");
	assert_int_equal(d->dead_count, 2);
	assert_true(d->dead[1].from == 10800LL * SECOND);
	assert_true(d->dead[1].to == 14400LL * SECOND);
	assert_true(d->slow[0].latency == 30LL * SECOND);
	assert_int_equal(d->defer, 10);
	assert_int_equal(d->fail, 1);
	assert_int_equal(l.mail[0].destination, 1);
	assert_int_equal(l.mail[0].customers, 3);
	assert_true(l.mail[0].start == 60LL * SECOND);
	assert_int_equal(l.mail[0].recipients, 20);
	load_free(&l);
}

static void
what_does_not_parse_is_named_by_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t line;
		const char *what, *near;
	} rows[] = {
	    {"what 5\n",				      1, "unknown word",                    "what"   },
	    {"seed\n",					1, "something is missing at the end", ""       },
	    {"\n#\nseed x\n",				 3, "no number, or out of bounds",     "x"      },
	    {"concurrencyremote 0\n",                         1, "no number, or out of bounds",     "0"      },
	    {"seed 1 2\n",				    1, "nothing is expected here",        "2"      },
	    {"duration soon\n",                               1, "no time like 200ms or 5m",        "soon"   },
	    {"retryschedule\n",                               1, "no list of times like 5m 2h",     ""       },
	    {"mail a b 5\n",				  1, "no such destination",             ""       },
	    {"destination a\ndestination a\n",                2, "named before",                    "a"      },
	    {"destination a dead 1h\n",                       1, "no span like 1h..26h",            "1h"     },
	    {"destination a dead 1h.2h\n",                    1, "no span like 1h..26h",            "1h.2h"  },
	    {"destination a slow 1h..2h\n",                   1,
             "something is missing at the end",						     ""       },
	    {"destination a rate 5\n",                        1, "not a rate like 100/h",           "5"      },
	    {"destination a defer 101\n",                     1, "no number, or out of bounds",
             "101"											   },
	    {"destination a\nmail b a 4000001\n",             2,
             "no number, or out of bounds",							 "4000001"},
	    {"destination a\nmail b a 4000000\nmail b a 1\n", 3,
             "too many messages",								   ""       },
	    {"destination a\nmail b a 1 when 5s\n",           2, "unknown word",                    "when"   },
	    {"seed 1\001\n",				  1, "not printable ASCII",             ""       },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct load l;
		struct load_fault f;
		assert_false(load_parse(&l, str_of(rows[i].text), &f));
		assert_int_equal(f.line, rows[i].line);
		assert_string_equal(f.what, rows[i].what);
		assert_true(str_equal(f.near, str_of(rows[i].near)));
		load_free(&l);
	}
}

static void
rows_and_names_are_bounded(void **state)
{
	struct buf text = {0};
	char name[LOAD_NAME + 20] = "destination ";
	struct load l;
	struct load_fault f;

	(void)state;
	memset(name + 12, 'x', LOAD_NAME);
	assert_false(load_parse(&l, str_of(name), &f));
	assert_string_equal(f.what, "too long");
	load_free(&l);
	name[12 + LOAD_NAME - 1] = '\0';
	assert_true(load_parse(&l, str_of(name), &f));
	load_free(&l);
	assert_true(buf_append_text(&text, "destination a\n"));
	for (int i = 0; i <= LOAD_ROWS; i++)
		assert_true(buf_append_text(&text, "mail b a 1\n"));
	assert_false(load_parse(&l, buf_str(&text), &f));
	assert_int_equal(f.line, LOAD_ROWS + 2);
	assert_string_equal(f.what, "too many rows of mail");
	load_free(&l);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_said_is_known_and_the_rest_is_culvers_own),
	    cmocka_unit_test(what_does_not_parse_is_named_by_its_line),
	    cmocka_unit_test(rows_and_names_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
