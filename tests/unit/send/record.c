/* record and history: the journal on the disk says what memory says. */
#include "send/record.h"
#include "lib/fd.h"
#include "send/history.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { INO = 130, SPLIT = 64 };
#define JOURNAL "queue/info/2/130"

static struct entry entry;

static struct active *
make(unsigned char token)
{
	struct active *a = calloc(1, sizeof *a);

	assert_non_null(a);
	memset(&entry, 0, sizeof entry);
	entry.ino = INO;
	a->entry = &entry;
	a->fd = -1;
	a->lines.max = 1 << 26;
	a->message.token[0] = token;
	return a;
}

static void
note(struct active *a, enum journal_event event, uint32_t r, uint32_t attempt)
{
	struct recipient *to = active_recipient(a, r);
	const struct journal_line l = {
	    .at = 1,
	    .event = event,
	    .recipient = r,
	    .attempt = attempt,
	    .next = 77000000 + attempt,
	    .reply = {"some words", 10}
        };

	assert_non_null(to);
	to->attempts = attempt & 0xffffff;
	to->state = event == JOURNAL_OK     ? RECIPIENT_OK
		    : event == JOURNAL_FAIL ? RECIPIENT_FAILED
					    : RECIPIENT_TODO;
	assert_true(active_note(a, &l, 5));
}

static int
enter(void **state)
{
	static char folder[] = "/tmp/record.XXXXXX";

	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) == -1 ||
	    mkdir("queue", 0700) == -1 || mkdir("queue/info", 0700) == -1)
		return -1;
	return mkdir("queue/info/2", 0700);
}

static int
clean(void **state)
{
	(void)state;
	(void)unlink(JOURNAL);
	return 0;
}

static void
what_is_flushed_is_read_back(void **state)
{
	struct active *a = make(1), *b = make(1);

	(void)state;
	note(a, JOURNAL_OK, 0, 1);
	note(a, JOURNAL_DEFER, 1, 3);
	assert_true(record_flush(a, SPLIT, 77000003));
	assert_int_equal(a->lines.len, 0);
	note(a, JOURNAL_FAIL, 2, 1);
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(history_read(b, SPLIT));
	assert_true(b->journal && b->untold);
	assert_int_equal(b->count, 3);
	assert_int_equal(b->recipients[0].state, RECIPIENT_OK);
	assert_int_equal(b->recipients[1].state, RECIPIENT_TODO);
	assert_int_equal(b->recipients[1].attempts, 3);
	assert_int_equal(b->recipients[1].next, 77000003);
	assert_int_equal(b->recipients[2].state, RECIPIENT_FAILED);
	assert_true(b->journal_len == a->journal_len);
	active_free(a);
	active_free(b);
}

static void
the_next_attempt_is_the_files_mtime(void **state)
{
	struct active *a = make(1);
	struct stat st;

	(void)state;
	note(a, JOURNAL_DEFER, 0, 1);
	assert_true(record_flush(a, SPLIT, 1234567890LL * 1000000));
	assert_int_equal(stat(JOURNAL, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1234567890);
	active_free(a);
}

static void
half_a_line_is_written_over(void **state)
{
	struct active *a = make(1), *b = make(1);
	struct buf all = {0};
	uint64_t good;
	int fd;

	(void)state;
	note(a, JOURNAL_OK, 0, 1);
	assert_true(record_flush(a, SPLIT, 0));
	good = a->journal_len;
	fd = open(JOURNAL, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd_write_all(fd, "1.000000 fail r=1 and then noth", 31));
	fd_close(&fd);
	assert_true(history_read(b, SPLIT));
	assert_true(b->journal_len == good);
	assert_int_equal(b->count, 1);
	note(b, JOURNAL_OK, 1, 1);
	assert_true(record_flush(b, SPLIT, 0));
	assert_true(fd_read_file(AT_FDCWD, JOURNAL, &all));
	assert_int_equal(all.len, b->journal_len);
	buf_free(&all);
	active_free(a);
	active_free(b);
}

static void
a_strangers_journal_is_removed_and_never_replayed(void **state)
{
	struct active *a = make(1), *b = make(2);

	(void)state;
	note(a, JOURNAL_FAIL, 0, 1);
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(history_read(b, SPLIT));
	assert_false(b->journal || b->untold);
	assert_int_equal(b->count, 0);
	assert_int_equal(b->journal_len, 0);
	assert_int_equal(access(JOURNAL, F_OK), -1);
	active_free(a);
	active_free(b);
}

static void
a_new_journal_never_overwrites_one_that_is_there(void **state)
{
	struct active *a = make(1), *b = make(2);

	(void)state;
	note(a, JOURNAL_OK, 0, 1);
	assert_true(record_flush(a, SPLIT, 0));
	note(b, JOURNAL_OK, 0, 1);
	assert_false(record_flush(b, SPLIT, 0));
	assert_true(b->stuck && b->lines.len > 0);
	active_free(a);
	active_free(b);
}

/* A thousand recipients, deferred twenty times each, but for two. */
static void
compacting_keeps_what_matters(void **state)
{
	struct active *a = make(1), *b = make(1);
	uint64_t before;

	(void)state;
	note(a, JOURNAL_OK, 0, 1);
	note(a, JOURNAL_FAIL, 1, 2);
	for (uint32_t n = 1; n <= 20; n++)
		for (uint32_t r = 2; r < 1000; r++)
			note(a, JOURNAL_DEFER, r, n);
	assert_true(record_flush(a, SPLIT, 0));
	before = a->journal_len;
	assert_true(before > JOURNAL_COMPACT);
	assert_true(record_compact(a, SPLIT));
	assert_true(a->journal_len < before / 10);
	note(a, JOURNAL_OK, 2, 21);
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(history_read(b, SPLIT));
	assert_int_equal(b->count, 1000);
	assert_true(b->untold);
	for (uint32_t r = 0; r < 1000; r++) {
		assert_int_equal(
		    b->recipients[r].state, a->recipients[r].state);
		assert_int_equal(
		    b->recipients[r].attempts, a->recipients[r].attempts);
	}
	active_free(a);
	active_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(what_is_flushed_is_read_back, clean),
	    cmocka_unit_test_teardown(
		the_next_attempt_is_the_files_mtime, clean),
	    cmocka_unit_test_teardown(half_a_line_is_written_over, clean),
	    cmocka_unit_test_teardown(
		a_strangers_journal_is_removed_and_never_replayed, clean),
	    cmocka_unit_test_teardown(
		a_new_journal_never_overwrites_one_that_is_there, clean),
	    cmocka_unit_test_teardown(compacting_keeps_what_matters, clean),
	};
	return cmocka_run_group_tests(tests, enter, NULL);
}
