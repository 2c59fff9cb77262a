/* order: packets are read as written; damaged ones are refused. */
#include "policy/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
packets_are_read_as_written(void **state)
{
	const struct order o = {.job = 7,
	    .anyway = true,
	    .domain = str_of("a.example"),
	    .known = str_of("abc")};
	const struct outcome out = {.job = 8,
	    .result = FETCH_NEW,
	    .id = str_of("abc"),
	    .why = str_of(""),
	    .text = str_of("version")};
	struct order got;
	struct outcome came;
	struct buf b = {0};

	(void)state;
	assert_true(order_write(&b, &o));
	assert_true(order_read(buf_str(&b), &got));
	assert_int_equal(got.job, 7);
	assert_true(got.anyway);
	assert_true(str_equal(got.domain, o.domain));
	assert_true(str_equal(got.known, o.known));
	for (size_t n = 0; n < b.len; n++)
		assert_false(order_read(str_slice(buf_str(&b), 0, n), &got));
	buf_clear(&b);
	assert_true(outcome_write(&b, &out));
	assert_true(outcome_read(buf_str(&b), &came));
	assert_int_equal(came.result, FETCH_NEW);
	assert_true(str_equal(came.id, out.id));
	assert_true(str_equal(came.text, out.text));
	for (size_t n = 0; n < b.len - out.text.len; n++)
		assert_false(outcome_read(str_slice(buf_str(&b), 0, n), &came));
	b.data[7] = FETCH_RESULTS;
	assert_false(outcome_read(buf_str(&b), &came));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
