/* idn: which names there are, and what DNS is asked for. */
#include "lib/idn.h"
#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define L63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-123456789"

static void
a_name_has_one_form(void **state)
{
	static const struct {
		const char *name, *ascii; /* NULL: none */
	} rows[] = {
	    {"Example.ORG",                 "example.org"           },
	    {"example.org.",                "example.org"           },
	    {"_dmarc.example",              "_dmarc.example"        },
	    {"M\xc3\x9cNCHEN.example",      "xn--mnchen-3ya.example"},
	    {"mu\xcc\x88nchen.example",     "xn--mnchen-3ya.example"},
	    {"XN--MNCHEN-3ya.example",      "xn--mnchen-3ya.example"},
	    {"stra\xc3\x9f"
	     "e.example",      "xn--strae-oqa.example" },
	    {"\xef\xbd\x85xample.\xc3\xa9", "example.xn--9ca"       },
	    {"_x.\xc3\xa9.",                "_x.xn--9ca"            },
	    {"ab--cd.example",              "ab--cd.example"        },
	    {L63 ".example",                L63 ".example"          },
	    {"",			    NULL                    },
	    {".",			   NULL                    },
	    {"a..b",			NULL                    },
	    {".a",			  NULL                    },
	    {"a..",			 NULL                    },
	    {"a b",			 NULL                    },
	    {"a/b",			 NULL                    },
	    {"a:25",			NULL                    },
	    {"[192.0.2.1]",                 NULL                    },
	    {L63 "x.example",               NULL                    },
	    {"\xff.example",                NULL                    },
	    {"-\xc3\xa9.example",           NULL                    },
	    {"\xe2\x98\x83.example",        NULL                    },
	    {"\xe2\x84\x80.example",        NULL                    },
	    {"xn--a.\xc3\xa9",              NULL                    },
	    {"\xe6\x97\xa5\xe3\x80\x82jp",  NULL                    },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[IDN_SIZE] = "before";
		enum idn_result want =
		    rows[i].ascii == NULL ? IDN_MALFORMED : IDN_OK;

		if (idn_to_ascii(out, str_of(rows[i].name)) != want)
			fail_msg("%s: %s", rows[i].name, out);
		assert_string_equal(
		    out, rows[i].ascii == NULL ? "" : rows[i].ascii);
	}
}

static void
a_name_has_its_longest(void **state)
{
	char name[IDN_SIZE + 1], out[IDN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof name; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	assert_int_equal(
	    idn_to_ascii(out, (struct str){name, IDN_MAX}), IDN_OK);
	assert_int_equal(strlen(out), IDN_MAX);
	assert_int_equal(
	    idn_to_ascii(out, (struct str){name, IDN_MAX + 1}), IDN_MALFORMED);
	assert_int_equal(
	    idn_to_ascii(out, (struct str){"a\0b", 3}), IDN_MALFORMED);
}

/* In UTF-8 it is short enough. */
static void
a_name_is_as_long_as_dns_sees_it(void **state)
{
	struct buf name = {0};
	char out[IDN_SIZE];

	(void)state;
	for (size_t i = 0; i < 31; i++)
		assert_true(buf_append_text(&name, "\xc3\xa9."));
	assert_true(buf_append_text(&name, "example"));
	assert_true(name.len < IDN_MAX);
	assert_int_equal(idn_to_ascii(out, buf_str(&name)), IDN_MALFORMED);
	buf_free(&name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_has_one_form),
	    cmocka_unit_test(a_name_has_its_longest),
	    cmocka_unit_test(a_name_is_as_long_as_dns_sees_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
