/* json: what the tools print with --json parses again. */
#include "lib/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void
assert_out(struct json *j, const char *want)
{
	struct str got = buf_str(&j->out);

	assert_false(j->failed);
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.data, want, got.len);
	buf_free(&j->out);
}

static void
texts_are_escaped_so_that_they_parse(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"",		   "\"\""				    },
	    {"a b",                "\"a b\""				 },
	    {"\"\\",               "\"\\\"\\\\\""                            },
	    {"\n\x1f\x7f",         "\"\\u000a\\u001f\\u007f\""               },
	    {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""                  },
	    {"\xff\xc3z",          "\"\xef\xbf\xbd\xef\xbf\xbdz\""           },
	    {"\xed\xa0\x80",       "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json j = {0};

		json_text(&j, NULL, str_of(rows[i].in));
		assert_out(&j, rows[i].out);
	}
}

static void
commas_stand_between_values_only(void **state)
{
	struct json j = {0};

	(void)state;
	json_object(&j, NULL);
	json_list(&j, "empty");
	json_list_end(&j);
	json_list(&j, "two");
	json_number(&j, NULL, UINT64_MAX);
	json_bool(&j, NULL, false);
	json_list_end(&j);
	json_object(&j, "o");
	json_null(&j, "k\"");
	json_object_end(&j);
	json_object_end(&j);
	assert_out(&j, "{\"empty\": [], \"two\": [18446744073709551615, false],"
		       " \"o\": {\"k\\\"\": null}}");
}

static void
what_did_not_fit_is_not_printed(void **state)
{
	struct json j = {.out = {.max = 4}};

	(void)state;
	json_text(&j, NULL, str_of("too long"));
	assert_false(json_print(&j, STDERR_FILENO));
	buf_free(&j.out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_escaped_so_that_they_parse),
	    cmocka_unit_test(commas_stand_between_values_only),
	    cmocka_unit_test(what_did_not_fit_is_not_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
