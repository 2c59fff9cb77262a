/* saslname: words are names in any case, and nothing like them. */
#include "wire/saslname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
names_are_found(void **state)
{
	static const struct {
		const char *word;
		enum saslname name;
	} rows[] = {
	    {"PLAIN",              SASL_PLAIN     },
	    {"login",              SASL_LOGIN     },
	    {"CRAM-MD5",           SASL_CRAM      },
	    {"Scram-Sha-256",      SASL_SCRAM     },
	    {"SCRAM-SHA-256-PLUS", SASL_SCRAM_PLUS},
	    {"SCRAM-SHA-256-",     SASL_NAMES     },
	    {"SCRAM-SHA-1",        SASL_NAMES     },
	    {"",		   SASL_NAMES     },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    saslname_find(str_of(rows[i].word)), rows[i].name);
}

static void
the_first_bad_word_is_told(void **state)
{
	struct str bad;

	(void)state;
	assert_true(saslname_all(str_of(""), &bad));
	assert_true(saslname_all(str_of("  PLAIN  login "), &bad));
	assert_false(saslname_all(str_of("PLAIN FOO BAR"), &bad));
	assert_true(str_equal(bad, str_of("FOO")));
	assert_false(saslname_all(str_of("PLAIN,LOGIN"), &bad));
	assert_true(str_equal(bad, str_of("PLAIN,LOGIN")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_found),
	    cmocka_unit_test(the_first_bad_word_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
