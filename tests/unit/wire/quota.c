/* quota: limits that hold to the last byte, and texts that a stranger wrote. */
#include "wire/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MOST     UINT64_MAX

static void
there_is_room_up_to_the_limit(void **state)
{
	static const struct {
		struct quota limits, use;
		uint64_t size;
		bool more, fits;
	} rows[] = {
	    {{0, 0},    {MOST, MOST},  MOST,     true,  true },
	    {{100, 0},  {60, 9},       40,       true,  true },
	    {{100, 0},  {60, 9},       41,       true,  false},
	    {{100, 0},  {0, 0},        101,      true,  false},
	    {{100, 0},  {200, 0},      0,        true,  false},
	    {{100, 0},  {100, 0},      0,        true,  true },
	    {{100, 0},  {60, 0},       MOST,     true,  false},
	    {{100, 0},  {60, 0},       MOST - 1, true,  false},
	    {{0, 5},    {MOST, 4},     MOST,     true,  true },
	    {{0, 5},    {0, 5},        0,        true,  false},
	    {{0, 5},    {0, 5},        0,        false, true },
	    {{0, 5},    {0, 6},        0,        false, false},
	    {{100, 5},  {0, 5},        1,        true,  false},
	    {{MOST, 0}, {MOST - 1, 0}, 1,        true,  true },
	    {{MOST, 0}, {MOST - 1, 0}, 2,        true,  false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (quota_fits(&rows[i].limits, &rows[i].use, rows[i].size,
			rows[i].more) != rows[i].fits)
			fail_msg("row %zu", i);
}

static void
percent_is_of_what_is_fuller(void **state)
{
	static const struct {
		struct quota limits, use;
		uint64_t percent;
	} rows[] = {
	    {{0, 0},        {5, 5},        0  },
	    {{1000, 0},     {899, 0},      89 },
	    {{1000, 0},     {900, 0},      90 },
	    {{1000, 10},    {100, 9},      90 },
	    {{1000, 10},    {950, 1},      95 },
	    {{1000, 0},     {2500, 0},     250},
	    {{MOST, 0},     {MOST, 0},     100},
	    {{MOST / 2, 0}, {MOST / 4, 0}, 50 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(quota_percent(&rows[i].limits, &rows[i].use),
		    rows[i].percent);
	assert_true(quota_percent(
			&(struct quota){1, 0}, &(struct quota){MOST, 0}) > 100);
}

static void
lines_are_those_of_maildirplusplus(void **state)
{
	static const struct {
		struct quota limits;
		const char *line;
	} rows[] = {
	    {{1000000, 500}, "1000000S,500C\n"                              },
	    {{1000000, 0},   "1000000S\n"                                   },
	    {{0, 500},       "500C\n"				       },
	    {{0, 0},         "0S\n"					 },
	    {{MOST, MOST},   "18446744073709551615S,18446744073709551615C\n"},
	};
	char line[QUOTA_LINE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(quota_write_limits(line, &rows[i].limits),
		    strlen(rows[i].line));
		assert_string_equal(line, rows[i].line);
	}
	assert_int_equal(
	    quota_write_figures(line, &(struct quota){1234, 1}, false), 7);
	assert_string_equal(line, "1234 1\n");
	(void)quota_write_figures(line, &(struct quota){1234, 2}, true);
	assert_string_equal(line, "-1234 -2\n");
	(void)quota_write_figures(line, &(struct quota){MOST, MOST}, true);
	assert_string_equal(line, "-1125899906842624 -1125899906842624\n");
}

#define BIG "1125899906842624"

static const struct {
	const char *text;
	bool named, sound;
	struct quota limits, use;
	size_t lines;
} texts[] = {
    {"1000S,5C\n100 1\n",                true,  true,  {1000, 5}, {100, 1},               1},
    {"1000S,5C\n100 1\n50 1\n-100 -1\n", true,  true,  {1000, 5}, {50, 1},                3},
    {"5C,1000S\n0 0\n",                  true,  true,  {1000, 5}, {0, 0},                 1},
    {"1000S\n",			  true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n     100     1\n",          true,  true,  {1000, 0}, {100, 1},               1},
    {"1000S\n 100 1  \n",                true,  true,  {1000, 0}, {100, 1},               1},
 /* a writer was cut short */
    {"1000S\n100 1\n50 1",               true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n100 1\n50 \n",              true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n100\n",		     true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n100 1 1\n",                 true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n\n100 1\n",                 true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n1e3 1\n",                   true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n+100 1\n",                  true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n- 1\n",		     true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n--5 1\n",                   true,  false, {1000, 0}, {0, 0},                 0},
 /* less than nothing */
    {"1000S\n100 1\n-101 -1\n",          true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n100 1\n0 -2\n",             true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n100 1\n" QUOTA_SPOIL,       true,  false, {1000, 0}, {0, 0},                 0},
 /* figures that would overflow */
    {"1000S\n" BIG " 1\n",               true,  true,  {1000, 0}, {(uint64_t)1 << 50, 1}, 1},
    {"1000S\n1125899906842625 1\n",      true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n9223372036854775807 1\n",   true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n18446744073709551616 1\n",  true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n-9223372036854775808 1\n",  true,  false, {1000, 0}, {0, 0},                 0},
    {"1000S\n1 99999999999999999999\n",  true,  false, {1000, 0}, {0, 0},                 0},
 /* no limits */
    {"",				 false, false, {0, 0},    {0, 0},                 0},
    {"1000S",			    false, false, {0, 0},    {0, 0},                 0},
    {"\n100 1\n",			false, false, {0, 0},    {0, 0},                 0},
    {"NOQUOTA\n100 1\n",                 false, false, {0, 0},    {0, 0},                 0},
    {"1000X\n100 1\n",                   false, false, {0, 0},    {0, 0},                 0},
    {"-1S\n100 1\n",		     false, false, {0, 0},    {0, 0},                 0},
    {"99999999999999999999S\n1 1\n",     false, false, {0, 0},    {0, 0},                 0},
    {"\377\376\001\n100 1\n",            false, false, {0, 0},    {0, 0},                 0},
};

static void
a_text_is_sound_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct quota_text t;

		quota_read(str_of(texts[i].text), &t);
		if (t.named != texts[i].named || t.sound != texts[i].sound)
			fail_msg("row %zu: %d %d", i, t.named, t.sound);
		if (t.named) {
			assert_int_equal(t.limits.bytes, texts[i].limits.bytes);
			assert_int_equal(
			    t.limits.messages, texts[i].limits.messages);
		}
		if (!t.sound)
			continue;
		assert_int_equal(t.use.bytes, texts[i].use.bytes);
		assert_int_equal(t.use.messages, texts[i].use.messages);
		assert_int_equal(t.lines, texts[i].lines);
	}
}

/* As many figures as a file may have, each as large as any may be. */
static void
a_long_text_keeps_its_limits_alone(void **state)
{
	static char text[2 * QUOTA_FILE] = "1000S\n";
	struct quota_text t;
	size_t len = strlen(text);

	(void)state;
	while (len + strlen(BIG " 1\n") < QUOTA_FILE)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, BIG " 1\n");
	quota_read((struct str){text, len}, &t);
	assert_true(t.sound);
	assert_true(t.use.bytes / t.lines == (uint64_t)1 << 50);
	while (len < QUOTA_FILE)
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "1 1\n");
	quota_read((struct str){text, len}, &t);
	assert_true(t.named);
	assert_false(t.sound);
	assert_int_equal(t.limits.bytes, 1000);
}

static void
a_text_with_nul_is_malformed(void **state)
{
	struct quota_text t;

	(void)state;
	quota_read((struct str){"1000S\n100 1\n\0\0\0\0\n", 17}, &t);
	assert_true(t.named);
	assert_false(t.sound);
	quota_read((struct str){"\0\0\0\0\n1 1\n", 9}, &t);
	assert_false(t.named);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_is_room_up_to_the_limit),
	    cmocka_unit_test(percent_is_of_what_is_fuller),
	    cmocka_unit_test(lines_are_those_of_maildirplusplus),
	    cmocka_unit_test(a_text_is_sound_or_not),
	    cmocka_unit_test(a_long_text_keeps_its_limits_alone),
	    cmocka_unit_test(a_text_with_nul_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
