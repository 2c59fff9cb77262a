/* bounce: what one end writes the other reads; nothing else is read. */
#include "wire/bounce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
request_round_trip(void **state)
{
	struct bounce_request want = {
	    .kind = BOUNCE_DELAYED,
	    .unasked = true,
	    .until = INT64_MAX,
	    .ino = UINT64_C(1) << 40,
	    .token = {1, 2, 0, 255}
        };
	struct bounce_request got;
	struct buf b = {0};

	(void)state;
	assert_true(bounce_request_write(&b, &want));
	assert_true(bounce_request_read(buf_str(&b), &got));
	assert_int_equal(got.kind, BOUNCE_DELAYED);
	assert_true(got.unasked);
	assert_true(got.until == INT64_MAX);
	assert_true(got.ino == want.ino);
	assert_memory_equal(got.token, want.token, QUEUE_TOKEN);
	for (size_t n = 0; n < b.len; n++)
		assert_false(
		    bounce_request_read(str_slice(buf_str(&b), 0, n), &got));
	assert_true(buf_append_byte(&b, 'x'));
	assert_false(bounce_request_read(buf_str(&b), &got));
	buf_clear(&b);
	b.max = 10;
	assert_false(bounce_request_write(&b, &want));
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
other_requests_are_none(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} rows[] = {
	    {0,  1     }, /* another version */
	    {1,  0     }, /* no kind */
	    {1,  'K'   },
            {2,  2     }, /* neither yes nor no */
	    {27, '\xff'}, /* a time before 1970 */
	};
	const struct bounce_request r = {.kind = BOUNCE_SUCCESS, .ino = 1};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct bounce_request got;
		struct buf b = {0};

		assert_true(bounce_request_write(&b, &r));
		b.data[rows[i].at] = rows[i].byte;
		assert_false(bounce_request_read(buf_str(&b), &got));
		buf_free(&b);
	}
}

static void
queued_answer_round_trip(void **state)
{
	struct bounce_answer want = {
	    .kind = 'K', .ino = 5, .token = {9, 8},
                    .pid = 1 << 22
        };
	struct bounce_answer got;
	struct buf b = {0};

	(void)state;
	assert_true(bounce_answer_write(&b, &want));
	assert_true(bounce_answer_read('K', buf_str(&b), &got));
	assert_true(got.kind == 'K' && got.ino == 5 && got.pid == 1 << 22);
	assert_memory_equal(got.token, want.token, QUEUE_TOKEN);
	for (size_t n = 0; n < b.len; n++)
		assert_false(bounce_answer_read(
		    'K', str_slice(buf_str(&b), 0, n), &got));
	assert_true(buf_append_byte(&b, 'x'));
	assert_false(bounce_answer_read('K', buf_str(&b), &got));
	buf_free(&b);
}

static void
texts_come_back_and_kinds_are_known(void **state)
{
	static char much[BOUNCE_TEXT + 1];
	struct bounce_answer want = {
	    .kind = 'N', .text = str_of(BOUNCE_TRIPLE)};
	struct bounce_answer got;
	struct buf b = {0};

	(void)state;
	assert_true(bounce_answer_write(&b, &want));
	assert_true(bounce_answer_read('N', buf_str(&b), &got));
	assert_true(str_equal(got.text, want.text));
	assert_true(bounce_answer_read('Z', buf_str(&b), &got));
	assert_int_equal(got.kind, 'Z');
	assert_false(bounce_answer_read('B', buf_str(&b), &got));
	assert_false(
	    bounce_answer_read('Z', (struct str){much, sizeof(much)}, &got));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_round_trip),
	    cmocka_unit_test(other_requests_are_none),
	    cmocka_unit_test(queued_answer_round_trip),
	    cmocka_unit_test(texts_come_back_and_kinds_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
