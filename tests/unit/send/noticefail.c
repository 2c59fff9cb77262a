/* noticefail: nobody is told twice, and nobody is forgotten. */
#include "send/noticefail.h"

#include "wire/journal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

enum { INO = 99 };

static const unsigned char token[QUEUE_TOKEN] = {1, 2, 3};

static void
add(struct buf *b, enum journal_event event, uint32_t recipient,
    const char *reply)
{
	struct journal_line line = {.at = INT64_C(1795229420000000),
	    .event = event,
	    .recipient = recipient,
	    .status = str_of("5.1.1"),
	    .reply = str_of(reply),
	    .token = str_of("00")};

	assert_true(journal_write(b, &line));
}

static void
fails_after_the_last_bounce_in_order(void **state)
{
	struct failures f = {0};
	struct buf b = {0};

	(void)state;
	assert_true(journal_write_first(&b, INO, token));
	add(&b, JOURNAL_FAIL, 7, "told");
	add(&b, JOURNAL_BOUNCE, 0, "");
	add(&b, JOURNAL_OK, 3, "fine");
	add(&b, JOURNAL_FAIL, 5, "five\n\nx");
	add(&b, JOURNAL_DEFER, 6, "later");
	add(&b, JOURNAL_FAIL, 2, "first");
	add(&b, JOURNAL_FAIL, 2, "last");
	assert_true(noticefail_read(&f, buf_str(&b), INO, token));
	assert_int_equal(f.count, 2);
	assert_int_equal(f.list[0].recipient, 2);
	assert_int_equal(f.list[1].recipient, 5);
	assert_string_equal(f.list[1].status, "5.1.1");
	assert_true(
	    str_equal(noticefail_reply(&f, &f.list[0]), str_of("last")));
	assert_true(str_equal(
	    noticefail_reply(&f, noticefail_find(&f, 5)), str_of("five\n\nx")));
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(
		    noticefail_find(&f, i) != NULL, i == 2 || i == 5);
	noticefail_free(&f);
	buf_free(&b);
}

static void
another_messages_journal_is_refused(void **state)
{
	static const unsigned char other[QUEUE_TOKEN] = {9};
	struct failures f = {0};
	struct buf b = {0};

	(void)state;
	assert_true(journal_write_first(&b, INO, other));
	add(&b, JOURNAL_FAIL, 1, "x");
	errno = 0;
	assert_false(noticefail_read(&f, buf_str(&b), INO, token));
	assert_int_equal(errno, ESTALE);
	noticefail_free(&f);
	assert_false(noticefail_read(&f, str_of(""), INO, token));
	noticefail_free(&f);
	buf_free(&b);
}

static void
nothing_behind_a_bad_line(void **state)
{
	struct failures f = {0};
	struct buf b = {0};

	(void)state;
	assert_true(journal_write_first(&b, INO, token));
	add(&b, JOURNAL_FAIL, 1, "x");
	assert_true(buf_append_text(&b, "nonsense\n"));
	add(&b, JOURNAL_FAIL, 2, "x");
	assert_true(noticefail_read(&f, buf_str(&b), INO, token));
	assert_int_equal(f.count, 1);
	noticefail_free(&f);
	buf_free(&b);
}

static void
many_are_found(void **state)
{
	struct failures f = {0};
	struct buf b = {.max = 1 << 24};

	(void)state;
	assert_true(journal_write_first(&b, INO, token));
	for (uint32_t i = 5000; i-- > 0;)
		add(&b, JOURNAL_FAIL, 2 * i, "no");
	assert_true(noticefail_read(&f, buf_str(&b), INO, token));
	assert_int_equal(f.count, 5000);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(noticefail_find(&f, i) != NULL, i % 2 == 0);
	noticefail_free(&f);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fails_after_the_last_bounce_in_order),
	    cmocka_unit_test(another_messages_journal_is_refused),
	    cmocka_unit_test(nothing_behind_a_bad_line),
	    cmocka_unit_test(many_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
