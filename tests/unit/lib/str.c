/* str: views compare, cut and trim without reading outside themselves. */
#include "lib/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct str none = {NULL, 0};

static void
compares_bytes_and_folds_only_ascii(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal, nocase;
	} rows[] = {
	    {"",            "",            true,  true },
	    {"a",           "a",           true,  true },
	    {"a",           "A",           false, true },
	    {"AZ",          "az",          false, true },
	    {"a",           "ab",          false, false},
	    {"[",           "{",           false, false},
	    {"@",           "`",           false, false},
	    {"\xc3\x84",    "\xc3\xa4",    false, false},
	    {"eXample.ORG", "Example.org", false, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str a = str_of(rows[i].a), b = str_of(rows[i].b);

		assert_int_equal(str_equal(a, b), rows[i].equal);
		assert_int_equal(str_equal_nocase(a, b), rows[i].nocase);
	}
	assert_true(str_equal(none, str_of("")));
	assert_true(
	    str_equal((struct str){"a\0b", 3}, (struct str){"a\0b", 3}));
	assert_false(
	    str_equal((struct str){"a\0b", 3}, (struct str){"a\0c", 3}));
}

static void
finds_starts_and_ends(void **state)
{
	static const struct {
		const char *s, *part;
		bool starts, starts_nocase, ends;
	} rows[] = {
	    {"abc", "",     true,  true,  true },
	    {"abc", "ab",   true,  true,  false},
	    {"abc", "AB",   false, true,  false},
	    {"abc", "bc",   false, false, true },
	    {"abc", "abc",  true,  true,  true },
	    {"abc", "xabc", false, false, false},
	    {"abc", "abcd", false, false, false},
	    {"",    "a",    false, false, false},
	    {"",    "",     true,  true,  true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str s = str_of(rows[i].s), p = str_of(rows[i].part);

		assert_int_equal(str_starts(s, p), rows[i].starts);
		assert_int_equal(
		    str_starts_nocase(s, p), rows[i].starts_nocase);
		assert_int_equal(str_ends(s, p), rows[i].ends);
	}
	assert_true(str_ends(none, none));
}

static void
finds_first_and_last_or_the_length(void **state)
{
	struct str s = str_of("a.b.c");

	(void)state;
	assert_int_equal(str_find(s, '.'), 1);
	assert_int_equal(str_rfind(s, '.'), 3);
	assert_int_equal(str_find(s, '@'), 5);
	assert_int_equal(str_rfind(s, '@'), 5);
	assert_int_equal(str_rfind(s, 'a'), 0);
	assert_int_equal(str_find(none, 'a'), 0);
	assert_int_equal(str_rfind(none, 'a'), 0);
	/* The end byte of a C string is not part of its view. */
	assert_int_equal(str_find(s, '\0'), 5);
}

/* Every length and start, all of them and one in seven. */
static void
counts_every_byte_once(void **state)
{
	char text[1000];

	(void)state;
	for (size_t every = 1; every <= 7; every += 6) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char)(i % every == 0 ? '\n' : 'x');
		for (size_t from = 0; from < 9; from++) {
			size_t n = 0;

			for (size_t to = from; to <= sizeof(text); to++) {
				struct str s = {text + from, to - from};

				assert_int_equal(str_count(s, '\n'), n);
				n += to < sizeof(text) && text[to] == '\n';
			}
		}
	}
	assert_int_equal(str_count(none, 'a'), 0);
	assert_int_equal(str_count(str_of("\xff\xff a"), '\xff'), 2);
}

static void
slice_stays_in_bounds(void **state)
{
	static const struct {
		size_t from, to;
		const char *want;
	} rows[] = {
	    {0,        3,        "abc"},
	    {1,        2,        "b"  },
	    {1,        SIZE_MAX, "bc" },
	    {3,        3,        ""   },
	    {2,        1,        ""   },
	    {9,        99,       ""   },
	    {SIZE_MAX, 0,        ""   },
	};
	struct str s = str_of("abc");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str got = str_slice(s, rows[i].from, rows[i].to);

		assert_true(str_equal(got, str_of(rows[i].want)));
		assert_true(got.data >= s.data && got.data <= s.data + s.len);
	}
	assert_int_equal(str_slice(none, 0, 5).len, 0);
}

static void
trim_takes_blanks_at_both_ends_only(void **state)
{
	static const char *const rows[][2] = {
	    {" \ta b\r\n", "a b"},
	    {"a",          "a"  },
	    {" \r\n\t ",   ""   },
	    {"",           ""   },
	    {"\va",        "\va"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(str_equal(
		    str_trim(str_of(rows[i][0])), str_of(rows[i][1])));
}

static void
cut_gives_every_part_once(void **state)
{
	struct str rest = str_of("a::b:"), head = none;

	(void)state;
	assert_true(str_cut(&rest, ':', &head));
	assert_true(str_equal(head, str_of("a")));
	assert_true(str_cut(&rest, ':', &head));
	assert_int_equal(head.len, 0);
	assert_true(str_cut(&rest, ':', &head));
	assert_true(str_equal(head, str_of("b")));
	assert_false(str_cut(&rest, ':', &head));
	assert_true(str_equal(head, str_of("b")));

	rest = str_of("whole");
	assert_true(str_cut(&rest, ':', &head));
	assert_true(str_equal(head, str_of("whole")));
	assert_int_equal(rest.len, 0);
	assert_false(str_cut(&rest, ':', &head));
}

static void
copy_refuses_what_is_no_c_string(void **state)
{
	char out[4];

	(void)state;
	assert_true(str_copy(out, sizeof(out), str_of("abc")));
	assert_string_equal(out, "abc");
	assert_false(str_copy(out, sizeof(out), str_of("abcd")));
	assert_string_equal(out, "");
	assert_true(str_copy(out, sizeof(out), none));
	assert_string_equal(out, "");
	out[0] = 'x';
	assert_false(str_copy(out, sizeof(out), (struct str){"a\0b", 3}));
	assert_string_equal(out, "");
	out[0] = 'x';
	assert_false(str_copy(out, 0, none));
	assert_int_equal(out[0], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(compares_bytes_and_folds_only_ascii),
	    cmocka_unit_test(finds_starts_and_ends),
	    cmocka_unit_test(finds_first_and_last_or_the_length),
	    cmocka_unit_test(counts_every_byte_once),
	    cmocka_unit_test(slice_stays_in_bounds),
	    cmocka_unit_test(trim_takes_blanks_at_both_ends_only),
	    cmocka_unit_test(cut_gives_every_part_once),
	    cmocka_unit_test(copy_refuses_what_is_no_c_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
