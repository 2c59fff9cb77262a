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

/* 999999, 3 and 0x01020304; the first address has 17 bytes. */
static const char numbers[] = "\x00\x0f\x42\x3f\0\0\0\3\1\2\3\4";
static const char addresses[] = "a b\xc3\xa4@example.org\0b@example.org\0";

static struct job
some_job(void)
{
	struct job j = {
	    .job = 7,
	    .ino = UINT64_C(0xfedcba9876543210),
	    .token = {1, 0, 2, 255},
	    .flags = JOB_REPEAT,
	    .count = 1,
	    .sender = str_of("")
        };

	j.numbers = (struct str){numbers, 4};
	j.recipients = (struct str){addresses, 18};
	return j;
}

/* Three recipients of one lane. */
static struct job
wide_job(void)
{
	struct job j = some_job();

	j.count = 3;
	j.numbers = (struct str){numbers, 12};
	j.recipients = (struct str){addresses, sizeof(addresses)};
	j.group = str_of("mx.example.org");
	j.lane = str_of("example.org");
	return j;
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
	assert_int_equal(got->count, want->count);
	for (uint32_t i = 0; i < want->count; i++)
		assert_int_equal(job_number(got, i), job_number(want, i));
	assert_true(str_equal(got->group, want->group));
	assert_true(str_equal(got->lane, want->lane));
	assert_true(str_equal(got->sender, want->sender));
	assert_true(str_equal(got->recipients, want->recipients));
}

static bool
read_job(struct str in)
{
	struct job j;

	return job_read(in, &j);
}

static bool
read_errand(struct str in)
{
	struct errand e;

	return errand_read(in, &e);
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
all_recipients_of_a_job_arrive(void **state)
{
	static const char *const want_to[] = {
	    "a b\xc3\xa4@example.org", "b@example.org", ""};
	struct job want = wide_job(), got;
	struct str rest = {0}, one;
	struct buf b = {0};

	(void)state;
	assert_true(job_write(&b, &want));
	assert_true(job_read(buf_str(&b), &got));
	check_job(&got, &want);
	assert_int_equal(job_number(&got, 0), 999999);
	assert_int_equal(job_number(&got, 2), 0x01020304);
	for (size_t i = 0; i < COUNT(want_to); i++) {
		assert_true(job_recipient(&got, &rest, &one));
		assert_true(str_equal(one, str_of(want_to[i])));
	}
	assert_false(job_recipient(&got, &rest, &one));
	assert_true(str_equal(job_only(&got), str_of(want_to[0])));
	only_the_whole(&b, read_job);
	buf_free(&b);
}

static void
errand_round_trip(void **state)
{
	struct errand want = {.job = wide_job(),
	    .arrived = -5,
	    .body_at = 448,
	    .body_len = 100,
	    .lines = 3,
	    .body_crc = 0x89abcdef,
	    .envelope_at = 548,
	    .envelope_len = 70};
	struct errand got;
	struct buf b = {0};

	(void)state;
	assert_true(errand_write(&b, &want));
	assert_true(errand_read(buf_str(&b), &got));
	check_job(&got.job, &want.job);
	assert_true(got.arrived == -5 && got.body_at == 448);
	assert_true(got.body_len == 100 && got.lines == 3);
	assert_int_equal(got.body_crc, 0x89abcdef);
	assert_true(got.envelope_at == 548 && got.envelope_len == 70);
	only_the_whole(&b, read_errand);
	buf_clear(&b);
	want.envelope_len = UINT64_MAX;
	assert_true(errand_write(&b, &want));
	assert_false(read_errand(buf_str(&b)));
	buf_free(&b);
}

/* Counts and lengths that do not agree are written by nobody, and read by
 * nobody where another has written them. */
static void
a_job_that_lies_is_none(void **state)
{
	static char much[JOB_ADDRESSES + 1], key[JOB_KEY + 1];
	static const char many[4 * (JOB_RECIPIENTS + 1)];
	struct job rows[] = {wide_job(), wide_job(), wide_job(), wide_job(),
	    wide_job(), wide_job(), wide_job(), wide_job(), wide_job()};
	struct buf b = {0};

	(void)state;
	memset(key, 'x', sizeof(key));
	rows[0].count = 0;
	rows[0].numbers.len = rows[0].recipients.len = 0;
	rows[1].numbers.len = 8;
	rows[2].recipients.len--;
	rows[3].recipients.len -= 2;
	rows[4].lane = (struct str){key, sizeof(key)};
	rows[5].group = (struct str){key, sizeof(key)};
	rows[6].flags = 4;
	rows[7].count = JOB_RECIPIENTS + 1;
	rows[7].numbers = (struct str){many, sizeof(many)};
	rows[7].recipients = (struct str){many, JOB_RECIPIENTS + 1};
	for (size_t i = 0; i < 32; i++)
		memset(much + i * 1025, 'x', i < 31 ? 1024 : 993);
	rows[8].count = 32;
	rows[8].numbers = (struct str){many, (size_t)4 * 32};
	rows[8].recipients = (struct str){much, sizeof(much)};
	for (size_t i = 0; i < COUNT(rows); i++) {
		errno = 0;
		assert_false(job_write(&b, &rows[i]));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(b.len, 0);
	}
	rows[1] = wide_job();
	assert_true(job_write(&b, &rows[1]));
	b.data[31] = 4; /* the flags' last byte */
	assert_false(read_job(buf_str(&b)));
	b.data[31] = 0;
	assert_true(read_job(buf_str(&b)));
	b.data[34] = 1; /* the count */
	assert_false(read_job(buf_str(&b)));
	buf_free(&b);
}

static void
a_delivery_has_one_recipient(void **state)
{
	struct delivery d = some_delivery();
	struct buf b = {0};

	(void)state;
	d.job = wide_job();
	errno = 0;
	assert_false(delivery_write(&b, &d));
	assert_int_equal(errno, EINVAL);
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
	    .number = JOB_END,
	    .letter = 'K',
	    .fault = JOB_SLOW,
	    .relayed = true,
	    .status = str_of("2.0.0"),
	    .text = str_of("did 1+0+0\n"),
	    .via = str_of("maildir /home/anna/Maildir"),
	    .tls = str_of("TLSv1.3 cipher dane"),
	    .group = str_of("mx.example.org")};
	struct result got;
	struct buf b = {0};

	(void)state;
	assert_true(result_write(&b, &want));
	assert_true(result_read(buf_str(&b), &got));
	assert_int_equal(got.job, 9);
	assert_int_equal(got.signal, 0);
	assert_true(got.number == JOB_END);
	assert_int_equal(got.letter, 'K');
	assert_int_equal(got.fault, JOB_SLOW);
	assert_true(got.relayed);
	assert_true(str_equal(got.tls, want.tls));
	assert_true(str_equal(got.group, want.group));
	assert_true(str_equal(got.status, want.status));
	assert_true(str_equal(got.text, want.text));
	assert_true(str_equal(got.via, want.via));
	only_the_whole(&b, read_result);
	buf_free(&b);
}

static void
jobs_are_taken_whole_and_results_appended(void **state)
{
	struct job want = wide_job(), got;
	struct result bad = {.letter = 'x'}, good = {.letter = 'Z'};
	struct buf payload = {0}, b = {0}, cut = {0};
	struct frame f;
	size_t used;

	(void)state;
	assert_true(job_write(&payload, &want));
	assert_true(frame_append(&b, 'J', buf_str(&payload)));
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(job_take(&cut, &got, &used), FRAME_MORE);
		assert_true(buf_append_byte(&cut, b.data[i]));
	}
	assert_int_equal(job_take(&cut, &got, &used), FRAME_OK);
	assert_int_equal(used, b.len);
	check_job(&got, &want);
	b.data[FRAME_HEAD - 1] = 'R';
	assert_int_equal(job_take(&b, &got, &used), FRAME_BAD);
	b.data[FRAME_HEAD - 1] = 'J';
	b.data[FRAME_HEAD + 34] = 1; /* the count */
	assert_int_equal(job_take(&b, &got, &used), FRAME_BAD);
	buf_clear(&b);
	assert_true(result_append(&b, &good));
	used = b.len;
	errno = 0;
	assert_false(result_append(&b, &bad));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(b.len, used);
	assert_int_equal(frame_take(&b, &f, &used), FRAME_OK);
	assert_int_equal(f.kind, 'R');
	assert_int_equal(used, b.len);
	assert_true(read_result(f.payload));
	buf_free(&payload);
	buf_free(&b);
	buf_free(&cut);
}

static void
a_result_that_lies_is_none(void **state)
{
	static char much[JOB_TEXT + 1];
	static const struct result rows[] = {
	    {.number = 3,                   .letter = 'Z',                .signal = 9},
	    {.number = 3,			     .letter = 'Z',					       .fault = JOB_DEAD},
	    {.number = 3,            .letter = 'Z',.group = {"mx", 2}},
	    {.number = JOB_END,     .letter = 'Z',                      .group = {much, JOB_KEY + 1}},
	    {.number = JOB_END,             .letter = 'Z',                        .fault = JOB_DEAD + 1},
	    {.number = JOB_END,                             .letter = 'Z',                                         .relayed = true},
	    {.number = JOB_END,        .letter = 'K',             .tls = {much, JOB_TLS + 1}},
	    {.letter = 'k'},
	    {.letter = 0            },
	    {.letter = 'K',			     .signal = 9},
	    {.letter = 'D',                   .signal = 11                    },
	    {.letter = 'D',.text = {much, JOB_TEXT + 1}                                            },
	    {.letter = 'D',.via = {much, JOB_TEXT + 1}                                  },
	    {.letter = 'D',            .status = {much, JOB_STATUS + 1}                                                         },
	    {.letter = 'D',    .text = {"a\0b", 3}      },
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
	assert_true(result_write(&b, &(struct result){.number = JOB_END,
					 .letter = 'Z',
					 .signal = 9,
					 .text = str_of("x")}));
	b.data[12] = 'K'; /* the letter */
	assert_false(read_result(buf_str(&b)));
	b.data[12] = 'Z';
	assert_true(read_result(buf_str(&b)));
	b.data[14] = 2; /* marks */
	assert_false(read_result(buf_str(&b)));
	buf_free(&b);
}

static void
long_addresses_are_refused(void **state)
{
	static char much[ENVELOPE_RECORD + 1];
	struct job j = some_job();
	struct buf b = {0};

	(void)state;
	memset(much, 'x', ENVELOPE_RECORD);
	j.sender = (struct str){much, ENVELOPE_RECORD};
	assert_false(job_write(&b, &j));
	j = some_job();
	j.recipients = (struct str){much, sizeof(much)};
	assert_false(job_write(&b, &j));
	much[ENVELOPE_RECORD - 1] = '\0';
	j.recipients.len--;
	assert_true(job_write(&b, &j));
	assert_true(read_job(buf_str(&b)));
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
	    cmocka_unit_test(jobs_are_taken_whole_and_results_appended),
	    cmocka_unit_test(a_result_that_lies_is_none),
	    cmocka_unit_test(all_recipients_of_a_job_arrive),
	    cmocka_unit_test(errand_round_trip),
	    cmocka_unit_test(a_job_that_lies_is_none),
	    cmocka_unit_test(a_delivery_has_one_recipient),
	    cmocka_unit_test(long_addresses_are_refused),
	    cmocka_unit_test(a_full_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
