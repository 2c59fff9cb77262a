/* noticelist: nobody is told twice, and nobody is forgotten. */
#include "send/noticelist.h"

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
	struct noticelist f = {0};
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
	assert_true(
	    noticelist_read(&f, BOUNCE_FAILED, buf_str(&b), INO, token));
	assert_int_equal(f.count, 2);
	assert_int_equal(f.list[0].recipient, 2);
	assert_int_equal(f.list[1].recipient, 5);
	assert_string_equal(f.list[1].status, "5.1.1");
	assert_true(
	    str_equal(noticelist_reply(&f, &f.list[0]), str_of("last")));
	assert_true(str_equal(
	    noticelist_reply(&f, noticelist_find(&f, 5)), str_of("five\n\nx")));
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(
		    noticelist_find(&f, i) != NULL, i == 2 || i == 5);
	noticelist_free(&f);
	buf_free(&b);
}

static void
another_messages_journal_is_refused(void **state)
{
	static const unsigned char other[QUEUE_TOKEN] = {9};
	struct noticelist f = {0};
	struct buf b = {0};

	(void)state;
	assert_true(journal_write_first(&b, INO, other));
	add(&b, JOURNAL_FAIL, 1, "x");
	errno = 0;
	assert_false(
	    noticelist_read(&f, BOUNCE_FAILED, buf_str(&b), INO, token));
	assert_int_equal(errno, ESTALE);
	noticelist_free(&f);
	assert_false(
	    noticelist_read(&f, BOUNCE_FAILED, str_of(""), INO, token));
	noticelist_free(&f);
	buf_free(&b);
}

static void
nothing_behind_a_bad_line(void **state)
{
	struct noticelist f = {0};
	struct buf b = {0};

	(void)state;
	assert_true(journal_write_first(&b, INO, token));
	add(&b, JOURNAL_FAIL, 1, "x");
	assert_true(buf_append_text(&b, "nonsense\n"));
	add(&b, JOURNAL_FAIL, 2, "x");
	assert_true(
	    noticelist_read(&f, BOUNCE_FAILED, buf_str(&b), INO, token));
	assert_int_equal(f.count, 1);
	noticelist_free(&f);
	buf_free(&b);
}

static void
many_are_found(void **state)
{
	struct noticelist f = {0};
	struct buf b = {.max = 1 << 24};

	(void)state;
	assert_true(journal_write_first(&b, INO, token));
	for (uint32_t i = 5000; i-- > 0;)
		add(&b, JOURNAL_FAIL, 2 * i, "no");
	assert_true(
	    noticelist_read(&f, BOUNCE_FAILED, buf_str(&b), INO, token));
	assert_int_equal(f.count, 5000);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(noticelist_find(&f, i) != NULL, i % 2 == 0);
	noticelist_free(&f);
	buf_free(&b);
}

/* A line for each letter: o delivered, O passed on, d deferred, t deferred and
 * told of before, f failed; S, D and B that a notice was queued. */
static void
write_story(struct buf *b, const char *story)
{
	assert_true(journal_write_first(b, INO, token));
	for (const char *p = story; *p != '\0'; p++) {
		struct journal_line line = {.at = 1,
		    .event = *p == 'o' || *p == 'O'   ? JOURNAL_OK
			     : *p == 'd' || *p == 't' ? JOURNAL_DEFER
			     : *p == 'f'              ? JOURNAL_FAIL
			     : *p == 'S'              ? JOURNAL_SUCCESS
			     : *p == 'D'              ? JOURNAL_DELAY
						      : JOURNAL_BOUNCE,
		    .act = *p == 'o' ? JOURNAL_ACT_RELAYED : JOURNAL_ACT_NONE,
		    .told = *p == 't',
		    .via = str_of("smtp mx.example[192.0.2.1]:25"),
		    .reply = str_of("words"),
		    .token = str_of("00")};
		assert_true(journal_write(b, &line));
	}
}

static void
each_kind_has_its_lines(void **state)
{
	static const struct {
		const char *story;
		bool failed, success, delayed; /* recipient 0 is spoken of */
	} rows[] = {
	    {"",     false, false, false},
	    {"o",    false, true,  false},
	    {"O",    false, false, false},
	    {"oS",   false, false, false},
	    {"dO",   false, false, false},
	    {"do",   false, true,  false},
	    {"doS",  false, false, false},
	    {"d",    false, false, true },
	    {"dd",   false, false, true },
	    {"dD",   false, false, false},
	    {"dDt",  false, false, false},
	    {"t",    false, false, false},
	    {"dDto", false, true,  false},
	    {"dB",   false, false, true },
	    {"dS",   false, false, true },
	    {"df",   true,  false, false},
	    {"dDtf", true,  false, false},
	    {"fB",   false, false, false},
	    {"fSD",  true,  false, false},
	    {"oBD",  false, true,  false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static const enum bounce_kind kinds[] = {
		    BOUNCE_FAILED, BOUNCE_SUCCESS, BOUNCE_DELAYED};
		const bool want[] = {
		    rows[i].failed, rows[i].success, rows[i].delayed};
		for (size_t k = 0; k < 3; k++) {
			struct noticelist l = {0};
			struct buf b = {0};

			write_story(&b, rows[i].story);
			assert_true(noticelist_read(
			    &l, kinds[k], buf_str(&b), INO, token));
			assert_int_equal(l.count, want[k] ? 1 : 0);
			noticelist_free(&l);
			buf_free(&b);
		}
	}
}

static void
a_line_keeps_its_words(void **state)
{
	struct noticelist l = {0};
	struct buf b = {0};

	(void)state;
	write_story(&b, "o");
	assert_true(
	    noticelist_read(&l, BOUNCE_SUCCESS, buf_str(&b), INO, token));
	assert_int_equal(l.list[0].act, JOURNAL_ACT_RELAYED);
	assert_true(
	    str_equal(noticelist_reply(&l, &l.list[0]), str_of("words")));
	assert_true(str_equal(noticelist_via(&l, &l.list[0]),
	    str_of("smtp mx.example[192.0.2.1]:25")));
	noticelist_free(&l);
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
	    cmocka_unit_test(each_kind_has_its_lines),
	    cmocka_unit_test(a_line_keeps_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
