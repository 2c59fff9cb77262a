/* dsn: nothing but printable characters comes out of an encoding, whatever is
 * written in. */
#include "smtpd/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
envid_is_kept_decoded_or_refused(void **state)
{
	static const struct {
		const char *value, *want; /* NULL: refused */
	} rows[] = {
	    {"QQ314159",  "QQ314159"},
	    {"a+2Bb+3Dc", "a+b=c"   },
	    {"a+20b",     "a b"     },
	    {"+41",       "A"       },
	    {"~!%0A",     "~!%0A"   },
	    {"",          NULL      },
	    {"+",         NULL      },
	    {"+4",        NULL      },
	    {"a+0a",      NULL      },
	    {"a+0G",      NULL      },
	    {"a+-1",      NULL      },
	    {"a=b",       NULL      },
	    {"a b",       NULL      },
	    {"a\tb",      NULL      },
	    {"a\x7f",     NULL      },
	    {"a\x80",     NULL      },
	};
	char out[DSN_ENVID_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool ok = dsn_envid(str_of(rows[i].value), out, &len);

		assert_int_equal(ok, rows[i].want != NULL);
		if (!ok)
			continue;
		assert_int_equal(len, strlen(rows[i].want));
		assert_memory_equal(out, rows[i].want, len);
	}
}

/* Every byte that can be encoded: 32 to 126 and no other. */
static void
no_encoded_control_byte_passes(void **state)
{
	char out[DSN_ENVID_MAX];
	size_t len;

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		bool printable = byte >= 32 && byte < 127;
		char envid[8], orcpt[24], utf8[24];

		(void)snprintf(envid, sizeof(envid), "+%02X", byte);
		(void)snprintf(orcpt, sizeof(orcpt), "rfc822;a+%02Xb", byte);
		(void)snprintf(utf8, sizeof(utf8), "utf-8;\\x{%02X}", byte);
		assert_int_equal(
		    dsn_envid(str_of(envid), out, &len), printable);
		assert_int_equal(dsn_orcpt_ok(str_of(orcpt), true), printable);
		assert_int_equal(dsn_orcpt_ok(str_of(utf8), true),
		    printable || byte >= 0xa0);
	}
}

static void
lengths_are_those_of_the_rfc(void **state)
{
	char text[DSN_ORCPT_MAX + 2], out[DSN_ENVID_MAX];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_true(dsn_envid((struct str){text, DSN_ENVID_MAX}, out, &len));
	assert_false(
	    dsn_envid((struct str){text, DSN_ENVID_MAX + 1}, out, &len));
	text[3] = ';';
	assert_true(dsn_orcpt_ok((struct str){text, DSN_ORCPT_MAX}, false));
	assert_false(
	    dsn_orcpt_ok((struct str){text, DSN_ORCPT_MAX + 1}, false));
}

static void
notify_is_never_or_a_set_of_the_others(void **state)
{
	static const struct {
		const char *value, *want; /* NULL: refused */
	} rows[] = {
	    {"NEVER",                 "NEVER"                },
	    {"never",                 "NEVER"                },
	    {"NEVER,NEVER",           "NEVER"                },
	    {"SUCCESS",               "SUCCESS"              },
	    {"FAILURE",               "FAILURE"              },
	    {"DELAY",                 "DELAY"                },
	    {"DELAY,SUCCESS",         "SUCCESS,DELAY"        },
	    {"failure,success",       "SUCCESS,FAILURE"      },
	    {"DELAY,FAILURE",         "FAILURE,DELAY"        },
	    {"DELAY,FAILURE,SUCCESS", "SUCCESS,FAILURE,DELAY"},
	    {"",		      NULL                   },
	    {",",		     NULL                   },
	    {"FAILURE,",              NULL                   },
	    {",FAILURE",              NULL                   },
	    {"FAILURE,,DELAY",        NULL                   },
	    {"FAILURE, DELAY",        NULL                   },
	    {"NEVER,DELAY",           NULL                   },
	    {"DELAY,NEVER",           NULL                   },
	    {"FAILURES",              NULL                   },
	    {"FAIL",                  NULL                   },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned set = 0;

		assert_int_equal(dsn_notify(str_of(rows[i].value), &set),
		    rows[i].want != NULL);
		assert_string_equal(dsn_notify_text(set),
		    rows[i].want == NULL ? "" : rows[i].want);
	}
	assert_string_equal(dsn_notify_text(DSN_NEVER | DSN_DELAY), "");
	assert_string_equal(dsn_notify_text(1000), "");
}

static void
orcpt_has_a_type_and_an_address(void **state)
{
	static const struct {
		const char *value;
		bool ok, ok_utf8;
	} rows[] = {
	    {"rfc822;u@example.net",       true,  true },
	    {"RFC822;u+2Bx@example.net",   true,  true },
	    {"x400;/C=us/",                false, false},
	    {"x400;/C+3Dus/",              true,  true },
	    {"utf-8;j\\x{F6}rg@a.example", true,  true },
	    {"utf-8;\\x{10FFFF}",          true,  true },
	    {"utf-8;\\x{1F600}",           true,  true },
	    {"utf-8;j\xc3\xb6rg",          false, true },
	    {"utf-8;j\xc3rg",              false, false},
	    {"utf-8;\xc2\x85",             false, false},
	    {"rfc822;j\xc3\xb6rg",         false, false},
	    {"utf-8;\\x{110000}",          false, false},
	    {"utf-8;\\x{0041}",            false, false},
	    {"utf-8;\\x{D8FF}",            false, false},
	    {"utf-8;\\x{f6}",              false, false},
	    {"utf-8;\\x{F6",               false, false},
	    {"utf-8;\\x{}",                false, false},
	    {"utf-8;\\x",                  false, false},
	    {"utf-8;\\",                   false, false},
	    {"utf-8;a+41",                 false, false},
	    {"",			   false, false},
	    {";",			  false, false},
	    {"rfc822",                     false, false},
	    {"rfc822;",                    false, false},
	    {";u",			 false, false},
	    {"rfc 822;u",                  false, false},
	    {"(rfc822);u",                 false, false},
	    {"rfc822;u v",                 false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str value = str_of(rows[i].value);

		assert_int_equal(dsn_orcpt_ok(value, false), rows[i].ok);
		assert_int_equal(dsn_orcpt_ok(value, true), rows[i].ok_utf8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(envid_is_kept_decoded_or_refused),
	    cmocka_unit_test(no_encoded_control_byte_passes),
	    cmocka_unit_test(lengths_are_those_of_the_rfc),
	    cmocka_unit_test(notify_is_never_or_a_set_of_the_others),
	    cmocka_unit_test(orcpt_has_a_type_and_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
