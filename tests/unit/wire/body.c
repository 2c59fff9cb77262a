/* body: nothing outside the bounds is read, and lines are found wherever the
 * windows cut them. */
#include "wire/body.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct body body;

/* A file of text, of which the first and last byte are no body. */
static FILE *
open_text(struct str text)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_true(fd_write_all(fileno(f), "X", 1));
	assert_true(fd_write_all(fileno(f), text.data, text.len));
	assert_true(fd_write_all(fileno(f), "X", 1));
	body_open(&body, fileno(f), 1, text.len);
	return f;
}

static void
only_what_is_within_the_bounds(void **state)
{
	static char much[BODY_WINDOW + 10];
	struct str chunk;
	FILE *f;

	(void)state;
	memset(much, 'y', sizeof(much));
	f = open_text((struct str){much, sizeof(much)});
	assert_true(body_get(&body, 0, &chunk));
	assert_int_equal(chunk.len, BODY_WINDOW);
	assert_true(body_get(&body, BODY_WINDOW, &chunk));
	assert_int_equal(chunk.len, 10);
	assert_memory_equal(chunk.data, much, 10);
	assert_true(body_get(&body, BODY_WINDOW + 9, &chunk));
	assert_int_equal(chunk.len, 1);
	assert_true(body_get(&body, BODY_WINDOW + 10, &chunk));
	assert_int_equal(chunk.len, 0);
	assert_true(body_get(&body, 3, &chunk));
	assert_int_equal(chunk.len, BODY_WINDOW - 3);
	assert_int_equal(fclose(f), 0);
}

/* As one goes through it who writes it behind 100 other bytes. */
static void
windows_can_end_with_those_of_another_file(void **state)
{
	static char much[3 * BODY_WINDOW];
	const size_t shifts[] = {
	    100, 0, BODY_WINDOW - 1, BODY_WINDOW, 5 * BODY_WINDOW + 7};
	struct str chunk;
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (char)(i % 251);
	f = open_text((struct str){much, sizeof(much)});
	for (size_t i = 0; i < COUNT(shifts); i++) {
		size_t offset = 0;

		assert_true(body_get(&body, i * 1000, &chunk));
		body_align(&body, shifts[i]);
		while (offset < sizeof(much)) {
			assert_true(body_get(&body, offset, &chunk));
			assert_memory_equal(
			    chunk.data, much + offset, chunk.len);
			offset += chunk.len;
			assert_true(offset == sizeof(much) ||
				    (shifts[i] + offset) % BODY_WINDOW == 0);
		}
		assert_true(body_get(&body, offset, &chunk));
		assert_int_equal(chunk.len, 0);
	}
	assert_int_equal(fclose(f), 0);
	f = open_text(str_of("abc"));
	assert_true(body_get(&body, 0, &chunk));
	body_align(&body, BODY_WINDOW - 1);
	assert_true(body_get(&body, 0, &chunk));
	assert_int_equal(chunk.len, 3);
	assert_int_equal(fclose(f), 0);
}

static void
a_short_file_is_an_error(void **state)
{
	struct str chunk;
	FILE *f = open_text(str_of("abc"));

	(void)state;
	body_open(&body, fileno(f), 1, 100);
	errno = 0;
	assert_false(body_get(&body, 0, &chunk));
	assert_int_equal(errno, EPIPE);
	assert_false(body_get(&body, 0, &chunk));
	assert_int_equal(fclose(f), 0);
}

static void
where_the_header_ends(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, len;
	} rows[] = {
	    {"A: b\nC: d\n\nbody\n",       100, 10},
	    {"A: b\r\nC: d\r\n\r\nbody\n", 100, 12},
	    {"\nbody\n",                   100, 0 },
	    {"A: b\n",                     100, 5 },
	    {"A: b",		       100, 4 },
	    {"",			   100, 0 },
	    {"A: b\nC: d\n\nbody\n",       6,   6 },
	    {"A: b\n \n\nbody\n",          100, 7 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		FILE *f = open_text(str_of(rows[i].text));
		uint64_t len = 99;

		assert_true(body_header(&body, rows[i].max, &len));
		assert_true(len == rows[i].len);
		assert_int_equal(fclose(f), 0);
	}
}

static void
a_line_of_the_header_and_no_other(void **state)
{
	static const struct {
		const char *text;
		bool has;
	} rows[] = {
	    {"Delivered-To: a@b\n\n",             true },
	    {"X: y\nDelivered-To: a@b\nZ: z\n\n", true },
	    {"delivered-to: A@B\n\n",             true },
	    {"Delivered-To: a@b\r\n\r\n",         true },
	    {"Delivered-To: a@bc\n\n",            false},
	    {"Delivered-To: a@b c\n\n",           false},
	    {"Delivered-To: a@\n\n",              false},
	    {"XDelivered-To: a@b\n\n",            false},
	    {" Delivered-To: a@b\n\n",            false},
	    {"Delivered-To: a@b",                 false},
	    {"X: y\n\nDelivered-To: a@b\n",       false},
	    {"Delivered-To: a@b\rx\n\n",          false},
	    {"",				  false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		FILE *f = open_text(str_of(rows[i].text));
		bool has = !rows[i].has;

		assert_true(
		    body_has_line(&body, str_of("Delivered-To: a@b"), &has));
		assert_int_equal(has, rows[i].has);
		assert_int_equal(fclose(f), 0);
	}
}

static void
a_line_across_two_windows(void **state)
{
	struct str line = str_of("Delivered-To: a@b");

	(void)state;
	for (size_t back = 1; back <= line.len + 1; back++) {
		struct buf b = {0};
		bool has = false;
		FILE *f;

		while (b.len < BODY_WINDOW - back - 1)
			assert_true(
			    buf_append_byte(&b, b.len % 64 == 63 ? '\n' : 'x'));
		assert_true(buf_append_byte(&b, '\n'));
		assert_true(buf_append_str(&b, line));
		assert_true(buf_append_text(&b, "\n\n"));
		f = open_text(buf_str(&b));
		assert_true(body_has_line(&body, line, &has));
		assert_true(has);
		assert_int_equal(fclose(f), 0);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_within_the_bounds),
	    cmocka_unit_test(windows_can_end_with_those_of_another_file),
	    cmocka_unit_test(a_short_file_is_an_error),
	    cmocka_unit_test(where_the_header_ends),
	    cmocka_unit_test(a_line_of_the_header_and_no_other),
	    cmocka_unit_test(a_line_across_two_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
