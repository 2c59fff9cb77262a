/* programs: a mistyped command is recognised, a strange one is not. */
#include "tools/programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
distance_counts_letters(void **state)
{
	static const struct {
		const char *a, *b;
		size_t far;
	} rows[] = {
	    {"",       "",				  0   },
	    {"",       "abc",			       3   },
	    {"abc",    "",				  3   },
	    {"status", "status",                            0   },
	    {"statsu", "status",                            2   },
	    {"stat",   "status",                            2   },
	    {"kitten", "sitting",                           3   },
	    {"a",      "abcdefghijklmnopqrstuvwxyzabcdefg", 1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    programs_distance(rows[i].a, rows[i].b), rows[i].far);
		assert_int_equal(
		    programs_distance(rows[i].b, rows[i].a), rows[i].far);
	}
}

static void
only_commands_for_people_are_suggested(void **state)
{
	static const struct {
		const char *typed, *meant;
	} rows[] = {
	    {"statsu",     "status"},
	    {"strat",      "start" },
	    {"users",      "user"  },
	    {"smtpd",      NULL    },
	    {"frobnicate", NULL    },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *like = program_like(rows[i].typed);

		if (rows[i].meant == NULL)
			assert_null(like);
		else
			assert_string_equal(like, rows[i].meant);
	}
}

static void
a_name_with_a_slash_is_no_command(void **state)
{
	char path[PROGRAM_PATH];

	(void)state;
	assert_false(program_path(path, "../x"));
	assert_true(program_path(path, "status"));
	assert_non_null(strstr(path, "/culver-status"));
}

static void
two_words_are_a_command_only_together(void **state)
{
	(void)state;
	assert_string_equal(program_of_two("queue", "check"), "check");
	assert_string_equal(program_of_two("queue", "import"), "import");
	assert_null(program_of_two("queue", "--check"));
	assert_null(program_of_two("queue", ""));
	assert_null(program_of_two("check", "queue"));
	assert_null(program_of_two("control", "check"));
}

static void
the_list_fits_80_columns(void **state)
{
	char line[256];
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	programs_print(f);
	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL)
		assert_true(strcspn(line, "\n") <= 80);
	assert_int_equal(fclose(f), 0);
}

static void
each_line_of_the_list_stands_once(void **state)
{
	char lines[128][96];
	size_t n = 0;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	programs_print(f);
	rewind(f);
	for (; fgets(lines[n], sizeof(lines[n]), f) != NULL; n++) {
		for (size_t i = 0; i < n; i++)
			if (strcmp(lines[n], "\n") != 0)
				assert_string_not_equal(lines[n], lines[i]);
		assert_true(n + 1 < sizeof(lines) / sizeof(lines[0]));
	}
	assert_true(n > 0);
	assert_int_equal(fclose(f), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(distance_counts_letters),
	    cmocka_unit_test(only_commands_for_people_are_suggested),
	    cmocka_unit_test(a_name_with_a_slash_is_no_command),
	    cmocka_unit_test(two_words_are_a_command_only_together),
	    cmocka_unit_test(the_list_fits_80_columns),
	    cmocka_unit_test(each_line_of_the_list_stands_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
