/* words: blanks divide, and nothing else does. */
#include "lib/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4 };

static void
lines_and_their_words(void **state)
{
	static const struct {
		const char *line;
		size_t count;
		const char *words; /* with | between them */
	} rows[] = {
	    {"",		     0, ""               },
	    {" \t ",                 0, ""               },
	    {"a",		    1, "a"              },
	    {" /bin/a\t -x  'b c' ", 4, "/bin/a|-x|'b|c'"},
	    {"a b c d e",            0, NULL             },
	    {"a;b $c",               2, "a;b|$c"         },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[64], got[64] = "", *words[MOST + 1];
		size_t at = 0;

		(void)snprintf(line, sizeof(line), "%s", rows[i].line);
		assert_int_equal(words_split(line, words, MOST), rows[i].count);
		if (rows[i].words == NULL)
			continue;
		for (size_t k = 0; words[k] != NULL; k++)
			at += (size_t)snprintf(got + at, sizeof(got) - at,
			    "%s%s", k == 0 ? "" : "|", words[k]);
		assert_string_equal(got, rows[i].words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_and_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
