/* job: what one end writes the other reads; cut, longer or lying packets are
 * refused. */
#include "wire/job.h"

#include "wire/envelope.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct job
some_job(void)
{
	return (struct job){
	    .job = 7,
	    .ino = UINT64_C(0xfedcba9876543210),
	    .token = {1, 0, 2, 255},
	    .flags = JOB_REPEAT,
	    .number = 999999,
	    .sender = str_of(""),
	    .recipient = str_of("a b\xc3\xa4@example.org")
        };
}

static struct delivery
some_delivery(void)
{
	return (struct delivery){.job = some_job(),
	    .arrived = -5,
	    .body_at = 448,
	    .body_len = 100,
	    .lines = 3,
	    .body_crc = 0x89abcdef,
	    .home = str_of("/home/anna"),
	    .user = str_of("anna"),
	    .local = str_of("anna-list"),
	    .dash = str_of("-"),
	    .ext = str_of("list"),
	    .domain = str_of("example.org")};
}

static void
check_job(const struct job *got, const struct job *want)
{
	assert_int_equal(got->job, want->job);
	assert_true(got->ino == want->ino);
	assert_memory_equal(got->token, want->token, QUEUE_TOKEN);
	assert_int_equal(got->flags, want->flags);
	assert_int_equal(got->number, want->number);
	assert_true(str_equal(got->sender, want->sender));
	assert_true(str_equal(got->recipient, want->recipient));
}

static bool
read_job(struct str in)
{
	struct job j;

	return job_read(in, &j);
}

static bool
read_result(struct str in)
{
	struct result r;

	return result_read(in, &r);
}

static bool
read_delivery(struct str in)
{
	struct delivery d;

	return delivery_read(in, &d);
}

/* Every cut of what is good, and one byte more, is refused. */
static void
only_the_whole(struct buf *b, bool (*reads)(struct str))
{
	assert_true(reads(buf_str(b)));
	for (size_t n = 0; n < b->len; n++)
		assert_false(reads(str_slice(buf_str(b), 0, n)));
	assert_true(buf_append_byte(b, '\0'));
	assert_false(reads(buf_str(b)));
}

static void
job_round_trip(void **state)
{
	struct job want = some_job(), got;
	struct buf b = {0};

	(void)state;
	assert_true(job_write(&b, &want));
	assert_true(job_read(buf_str(&b), &got));
	check_job(&got, &want);
	only_the_whole(&b, read_job);
	buf_free(&b);
}

static void
delivery_round_trip(void **state)
{
	struct delivery want = some_delivery(), got;
	struct buf b = {0};

	(void)state;
	assert_true(delivery_write(&b, &want));
	assert_true(delivery_read(buf_str(&b), &got));
	check_job(&got.job, &want.job);
	assert_true(got.arrived == -5 && got.body_at == 448);
	assert_true(got.body_len == 100 && got.lines == 3);
	assert_int_equal(got.body_crc, 0x89abcdef);
	assert_true(str_equal(got.home, want.home));
	assert_true(str_equal(got.user, want.user));
	assert_true(str_equal(got.local, want.local));
	assert_true(str_equal(got.dash, want.dash));
	assert_true(str_equal(got.ext, want.ext));
	assert_true(str_equal(got.domain, want.domain));
	only_the_whole(&b, read_delivery);
	buf_free(&b);
}

static void
bounds_beyond_any_file_are_refused(void **state)
{
	struct delivery d = some_delivery();
	struct buf b = {0};

	(void)state;
	d.body_len = INT64_MAX;
	assert_true(delivery_write(&b, &d));
	assert_false(read_delivery(buf_str(&b)));
	buf_clear(&b);
	d = some_delivery();
	d.body_at = UINT64_MAX;
	assert_true(delivery_write(&b, &d));
	assert_false(read_delivery(buf_str(&b)));
	buf_clear(&b);
	d = some_delivery();
	d.lines = d.body_len + 1;
	assert_true(delivery_write(&b, &d));
	assert_false(read_delivery(buf_str(&b)));
	buf_free(&b);
}

static void
result_round_trip(void **state)
{
	struct result want = {.job = 9,
	    .letter = 'K',
	    .status = str_of("2.0.0"),
	    .text = str_of("did 1+0+0\n"),
	    .via = str_of("maildir /home/anna/Maildir")};
	struct result got;
	struct buf b = {0};

	(void)state;
	assert_true(result_write(&b, &want));
	assert_true(result_read(buf_str(&b), &got));
	assert_int_equal(got.job, 9);
	assert_int_equal(got.signal, 0);
	assert_int_equal(got.letter, 'K');
	assert_true(str_equal(got.status, want.status));
	assert_true(str_equal(got.text, want.text));
	assert_true(str_equal(got.via, want.via));
	only_the_whole(&b, read_result);
	buf_free(&b);
}

static void
a_result_that_lies_is_none(void **state)
{
	static char much[JOB_TEXT + 1];
	static const struct result rows[] = {
	    {.letter = 'k'},
	    {	     .letter = 0            },
	    { .letter = 'K',             .signal = 9},
	    {	     .letter = 'D',             .signal = 11},
	    {	     .letter = 'D',             .text = {much, JOB_TEXT + 1}},
	    {	     .letter = 'D',             .via = {much, JOB_TEXT + 1}},
	    {	     .letter = 'D',             .status = {much, JOB_STATUS + 1}},
	    {	     .letter = 'D',             .text = {"a\0b", 3}},
	};
	struct buf b = {0};

	(void)state;
	memset(much, 'x', sizeof(much));
	for (size_t i = 0; i < COUNT(rows); i++) {
		errno = 0;
		assert_false(result_write(&b, &rows[i]));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(b.len, 0);
	}
	assert_true(result_write(&b, &(struct result){.letter = 'H'}));
	assert_true(read_result(buf_str(&b)));
	buf_clear(&b);
	assert_true(result_write(&b,
	    &(struct result){.letter = 'Z', .signal = 9, .text = str_of("x")}));
	b.data[8] = 'K'; /* the letter */
	assert_false(read_result(buf_str(&b)));
	buf_free(&b);
}

static void
unknown_flags_and_long_addresses_are_refused(void **state)
{
	static char much[ENVELOPE_RECORD];
	struct job j = some_job();
	struct buf b = {0};

	(void)state;
	j.flags = 2;
	assert_true(job_write(&b, &j));
	assert_false(read_job(buf_str(&b)));
	buf_clear(&b);
	memset(much, 'x', sizeof(much));
	j = some_job();
	j.sender = (struct str){much, sizeof(much)};
	assert_true(job_write(&b, &j));
	assert_false(read_job(buf_str(&b)));
	buf_free(&b);
}

static void
a_full_buffer_stays_as_it_was(void **state)
{
	struct delivery d = some_delivery();
	struct buf b = {.max = 40};

	(void)state;
	assert_true(buf_append_text(&b, "x"));
	errno = 0;
	assert_false(delivery_write(&b, &d));
	assert_int_equal(errno, EMSGSIZE);
	assert_false(job_write(&b, &d.job));
	assert_int_equal(b.len, 1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(job_round_trip),
	    cmocka_unit_test(delivery_round_trip),
	    cmocka_unit_test(bounds_beyond_any_file_are_refused),
	    cmocka_unit_test(result_round_trip),
	    cmocka_unit_test(a_result_that_lies_is_none),
	    cmocka_unit_test(unknown_flags_and_long_addresses_are_refused),
	    cmocka_unit_test(a_full_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
