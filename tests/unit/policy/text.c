/* text: which policies are well-formed, and what they say. */
#include "policy/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The same numbers in every run. */
static size_t
pick(void)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (size_t)(seed >> 33);
}

static bool
read_copy(const char *text, size_t n, struct sts_policy *p, char **copy)
{
	*copy = malloc(n + (n == 0));
	assert_non_null(*copy);
	memcpy(*copy, text, n);
	return text_read(*copy, n, p);
}

static void
policy_is_read(void **state)
{
	static const char text[] =
	    "version: STSv1\r\nmode: enforce\r\n"
	    "mx: Mail.Example.com\r\n"
	    "mx:\t*.example.NET  \r\n"
	    "max_age: 604800\r\nmode: none\n"
	    "x-other: what: \xc3\xa9ver\n\nmx: c.example";
	struct sts_policy p;
	char *copy;

	(void)state;
	assert_true(read_copy(text, sizeof(text) - 1, &p, &copy));
	assert_int_equal(p.mode, STS_MODE_ENFORCE);
	assert_int_equal(p.max_age, 604800);
	assert_int_equal(p.count, 3);
	assert_true(str_equal(p.mx[0], str_of("mail.example.com")));
	assert_true(str_equal(p.mx[1], str_of("*.example.net")));
	assert_true(str_equal(p.mx[2], str_of("c.example")));
	free(copy);
}

static void
malformed_policies_are_told_from_others(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
	    {"version: STSv1\nmode: none\nmax_age: 0\n",                    true },
	    {"max_age: 31557600\nmode: none\nversion: STSv1",               true },
	    {"version:STSv1\nmode:testing\nmx:a.b\nmax_age:1\n",            true },
	    {"version: STSv1\nmode: none\nmax_age: 31557601\n",             false},
	    {"version: STSv1\nmode: none\nmax_age: -1\n",                   false},
	    {"version: STSv1\nmode: none\nmax_age: 99999999999999999999\n",
             false							       },
	    {"version: STSv1\nmode: none\nmax_age:\n",                      false},
	    {"version: STSv1\nmode: none\n",                                false},
	    {"version: STSv1\nmax_age: 1\n",                                false},
	    {"mode: none\nmax_age: 1\n",                                    false},
	    {"version: STSv2\nmode: none\nmax_age: 1\n",                    false},
	    {"version: stsv1\nmode: none\nmax_age: 1\n",                    false},
	    {"version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a.b\n",        false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\n",                 false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\nmx:\n",            false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a..b\n",       false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\nmx: *\n",          false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.b\n",      false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a b\n",        false},
	    {"version: STSv1\nmode: enforce\nmax_age: 1\nmx: .b.c\n",       false},
	    {"version: STSv1\nmode: none\nmax_age: 1\nwhat\n",              false},
	    {"version: STSv1\nmode: none\nmax_age: 1\n: x\n",               false},
	    {"version: STSv1\nmode: none\nmax_age: 1\na b: x\n",            false},
	    {"version: STSv1\nmode: none\nmax_age: 1\na: \x01\n",           false},
	    {"version: STSv1\rmode: none\rmax_age: 1\r",                    false},
	    {"<html>",						      false},
	    {"",							    false},
	};
	struct sts_policy p;
	char *copy;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (read_copy(rows[i].text, strlen(rows[i].text), &p, &copy) !=
		    rows[i].ok)
			fail_msg("%s", rows[i].text);
		free(copy);
	}
}

static void
patterns_and_octets_have_a_ceiling(void **state)
{
	static const char head[] =
	    "version: STSv1\nmode: enforce\nmax_age: 1\n";
	struct buf b = {0};
	struct sts_policy p;

	(void)state;
	assert_true(buf_append_text(&b, head));
	for (int i = 0; i < STS_PATTERNS; i++)
		assert_true(buf_append_text(&b, "mx: a.b\n"));
	assert_true(text_read(b.data, b.len, &p));
	assert_int_equal(p.count, STS_PATTERNS);
	assert_true(buf_append_text(&b, "mx: a.b\n"));
	assert_false(text_read(b.data, b.len, &p));
	buf_clear(&b);
	assert_true(
	    buf_append_text(&b, head) && buf_append_text(&b, "mx: a.b\nx:"));
	while (b.len < STS_TEXT_MAX)
		assert_true(buf_append_byte(&b, 'y'));
	assert_true(text_read(b.data, b.len, &p));
	assert_true(buf_append_byte(&b, 'y'));
	assert_false(text_read(b.data, b.len, &p));
	buf_free(&b);
}

/* What is read can be sent. */
static void
damaged_policies_are_refused_or_sound(void **state)
{
	static const char seed[] = "version: STSv1\r\nmode: enforce\r\n"
				   "mx: a.example\r\nmx: *.b.example\r\n"
				   "max_age: 604800\r\n";
	struct buf b = {0};
	struct sts_policy p;
	char bytes[sizeof(seed)], *copy;
	int read = 0;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		size_t n = sizeof(seed) - 1 - pick() % 8;

		memcpy(bytes, seed, sizeof(seed));
		for (int m = (int)(pick() % 4); m > 0; m--)
			bytes[pick() % n] = (char)pick();
		if (read_copy(bytes, n, &p, &copy)) {
			buf_clear(&b);
			assert_true(sts_policy_write(&b, &p));
			read++;
		}
		free(copy);
	}
	assert_int_not_equal(read, 0);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy_is_read),
	    cmocka_unit_test(malformed_policies_are_told_from_others),
	    cmocka_unit_test(patterns_and_octets_have_a_ceiling),
	    cmocka_unit_test(damaged_policies_are_refused_or_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
