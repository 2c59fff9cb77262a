/* tlsrule: which TLS policy a next hop has, and what a line may say. */
#include "control/tlsrule.h"
#include "control/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char rules[] = "plain.example:encrypt\n"
			    ".plain.example:May\n"
			    "M\xc3\xbcnchen.example:dane\n"
			    "[192.0.2.1]:none\n"
			    "[IPv6:2001:DB8:0::1]:sts\n"
			    "named.example:verify  A.example  .b.example \n"
			    "own.example:verify\n"
			    ":may\n";

static struct controls *
read_rules(const char *text)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);
	struct buf error = {0};

	assert_non_null(c);
	if (!control_set(c, C_tlspolicy, str_of(text), &error))
		fail_msg("%s", error.data);
	buf_free(&error);
	return c;
}

static void
a_host_has_the_nearest_line(void **state)
{
	static const struct {
		const char *host;
		enum tlsrule_level level;
		const char *names;
	} rows[] = {
	    {"plain.example",          TLSRULE_ENCRYPT, ""                     },
	    {"x.plain.example",        TLSRULE_MAY,     ""                     },
	    {"y.x.plain.example",      TLSRULE_MAY,     ""                     },
	    {"xn--mnchen-3ya.example", TLSRULE_DANE,    ""                     },
	    {"[192.0.2.1]",            TLSRULE_NONE,    ""                     },
	    {"[IPv6:2001:db8::1]",     TLSRULE_STS,     ""                     },
	    {"named.example",          TLSRULE_VERIFY,  "A.example,.b.example,"},
	    {"own.example",            TLSRULE_VERIFY,  ""                     },
	    {"xplain.example",         TLSRULE_MAY,     ""                     },
	};
	struct controls *c = read_rules(rules);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf names = {0};
		struct tlsrule r;

		assert_int_equal(tlsrule_find(c, rows[i].host, &r), FOUND_YES);
		assert_int_equal(r.level, rows[i].level);
		for (size_t k = 0; k < r.count; k++)
			assert_true(buf_append_str(&names, r.names[k]) &&
				    buf_append_byte(&names, ','));
		assert_true(str_equal(buf_str(&names), str_of(rows[i].names)));
		buf_free(&names);
	}
	control_free(c);
}

static void
without_a_line_there_is_no_rule(void **state)
{
	struct controls *c = read_rules("a.example:none\n");
	struct tlsrule r;

	(void)state;
	assert_int_equal(tlsrule_find(c, "b.example", &r), FOUND_NO);
	control_free(c);
	c = control_new(-1, CONTROL_TOOLS);
	assert_non_null(c);
	/* Never read: nobody knows. */
	assert_int_equal(tlsrule_find(c, "b.example", &r), FOUND_ERROR);
	control_free(c);
}

static void
malformed_lines_are_named(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
	    {"a.example:may\nb.example\n",
             "control/tlspolicy:2: no colon: b.example"                                          },
	    {"a.example:must\n",                   "control/tlspolicy:1: not a TLS policy: must" },
	    {"a.example:\n",                       "control/tlspolicy:1: not a TLS policy"       },
	    {"a.example: may\n",                   "control/tlspolicy:1: not a TLS policy"       },
	    {"a.example:may b.example\n",
             "control/tlspolicy:1: only verify takes names: b.example"                           },
	    {"a.example:verify b..c\n",
             "control/tlspolicy:1: not a host name: b..c"                                        },
	    {"a.example:verify .\n",               "control/tlspolicy:1: not a host name: ."     },
	    {"a.example:verify *.b.example\n",
             "control/tlspolicy:1: not a host name: *.b.example"                                 },
	    {"a.example:verify a b c d e f g h\n",
             "control/tlspolicy:1: too many names: h"                                            },
	    {"u@a.example:may\n",                  "control/tlspolicy:1: an address where a "
				  "domain stands: u@a.example"  },
	    {"a..example:may\n",
             "control/tlspolicy:1: not a domain: a..example"                                     },
	    {"[192.0.2]:may\n",                    "control/tlspolicy:1: not a domain: [192.0.2]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct controls *c = control_new(-1, CONTROL_TOOLS);
		struct buf error = {0};

		assert_non_null(c);
		assert_false(
		    control_set(c, C_tlspolicy, str_of(rows[i].text), &error));
		assert_string_equal(error.data, rows[i].said);
		buf_free(&error);
		control_free(c);
	}
}

static void
names_of_policies_read_back(void **state)
{
	(void)state;
	for (enum tlsrule_level i = 0; i <= TLSRULE_STS; i++) {
		struct tlsrule r;
		struct fault f;

		assert_true(tlsrule_parse(str_of(tlsrule_name(i)), &r, &f));
		assert_int_equal(r.level, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_host_has_the_nearest_line),
	    cmocka_unit_test(without_a_line_there_is_no_rule),
	    cmocka_unit_test(malformed_lines_are_named),
	    cmocka_unit_test(names_of_policies_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
