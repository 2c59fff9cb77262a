/* checkpw: three texts, at most 512 bytes, and nothing that resembles them. */
#include "wire/checkpw.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(lit)                                                             \
	{                                                                      \
		lit, sizeof(lit) - 1                                           \
	}

static void
what_is_written_is_read(void **state)
{
	static const struct checkpw rows[] = {
	    {BYTES("a@example.org"), BYTES("pass word "), BYTES("<1.2@me>")},
	    {BYTES(""),              BYTES(""),           BYTES("")        },
	    {BYTES("\xff\r\n"),      BYTES("%s\x1b"),     BYTES("x")       },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		struct checkpw got;

		assert_true(checkpw_write(&b, &rows[i]));
		assert_true(checkpw_read(buf_str(&b), &got));
		assert_true(str_equal(got.user, rows[i].user));
		assert_true(str_equal(got.password, rows[i].password));
		assert_true(str_equal(got.extra, rows[i].extra));
		buf_free(&b);
	}
}

static void
bytes_are_those_of_the_interface(void **state)
{
	static const struct checkpw c = {BYTES("u"), BYTES("p"), BYTES("t")};
	struct buf b = {0};

	(void)state;
	assert_true(checkpw_write(&b, &c));
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "u\0p\0t", 6);
	buf_free(&b);
}

static void
length_is_bounded_both_ways(void **state)
{
	char text[CHECKPW_MAX];
	struct checkpw c = {
	    {text, CHECKPW_MAX - 3},
            {text, 0              },
            {text, 0              }
        };
	struct buf b = {0};
	char in[CHECKPW_MAX + 1] = {0};

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_true(checkpw_write(&b, &c));
	assert_int_equal(b.len, CHECKPW_MAX);
	c.extra.len = 1;
	assert_false(checkpw_write(&b, &c));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, CHECKPW_MAX);
	buf_free(&b);

	memset(in, 'x', sizeof(in) - 3);
	assert_false(checkpw_read((struct str){in, sizeof(in)}, &c));
	assert_true(checkpw_read((struct str){in + 1, CHECKPW_MAX}, &c));
}

static void
nul_within_a_text_is_refused(void **state)
{
	static const struct checkpw c = {BYTES("u"), BYTES("p\0q"), BYTES("")};
	struct buf b = {0};

	(void)state;
	assert_true(buf_append_text(&b, "kept"));
	assert_false(checkpw_write(&b, &c));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(b.len, 4);
	buf_free(&b);
}

static void
anything_else_is_refused(void **state)
{
	static const struct str rows[] = {BYTES(""), BYTES("u"), BYTES("u\0p"),
	    BYTES("u\0p\0"), BYTES("u\0p\0t"), BYTES("u\0p\0t\0x"),
	    BYTES("u\0p\0t\0x\0")};
	struct checkpw c = {.user = BYTES("untouched")};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(checkpw_read(rows[i], &c));
		assert_true(str_equal(c.user, str_of("untouched")));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(bytes_are_those_of_the_interface),
	    cmocka_unit_test(length_is_bounded_both_ways),
	    cmocka_unit_test(nul_within_a_text_is_refused),
	    cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
