/* field: what is put is taken, and nothing is taken that is not whole. */
#include "lib/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

static void
what_is_put_is_taken(void **state)
{
	struct buf b = {0};
	struct str rest, text, none;
	uint32_t small;
	uint64_t large;
	char bytes[2];

	(void)state;
	assert_true(field_put32(&b, 0xfedcba98));
	assert_true(field_put_text(&b, str_of("a text")));
	assert_true(field_put64(&b, UINT64_MAX - 1));
	assert_true(field_put_text(&b, str_of("")));
	assert_true(buf_append_text(&b, "xy"));
	rest = buf_str(&b);
	assert_true(field_take32(&rest, &small));
	assert_true(field_take_text(&rest, &text));
	assert_true(field_take64(&rest, &large));
	assert_true(field_take_text(&rest, &none));
	assert_true(field_take_bytes(&rest, bytes, 2));
	assert_int_equal(small, 0xfedcba98);
	assert_true(str_equal(text, str_of("a text")));
	assert_true(large == UINT64_MAX - 1);
	assert_int_equal(none.len, 0);
	assert_memory_equal(bytes, "xy", 2);
	assert_int_equal(rest.len, 0);
	buf_free(&b);
}

static void
a_text_with_a_nul_is_refused_whole(void **state)
{
	struct buf b = {0};

	(void)state;
	errno = 0;
	assert_false(field_put_text(&b, (struct str){"a\0b", 3}));
	assert_int_equal(errno, EINVAL);
	b.max = 3;
	assert_false(field_put_text(&b, str_of("abc")));
	assert_int_equal(b.len, 0);
	assert_true(field_put_text(&b, str_of("ab")));
	buf_free(&b);
}

static void
nothing_is_taken_that_is_not_whole(void **state)
{
	struct str rest = {"abc", 3}, text = {0};
	uint32_t small = 1;
	uint64_t large = 1;
	char bytes[4] = "";

	(void)state;
	assert_false(field_take32(&rest, &small));
	assert_false(field_take64(&rest, &large));
	assert_false(field_take_bytes(&rest, bytes, 4));
	assert_false(field_take_text(&rest, &text));
	assert_int_equal(small, 1);
	assert_true(large == 1);
	assert_int_equal(rest.len, 3);
	assert_null(text.data);
	rest.len = 0;
	assert_true(field_take_bytes(&rest, bytes, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_is_taken),
	    cmocka_unit_test(a_text_with_a_nul_is_refused_whole),
	    cmocka_unit_test(nothing_is_taken_that_is_not_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
