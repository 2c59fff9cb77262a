/* discover: what is in the queue is found, whatever comes between. */
#include "send/discover.h"
#include "lib/clock.h"
#include "wire/queue.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SPLIT = 4, FOLDER_FIRST = 400 };

static struct schedule *known;
static struct discovery d;
static int fsyncs;

/* In the place of the system's. */
int
fsync(int fd)
{
	(void)fd;
	fsyncs++;
	return 0;
}

static void
make(const char *folder, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%u/%llu", folder,
	    (unsigned)(ino % SPLIT), (unsigned long long)ino);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(close(fd), 0);
}

static void
drop(const char *folder, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];

	(void)snprintf(path, sizeof path, "%s/%u/%llu", folder,
	    (unsigned)(ino % SPLIT), (unsigned long long)ino);
	(void)unlink(path);
}

static void
touch_rescan(void)
{
	int fd = open(QUEUE_RESCAN, O_WRONLY | O_CREAT, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(close(fd), 0);
}

static int
enter(void **state)
{
	static char home[] = "/tmp/discover.XXXXXX";
	char path[QUEUE_PATH_SIZE];

	(void)state;
	if (mkdtemp(home) == NULL || chdir(home) == -1 ||
	    mkdir("queue", 0700) == -1 || mkdir(QUEUE_MESS, 0700) == -1 ||
	    mkdir(QUEUE_INFO, 0700) == -1 || mkfifo(QUEUE_HINT, 0600) == -1)
		return -1;
	for (unsigned i = 0; i < SPLIT; i++) {
		(void)snprintf(path, sizeof path, QUEUE_MESS "/%u", i);
		if (mkdir(path, 0700) == -1)
			return -1;
		(void)snprintf(path, sizeof path, QUEUE_INFO "/%u", i);
		if (mkdir(path, 0700) == -1)
			return -1;
	}
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	known = schedule_new(1);
	fsyncs = 0;
	return known != NULL && discover_open(&d, known, SPLIT, 0) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	discover_close(&d);
	schedule_free(known);
	return 0;
}

static void
list_all(int64_t now)
{
	for (int i = 0; d.listing && i < 1000; i++)
		discover_list(&d, now);
	assert_false(d.listing);
}

static void
rescans_that_never_end_keep_no_folder_from_its_turn(void **state)
{
	(void)state;
	for (uint64_t ino = FOLDER_FIRST; ino < FOLDER_FIRST + SPLIT; ino++)
		make(QUEUE_MESS, ino);
	for (int i = 0; i < 3 * SPLIT; i++) {
		touch_rescan();
		discover_rescan(&d);
		assert_int_equal(access(QUEUE_RESCAN, F_OK), -1);
		discover_list(&d, 1);
	}
	assert_int_equal(schedule_count(known), SPLIT);
	for (uint64_t ino = FOLDER_FIRST; ino < FOLDER_FIRST + SPLIT; ino++)
		drop(QUEUE_MESS, ino);
}

static void
what_came_behind_a_listing_is_found_by_the_one_that_was_asked_for(void **state)
{
	(void)state;
	discover_list(&d, 1); /* folder 0 is done */
	make(QUEUE_MESS, FOLDER_FIRST);
	touch_rescan();
	discover_rescan(&d);
	list_all(1);
	assert_non_null(schedule_find(known, FOLDER_FIRST));
	drop(QUEUE_MESS, FOLDER_FIRST);
}

static void
folder_that_cannot_be_read_is_looked_at_again_soon(void **state)
{
	int64_t now = CLOCK_SECOND;

	(void)state;
	make(QUEUE_MESS, FOLDER_FIRST + 1);
	assert_int_equal(rename(QUEUE_MESS "/1", "away"), 0);
	list_all(now);
	assert_null(schedule_find(known, FOLDER_FIRST + 1));
	assert_int_equal(rename("away", QUEUE_MESS "/1"), 0);
	now += (int64_t)DISCOVER_SOON * CLOCK_SECOND;
	discover_list(&d, now);
	list_all(now);
	assert_non_null(schedule_find(known, FOLDER_FIRST + 1));
	now += (int64_t)DISCOVER_SOON * CLOCK_SECOND;
	discover_list(&d, now);
	assert_false(d.listing);
	drop(QUEUE_MESS, FOLDER_FIRST + 1);
}

/* Between two pieces a message may have been removed: its journal must not go
 * by a sync of the folder that was before. */
static void
each_piece_syncs_for_the_journals_that_it_removes(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 2UL * DISCOVER_PIECE; i++)
		make(QUEUE_INFO, (FOLDER_FIRST + i) * SPLIT);
	list_all(1);
	assert_int_not_equal(access(QUEUE_INFO "/0/1600", F_OK), 0);
	assert_true(fsyncs >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		rescans_that_never_end_keep_no_folder_from_its_turn, begin,
		end),
	    cmocka_unit_test_setup_teardown(
		what_came_behind_a_listing_is_found_by_the_one_that_was_asked_for,
		begin, end),
	    cmocka_unit_test_setup_teardown(
		folder_that_cannot_be_read_is_looked_at_again_soon, begin, end),
	    cmocka_unit_test_setup_teardown(
		each_piece_syncs_for_the_journals_that_it_removes, begin, end),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
