/* buf: contents, ceiling, and nothing changed by a refused append. */
#include "lib/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
collects_every_kind_of_append(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(buf_str(&b).len, 0);
	assert_true(buf_append(&b, "a\0b", 3));
	assert_true(buf_append(&b, NULL, 0));
	assert_true(buf_append_str(&b, str_of("c")));
	assert_true(buf_append_text(&b, "de"));
	assert_true(buf_append_byte(&b, '='));
	assert_true(buf_append_number(&b, UINT64_MAX));
	assert_true(buf_append_number(&b, 0));
	assert_true(buf_append_lower(&b, str_of("XyZ\xc4")));
	assert_true(buf_terminate(&b));
	assert_int_equal(b.len, 32);
	assert_memory_equal(
	    b.data, "a\0bcde=184467440737095516150xyz\xc4", b.len + 1);
	buf_free(&b);
	assert_null(b.data);
}

static void
the_ceiling_holds_and_refusal_changes_nothing(void **state)
{
	struct buf b = {.max = 5};
	char *before;

	(void)state;
	assert_true(buf_append_text(&b, "abcde"));
	before = b.data;
	errno = 0;
	assert_false(buf_append_byte(&b, 'f'));
	assert_int_equal(errno, EMSGSIZE);
	assert_false(buf_append_lower(&b, str_of("F")));
	assert_false(buf_append_number(&b, 7));
	assert_int_equal(b.len, 5);
	assert_ptr_equal(b.data, before);
	/* A full buffer can still be used as a C string. */
	assert_true(buf_terminate(&b));
	assert_string_equal(b.data, "abcde");
	buf_drop(&b, 1);
	assert_true(buf_append_byte(&b, 'f'));
	assert_memory_equal(b.data, "bcdef", 5);
	buf_free(&b);
}

static void
sizes_that_wrap_are_refused(void **state)
{
	struct buf b = {.max = SIZE_MAX};

	(void)state;
	assert_true(buf_append_text(&b, "ab"));
	errno = 0;
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(errno, EMSGSIZE);
	errno = 0;
	assert_false(buf_reserve(&b, SIZE_MAX - 2));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, 2);
	buf_free(&b);
}

static void
no_max_means_the_default_ceiling(void **state)
{
	struct buf b = {0};
	char block[4096];

	(void)state;
	memset(block, 'x', sizeof(block));
	for (size_t n = 0; n < BUF_MAX_DEFAULT; n += sizeof(block))
		assert_true(buf_append(&b, block, sizeof(block)));
	errno = 0;
	assert_false(buf_append_byte(&b, 'y'));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, BUF_MAX_DEFAULT);
	assert_int_equal(b.data[BUF_MAX_DEFAULT - 1], 'x');
	assert_int_equal(b.cap, BUF_MAX_DEFAULT + 1);
	buf_free(&b);
}

static void
reserve_gives_room_to_fill(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_true(buf_append_text(&b, "ab"));
	assert_true(buf_reserve(&b, 1000));
	assert_true(b.cap - b.len >= 1000);
	memset(b.data + b.len, 'c', 1000);
	b.len += 1000;
	assert_int_equal(str_rfind(buf_str(&b), 'c'), 1001);
	buf_free(&b);
}

static void
drop_and_clear(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_drop(&b, 3);
	assert_true(buf_append_text(&b, "abcdef"));
	buf_drop(&b, 4);
	assert_true(str_equal(buf_str(&b), str_of("ef")));
	buf_drop(&b, 99);
	assert_int_equal(b.len, 0);
	assert_true(buf_append_text(&b, "x"));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_non_null(b.data);
	buf_free(&b);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(collects_every_kind_of_append),
	    cmocka_unit_test(the_ceiling_holds_and_refusal_changes_nothing),
	    cmocka_unit_test(sizes_that_wrap_are_refused),
	    cmocka_unit_test(no_max_means_the_default_ceiling),
	    cmocka_unit_test(reserve_gives_room_to_fill),
	    cmocka_unit_test(drop_and_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
