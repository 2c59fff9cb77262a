/* record and history: the journal on the disk says what memory says. */
#include "send/record.h"
#include "lib/clock.h"
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

/* How long a start that finds the journal now waits. */
static int64_t
hint(int64_t now)
{
	struct stat st;

	assert_int_equal(stat(JOURNAL, &st), 0);
	return journal_due(&st.st_mtim, now, INT64_MAX) / CLOCK_SECOND;
}

static void
the_next_attempt_is_the_files_mtime(void **state)
{
	const int64_t hour = 3600LL * CLOCK_SECOND;
	int64_t now = clock_wall() / CLOCK_SECOND * CLOCK_SECOND;
	struct active *a = make(1);
	struct stat st;

	(void)state;
	note(a, JOURNAL_DEFER, 0, 1);
	assert_true(record_flush(a, SPLIT, now + hour));
	assert_int_equal(stat(JOURNAL, &st), 0);
	assert_int_equal(
	    (int64_t)st.st_mtim.tv_sec, (now + hour) / CLOCK_SECOND);
	assert_int_equal(hint(now + hour / 2), 1800);
	/* The clock went back: no such wait was ever meant. */
	assert_int_equal(hint(now - 2 * hour), 0);
	active_free(a);
}

static void
what_is_under_way_is_due_at_once_whatever_the_clock(void **state)
{
	struct active *a = make(1);

	(void)state;
	note(a, JOURNAL_OK, 0, 1);
	assert_true(record_flush(a, SPLIT, 0));
	for (int64_t shift = -4000; shift <= 4000; shift += 50)
		assert_int_equal(hint(clock_wall() + shift * CLOCK_SECOND), 0);
	active_free(a);
}

/* Two recipients deferred at the same time, for 100 and 400 s, and what the
 * journal makes of them when the first one's turn has come 100 s later, by a
 * wall clock that has been set by shift seconds. */
static const struct {
	bool stamped;
	int64_t shift, waits[2]; /* seconds */
} turns[] = {
    {true,  0,         {0, 300} },
    {true,  -3600,     {0, 300} },
    {true,  -50,       {0, 300} },
    {true,  +3600,     {0, 300} },
    {true,  +691200,   {0, 300} },
    {true,  -63072000, {0, 300} },
 /* Found by a start, which knows nothing but the stamps. */
    {false, 0,         {0, 300} },
    {false, -50,       {50, 350}},
    {false, -3600,     {0, 0}   },
    {false, +3600,     {0, 0}   },
    {false, -63072000, {0, 0}   },
};

static void
put_deferred(struct active *a, uint32_t r, int64_t at, int64_t seconds)
{
	const struct journal_line l = {.at = at,
	    .event = JOURNAL_DEFER,
	    .recipient = r,
	    .attempt = 1,
	    .next = at + seconds * CLOCK_SECOND};

	assert_true(active_note(a, &l, 5));
}

static void
expect_wait(const struct recipient *r, int64_t seconds)
{
	int64_t wait = r->next - clock_boot();

	wait = wait > 0 ? (wait + CLOCK_SECOND / 2) / CLOCK_SECOND : 0;
	assert_int_equal(wait, seconds);
}

/* An entry whose turn has just come. */
static struct entry
due_now(void)
{
	struct schedule *t = schedule_new(1);
	struct entry *e = schedule_add(t, INO), copy;
	int64_t now = clock_boot();

	schedule_unread(t, e, now, now);
	assert_ptr_equal(schedule_read(t, now), e);
	copy = *e;
	schedule_free(t);
	return copy;
}

static void
stamps_mean_what_they_meant_when_they_were_made(void **state)
{
	for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
		struct active *a = make(1), *b = make(1);
		int64_t made =
		    clock_wall() - (100 + turns[i].shift) * CLOCK_SECOND;

		put_deferred(a, 0, made, 100);
		put_deferred(a, 1, made, 400);
		assert_true(record_flush(a, SPLIT, 0));
		b->offset = clock_wall() - clock_boot();
		entry = due_now();
		entry.flags = turns[i].stamped ? ENTRY_STAMPED : 0;
		assert_true(history_read(b, SPLIT));
		for (int r = 0; r < 2; r++)
			expect_wait(&b->recipients[r], turns[i].waits[r]);
		active_free(a);
		active_free(b);
		(void)clean(state);
	}
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
	int64_t next = clock_wall() + 500LL * CLOCK_SECOND;

	(void)state;
	note(a, JOURNAL_OK, 0, 1);
	note(a, JOURNAL_FAIL, 1, 2);
	for (uint32_t n = 1; n <= 20; n++)
		for (uint32_t r = 2; r < 1000; r++)
			note(a, JOURNAL_DEFER, r, n);
	assert_true(record_flush(a, SPLIT, next));
	before = a->journal_len;
	assert_true(before > JOURNAL_COMPACT);
	assert_true(record_compact(a, SPLIT));
	assert_true(a->journal_len < before / 10);
	assert_in_range(hint(next - 500LL * CLOCK_SECOND), 499, 500);
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

static void
a_journal_is_compacted_when_that_makes_it_half(void **state)
{
	struct active *a = make(1);
	uint64_t one;

	(void)state;
	for (uint32_t r = 0; r < 1000; r++)
		note(a, JOURNAL_DEFER, r, 1);
	assert_true(record_flush(a, SPLIT, 0));
	one = a->journal_len;
	for (uint32_t r = 0; r < 900; r++)
		note(a, JOURNAL_DEFER, r, 2);
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(record_compact(a, SPLIT));
	assert_true(a->journal_len > one);
	assert_in_range(a->compact_at, one, 2 * one + 1);
	for (uint32_t r = 0; r < 200; r++)
		note(a, JOURNAL_DEFER, r, 3);
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(a->journal_len >= a->compact_at);
	assert_true(record_compact(a, SPLIT));
	assert_true(a->journal_len <= one);
	active_free(a);
}

/* Who was told of a delay, and of success, is known after a compaction and a
 * start. */
static void
who_was_told_is_not_told_again(void **state)
{
	struct active *a = make(1), *b = make(1);
	const struct journal_line success = {.at = 1, .event = JOURNAL_SUCCESS};
	const struct journal_line delay = {.at = 1, .event = JOURNAL_DELAY};
	struct journal_line l = {.at = 1,
	    .event = JOURNAL_OK,
	    .act = JOURNAL_ACT_DELIVERED,
	    .recipient = 1000};

	(void)state;
	for (uint32_t r = 0; r < 1000; r++)
		note(a, JOURNAL_DEFER, r, 1);
	assert_true(active_note(a, &l, 5));
	assert_true(active_note(a, &success, 5));
	l.recipient = 1001;
	assert_true(active_note(a, &l, 5));
	assert_true(active_note(a, &delay, 5));
	for (uint32_t n = 2; n <= 20; n++)
		for (uint32_t r = 0; r < 999; r++) {
			l = (struct journal_line){
			    .at = 1,
			    .event = JOURNAL_DEFER,
			    .recipient = r,
			    .attempt = n,
			    .told = true,
			    .reply = {"some words", 10}
                        };
			a->recipients[r].attempts = n & 0xffffff;
			assert_true(active_note(a, &l, 5));
		}
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(record_compact(a, SPLIT));
	note(a, JOURNAL_DEFER, 1002, 1);
	assert_true(record_flush(a, SPLIT, 0));
	assert_true(history_read(b, SPLIT));
	for (uint32_t r = 0; r < 1000; r++)
		assert_int_equal(b->recipients[r].told, 1);
	assert_int_equal(b->recipients[1000].owes, 0);
	assert_int_equal(b->recipients[1001].owes, 1);
	assert_int_equal(b->recipients[1002].told, 0);
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
	    cmocka_unit_test_teardown(
		what_is_under_way_is_due_at_once_whatever_the_clock, clean),
	    cmocka_unit_test_teardown(
		stamps_mean_what_they_meant_when_they_were_made, clean),
	    cmocka_unit_test_teardown(half_a_line_is_written_over, clean),
	    cmocka_unit_test_teardown(
		a_strangers_journal_is_removed_and_never_replayed, clean),
	    cmocka_unit_test_teardown(
		a_new_journal_never_overwrites_one_that_is_there, clean),
	    cmocka_unit_test_teardown(compacting_keeps_what_matters, clean),
	    cmocka_unit_test_teardown(
		a_journal_is_compacted_when_that_makes_it_half, clean),
	    cmocka_unit_test_teardown(who_was_told_is_not_told_again, clean),
	};
	return cmocka_run_group_tests(tests, enter, NULL);
}
