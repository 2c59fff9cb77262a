/* language: two names for English, and nothing else. */
#include "pop3d/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
ranges_and_answers(void **state)
{
	static const char *const rows[][2] = {
	    {"en",        "+OK en English it is"       },
	    {"EN",        "+OK en English it is"       },
	    {"*",         "+OK en English it is"       },
	    {"I-Default", "+OK i-default English it is"},
	    {"en-GB",     "-ERR no such language"      },
	    {"e",         "-ERR no such language"      },
	    {" ",         "-ERR no such language"      },
	    {"**",        "-ERR no such language"      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
		    language_answer(NULL, str_of(rows[i][0])), rows[i][1]);
}

static void
without_a_range_all_are_listed(void **state)
{
	char storage[200];
	struct writer w;

	(void)state;
	writer_open(&w, NULL, storage, sizeof(storage));
	assert_null(language_answer(&w, str_of("")));
	assert_true(str_equal((struct str){storage, w.len},
	    str_of("+OK languages follow\r\nen English\r\n"
		   "i-default English\r\n.\r\n")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges_and_answers),
	    cmocka_unit_test(without_a_range_all_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
