/* base64: what is written is read, and nothing else is. */
#include "lib/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 4648, 10, and bytes of either end. */
static void
both_ways(void **state)
{
	static const struct {
		struct str bytes;
		const char *text;
	} rows[] = {
	    {{"", 0},             ""        },
	    {{"f", 1},            "Zg=="    },
	    {{"fo", 2},           "Zm8="    },
	    {{"foo", 3},          "Zm9v"    },
	    {{"foobar", 6},       "Zm9vYmFy"},
	    {{"\0\xff\xfe\0", 4}, "AP/+AA=="},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};

		assert_true(base64_encode(&b, rows[i].bytes));
		assert_true(str_equal(buf_str(&b), str_of(rows[i].text)));
		buf_clear(&b);
		assert_true(base64_decode(&b, str_of(rows[i].text)));
		assert_true(str_equal(buf_str(&b), rows[i].bytes));
		buf_free(&b);
	}
}

static void
anything_else_is_refused(void **state)
{
	static const char *const rows[] = {"Z", "Zg", "Zg=", "Zg===", "=",
	    "====", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm9v\n",
	    "Zm9_", "Zm9-", "Z=9v", "Zm=v", "Zm9v!"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};

		assert_true(buf_append_byte(&b, 'x'));
		assert_false(base64_decode(&b, str_of(rows[i])));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(b.len, 1);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ways),
	    cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
