/* removal: a journal goes when its message has gone, and no other's does. */
#include "send/removal.h"
#include "wire/queue.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { INO = 130, SPLIT = 1 };
#define MESSAGE QUEUE_MESS "/0/130"
#define JOURNAL QUEUE_INFO "/0/130"

static struct removal r;

static void
make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(close(fd), 0);
}

static bool
there(const char *path)
{
	return access(path, F_OK) == 0;
}

static int
enter(void **state)
{
	static char home[] = "/tmp/removal.XXXXXX";

	(void)state;
	if (mkdtemp(home) == NULL || chdir(home) == -1 ||
	    mkdir("queue", 0700) == -1 || mkdir(QUEUE_MESS, 0700) == -1 ||
	    mkdir(QUEUE_INFO, 0700) == -1 ||
	    mkdir(QUEUE_MESS "/0", 0700) == -1 ||
	    mkdir(QUEUE_INFO "/0", 0700) == -1)
		return -1;
	return 0;
}

/* A message without a pool, whose file does not matter then. */
static bool
add(bool journal, int64_t now)
{
	const struct removed m = {.file.ino = INO, .journal = journal};

	return removal_add(&r, &m, now);
}

static int
begin(void **state)
{
	(void)state;
	return removal_init(&r, SPLIT) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	removal_free(&r);
	(void)unlink(MESSAGE);
	(void)unlink(JOURNAL);
	return 0;
}

static void
the_journal_follows_its_message(void **state)
{
	(void)state;
	make(MESSAGE);
	make(JOURNAL);
	assert_true(add(true, 0));
	assert_false(there(MESSAGE));
	removal_run(&r, REMOVAL_WAIT - 1);
	assert_true(there(JOURNAL));
	removal_run(&r, REMOVAL_WAIT);
	assert_false(there(JOURNAL));
}

static void
the_journal_waits_for_a_folder_that_cannot_be_synced(void **state)
{
	int64_t now = REMOVAL_WAIT;

	(void)state;
	make(MESSAGE);
	make(JOURNAL);
	assert_true(add(true, 0));
	assert_int_equal(rename(QUEUE_MESS "/0", "away"), 0);
	removal_run(&r, now);
	assert_true(there(JOURNAL));
	assert_true(r.pending);
	assert_int_equal(rename("away", QUEUE_MESS "/0"), 0);
	removal_run(&r, r.due);
	assert_false(there(JOURNAL));
	assert_false(r.pending);
}

/* A listing may have removed the journal meanwhile, and its number have been
 * given to a message with a journal of its own. */
static void
the_journal_of_the_numbers_next_message_stays(void **state)
{
	(void)state;
	make(MESSAGE);
	make(JOURNAL);
	assert_true(add(true, 0));
	assert_int_equal(unlink(JOURNAL), 0);
	make(MESSAGE);
	make(JOURNAL);
	removal_run(&r, REMOVAL_WAIT);
	assert_true(there(JOURNAL));
	assert_false(r.pending);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		the_journal_follows_its_message, begin, end),
	    cmocka_unit_test_setup_teardown(
		the_journal_waits_for_a_folder_that_cannot_be_synced, begin,
		end),
	    cmocka_unit_test_setup_teardown(
		the_journal_of_the_numbers_next_message_stays, begin, end),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
