/* journal: what is written reads back; what is damaged ends the reading. */
#include "wire/journal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char token[QUEUE_TOKEN] = {1, 2, 3, 0xff};
static const unsigned char other[QUEUE_TOKEN] = {9};

static const struct journal_line rows[] = {
    {.at = 1732160000123456,
     .event = JOURNAL_OK,
     .recipient = 3,
     .attempt = 1,
     .via = {"maildir /x", 10},
     .reply = {"did 1+0+0\n", 10}},
    {.at = 0,
     .event = JOURNAL_DEFER,
     .recipient = 0,
     .attempt = 4000000000U,
     .next = 4102444800000000,
     .status = {"4.3.0", 5},
     .reply = {"a\\b \x00\xff=#", 8},
     .tls = {"TLSv1.3", 7}},
    {.at = 5,
     .event = JOURNAL_FAIL,
     .recipient = 99999,
     .attempt = 2,
     .status = {"5.1.1", 5},
     .reply = {"no\nsuch", 7}},
    {.at = 6,            .event = JOURNAL_CRASH,                                    .signal = 11, .why = {"local", 5}},
    {.at = 7,
     .event = JOURNAL_HOLD,
     .by = {"culver-send", 11},
     .why = {"body is damaged", 15}},
    {.at = 8,			 .event = JOURNAL_RELEASE,						 .by = {"uid 0", 5}},
    {.at = 9,
     .event = JOURNAL_BOUNCE,
     .id = UINT64_MAX,
     .token = {"00ff00ff00ff00ff00ff00ff00ff00ff", 32}},
    {.at = 10,
     .event = JOURNAL_SUCCESS,
     .id = 7,
     .token = {"00ff00ff00ff00ff00ff00ff00ff00ff", 32}},
    {.at = 11,.event = JOURNAL_DELAY},
    {.at = 12,			 .event = JOURNAL_OK,						 .act = JOURNAL_ACT_DELIVERED},
    {.at = 13, .event = JOURNAL_OK,                            .act = JOURNAL_ACT_RELAYED},
    {.at = 14,		   .event = JOURNAL_OK, .act = JOURNAL_ACT_EXPANDED},
    {.at = 15,			 .event = JOURNAL_DEFER,						 .told = true},
    {.at = 16,          .event = JOURNAL_DONE        },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void
fill(struct buf *b)
{
	assert_true(journal_write_first(b, 42, token));
	for (size_t i = 0; i < ROWS; i++)
		assert_true(journal_write(b, &rows[i]));
}

static void
check_text(struct str got, struct str want)
{
	assert_true(str_equal(got, want));
}

static void
every_line_reads_back_as_written(void **state)
{
	struct buf b = {0};
	struct journal j;
	struct journal_line l;

	(void)state;
	fill(&b);
	assert_int_equal(
	    journal_open(&j, buf_str(&b), 42, token), JOURNAL_FINE);
	for (size_t i = 0; i < ROWS; i++) {
		assert_true(journal_next(&j, &l));
		assert_int_equal(l.at, rows[i].at);
		assert_int_equal(l.event, rows[i].event);
		assert_int_equal(l.recipient, rows[i].recipient);
		assert_int_equal(l.attempt, rows[i].attempt);
		assert_int_equal(l.next, rows[i].next);
		assert_true(l.id == rows[i].id);
		assert_int_equal(l.act, rows[i].act);
		assert_int_equal(l.told, rows[i].told);
		assert_int_equal(l.signal, rows[i].signal);
		check_text(l.token, rows[i].token);
		check_text(l.via, rows[i].via);
		check_text(l.tls, rows[i].tls);
		check_text(l.status, rows[i].status);
		check_text(l.reply, rows[i].reply);
		check_text(l.by, rows[i].by);
		check_text(l.why, rows[i].why);
	}
	assert_false(journal_next(&j, &l));
	assert_int_equal(j.good, b.len);
	journal_close(&j);
	buf_free(&b);
}

static void
another_messages_journal_is_stale(void **state)
{
	struct buf b = {0};
	struct journal j;

	(void)state;
	fill(&b);
	assert_int_equal(
	    journal_open(&j, buf_str(&b), 42, other), JOURNAL_STALE);
	journal_close(&j);
	assert_int_equal(
	    journal_open(&j, buf_str(&b), 43, token), JOURNAL_STALE);
	journal_close(&j);
	buf_free(&b);
}

static size_t
lines_before(struct str all, size_t cut, size_t *good)
{
	struct journal j;
	struct journal_line l;
	size_t n = 0;

	if (journal_open(&j, str_slice(all, 0, cut), 42, token) == JOURNAL_FINE)
		while (journal_next(&j, &l))
			n++;
	*good = j.good;
	journal_close(&j);
	return n;
}

static void
a_cut_line_is_not_read(void **state)
{
	struct buf b = {0};
	size_t whole = 0, good;

	(void)state;
	fill(&b);
	for (size_t cut = 0; cut <= b.len; cut++) {
		size_t want = 0;
		for (size_t i = 0; i < cut; i++)
			want += b.data[i] == '\n';
		whole = lines_before(buf_str(&b), cut, &good);
		assert_int_equal(whole, want == 0 ? 0 : want - 1);
		assert_true(good <= cut);
		assert_true(good == 0 || b.data[good - 1] == '\n');
	}
	assert_int_equal(whole, ROWS);
	buf_free(&b);
}

static void
a_changed_byte_ends_the_reading(void **state)
{
	struct buf b = {0};
	size_t good;

	(void)state;
	fill(&b);
	for (size_t at = 0; at < b.len; at++) {
		size_t line = 0;
		for (size_t i = 0; i < at; i++)
			line += b.data[i] == '\n';
		b.data[at] = (char)(b.data[at] ^ 1);
		assert_int_equal(lines_before(buf_str(&b), b.len, &good),
		    line == 0 ? 0 : line - 1);
		b.data[at] = (char)(b.data[at] ^ 1);
	}
	buf_free(&b);
}

static void
nobody_writes_a_line_through_a_reply(void **state)
{
	struct buf b = {0};
	struct journal_line evil = {
	    .event = JOURNAL_DEFER,
	    .reply = {"x\n1.000000 done #00000000\n", 26}
        };

	(void)state;
	assert_true(journal_write(&b, &evil));
	assert_int_equal(str_find(buf_str(&b), '\n'), b.len - 1);
	buf_free(&b);
}

static void
the_longest_line_reads_back(void **state)
{
	static char bytes[2 * JOURNAL_REPLY];
	const struct str any = {bytes, sizeof bytes};
	const struct journal_line longest = {.at = 4102444800000000,
	    .event = JOURNAL_DEFER,
	    .recipient = UINT32_MAX,
	    .attempt = UINT32_MAX,
	    .next = 4102444800000000,
	    .via = any,
	    .tls = any,
	    .status = any,
	    .reply = any,
	    .by = any,
	    .why = any};
	struct buf b = {0};
	struct journal j;
	struct journal_line l;

	(void)state;
	memset(bytes, 0xff, sizeof bytes);
	assert_true(journal_write_first(&b, 42, token));
	assert_true(journal_write(&b, &longest));
	assert_int_equal(
	    journal_open(&j, buf_str(&b), 42, token), JOURNAL_FINE);
	assert_true(journal_next(&j, &l));
	assert_int_equal(l.via.len, JOURNAL_REPLY);
	assert_int_equal(l.reply.len, JOURNAL_REPLY);
	journal_close(&j);
	buf_free(&b);
}

/* A stamp that cannot be read would end the reading there. */
static void
every_stamp_can_be_read(void **state)
{
	static const int64_t times[] = {
	    INT64_MIN, -1, 0, 1, 2147483648000000, 4294967296000000, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct buf b = {0};
		struct journal j;
		struct journal_line l = {.at = times[i],
		    .event = JOURNAL_DEFER,
		    .attempt = 1,
		    .next = times[i]};

		assert_true(journal_write_first(&b, 1, token));
		assert_true(journal_write(&b, &l));
		assert_int_equal(
		    journal_open(&j, buf_str(&b), 1, token), JOURNAL_FINE);
		assert_true(journal_next(&j, &l));
		assert_true(l.at == l.next && l.at >= 0);
		assert_true(
		    times[i] == INT64_MAX || times[i] < 0 || l.at == times[i]);
		journal_close(&j);
		buf_free(&b);
	}
}

enum { SECOND = 1000000, LONGEST = 30000 };

/* At stamp 5,000,000, for an attempt wait seconds later; the clock has moved by
 * shift seconds since. */
static const struct {
	int64_t wait, shift, due;
	bool coarse; /* the file system keeps no nanoseconds */
} hints[] = {
    {400,     0,        400,   false},
    {400,     100,      300,   false},
    {400,     400,      0,     false},
    {400,     999999,   0,     false},
    {400,     -1,       0,     false},
    {400,     -3600,    0,     false},
    {400,     -4999999, 0,     false},
    {0,       0,        0,     false},
    {0,       -3600,    0,     false},
    {0,       -1,       0,     false},
    {30000,   0,        30000, false},
    {30001,   0,        0,     false},
    {1 << 30, 0,        0,     false},
    {400,     0,        400,   true },
    {400,     -3600,    4000,  true },
    {400,     -4999999, 0,     true },
};

static void
an_mtime_says_when_and_how_long(void **state)
{
	const int64_t written = 5000000LL * SECOND;

	(void)state;
	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
		int64_t wait = hints[i].wait * SECOND;
		struct timespec t = journal_mtime(written + wait, wait);

		assert_true(t.tv_nsec > 0 && t.tv_nsec < 1000000000);
		if (hints[i].coarse)
			t.tv_nsec = 0;
		assert_int_equal(
		    journal_due(&t, written + hints[i].shift * SECOND,
			(int64_t)LONGEST * SECOND),
		    hints[i].due * SECOND);
	}
}

static void
the_first_line_of_any_message_reads(void **state)
{
	unsigned char got[QUEUE_TOKEN];
	struct buf b = {0};
	struct str all;
	uint64_t ino = 0;
	size_t n = 0;

	assert_true(journal_write_first(&b, UINT64_MAX, token));
	assert_true(b.len < JOURNAL_FIRST);
	assert_true(journal_write(&b, &rows[0]));
	all = buf_str(&b);
	assert_true(journal_read_first(all, &ino, got, &n));
	assert_true(ino == UINT64_MAX);
	assert_memory_equal(got, token, QUEUE_TOKEN);
	assert_int_equal(all.data[n - 1], '\n');
	assert_int_equal(str_find(all, '\n'), n - 1);
	for (size_t i = 0; i < n; i++) {
		assert_false(
		    journal_read_first(str_slice(all, 0, i), &ino, got, &n));
		b.data[i] ^= 1;
		assert_false(journal_read_first(all, &ino, got, &n));
		b.data[i] ^= 1;
	}
	buf_free(&b);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_line_reads_back_as_written),
	    cmocka_unit_test(another_messages_journal_is_stale),
	    cmocka_unit_test(a_cut_line_is_not_read),
	    cmocka_unit_test(a_changed_byte_ends_the_reading),
	    cmocka_unit_test(nobody_writes_a_line_through_a_reply),
	    cmocka_unit_test(the_longest_line_reads_back),
	    cmocka_unit_test(every_stamp_can_be_read),
	    cmocka_unit_test(an_mtime_says_when_and_how_long),
	    cmocka_unit_test(the_first_line_of_any_message_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
