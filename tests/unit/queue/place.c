/* place: a name is given to what is on the disk, never to another's number. */
#define _GNU_SOURCE /* O_PATH */
#include "queue/place.h"

#include "tests/unit/queue/stage.h"
#include <errno.h>

static void
open_place(struct place *p, bool named)
{
	assert_true(place_probe(p));
	if (named && !p->named)
		assert_int_equal(mkdir("queue/mess/tmp", 0700), 0);
	p->named = named || p->named;
	assert_true(place_open(p));
}

static void
take_with(struct place *p, struct slot *s, const char *text)
{
	assert_true(place_take(p, s, false));
	assert_true(fd_write_all(s->fd, text, strlen(text)));
}

static void
has(const struct slot *s, const char *text)
{
	char path[QUEUE_PATH_SIZE], got[64];
	struct stat st;
	ssize_t n;
	int fd;

	queue_mess_path(path, STAGE_SPLIT, s->ino);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_ino, s->ino);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
	fd = open(path, O_RDONLY);
	n = read(fd, got, sizeof(got));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
keep_both_ways(bool named)
{
	struct place p = {0};
	struct slot s;

	open_place(&p, named);
	place_init(&s);
	take_with(&p, &s, "text");
	assert_int_equal(stage_count(), 0);
	assert_int_equal(s.name[0] != '\0', p.named);
	assert_int_equal(place_keep(&p, &s), PLACE_DURABLE);
	assert_int_equal(s.fd, -1);
	has(&s, "text");
	if (p.named) /* its first name is gone, or rmdir would fail */
		assert_int_equal(rmdir("queue/mess/tmp"), 0);
	place_close(&p);
}

static void
a_kept_file_has_its_number_for_a_name(void **state)
{
	keep_both_ways(false);
	(void)state;
}

static void
a_file_system_without_unnamed_files_does(void **state)
{
	keep_both_ways(true);
	(void)state;
}

static void
a_dropped_file_leaves_nothing(void **state)
{
	for (int named = 0; named < 2; named++) {
		struct place p = {0};
		struct slot s;

		open_place(&p, named != 0);
		place_init(&s);
		take_with(&p, &s, "text");
		place_drop(&p, &s);
		assert_int_equal(s.fd, -1);
		assert_int_equal(stage_count(), 0);
		place_close(&p);
	}
	assert_int_equal(rmdir("queue/mess/tmp"), 0);
	(void)state;
}

static void
info_of(uint64_t ino, char path[QUEUE_PATH_SIZE])
{
	queue_info_path(path, STAGE_SPLIT, ino);
}

static void
a_stale_journal_never_meets_a_new_message(void **state)
{
	struct place p = {0};
	char path[QUEUE_PATH_SIZE];
	struct slot s;
	uint64_t ino;

	open_place(&p, false);
	place_init(&s);
	take_with(&p, &s, "text");
	ino = s.ino;
	info_of(ino, path);
	stage_put(path, "an old journal\n");
	assert_int_equal(place_keep(&p, &s), PLACE_TAKEN);
	assert_int_equal(stage_count(), 0);
	assert_int_equal(s.held_count, 1);
	/* The number is held, so the next is another. */
	take_with(&p, &s, "text");
	assert_int_not_equal(s.ino, ino);
	assert_int_equal(place_keep(&p, &s), PLACE_DURABLE);
	assert_int_equal(s.held_count, 0);
	has(&s, "text");
	assert_int_equal(access(path, F_OK), 0);
	place_close(&p);
	(void)state;
}

static void
a_look_passes_over_journals_and_names(void **state)
{
	struct place p = {0};
	char path[QUEUE_PATH_SIZE];
	struct slot s;
	uint64_t first, second;

	/* Numbers are given out again in their order, or this tests less. */
	open_place(&p, false);
	place_init(&s);
	assert_true(place_take(&p, &s, false));
	first = s.ino;
	info_of(first, path);
	stage_put(path, "an old journal\n");
	place_drop(&p, &s);
	assert_true(place_take(&p, &s, true));
	second = s.ino;
	assert_int_not_equal(second, first);
	place_drop(&p, &s);
	queue_mess_path(path, STAGE_SPLIT, second);
	stage_put(path, "restored from a backup\n");
	assert_true(place_take(&p, &s, true));
	assert_int_not_equal(s.ino, first);
	assert_int_not_equal(s.ino, second);
	place_drop(&p, &s);
	place_close(&p);
	(void)state;
}

static void
an_existing_name_is_left_alone(void **state)
{
	struct place p = {0};
	char path[QUEUE_PATH_SIZE], got[8];
	struct slot s;
	int fd;

	open_place(&p, false);
	place_init(&s);
	take_with(&p, &s, "text");
	queue_mess_path(path, STAGE_SPLIT, s.ino);
	stage_put(path, "other\n");
	assert_int_equal(place_keep(&p, &s), PLACE_TAKEN);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, got, sizeof(got)), 6);
	assert_memory_equal(got, "other\n", 6);
	assert_int_equal(close(fd), 0);
	place_drop(&p, &s);
	place_close(&p);
	(void)state;
}

static void
a_failed_sync_of_the_file_gives_no_name(void **state)
{
	struct place p = {0};
	struct slot s;

	open_place(&p, false);
	place_init(&s);
	take_with(&p, &s, "text");
	fd_close(&s.fd);
	s.fd = open("queue", O_PATH);
	assert_int_equal(place_keep(&p, &s), PLACE_SYNC);
	place_drop(&p, &s);
	assert_int_equal(stage_count(), 0);
	place_close(&p);
	(void)state;
}

/* A descriptor that can be linked into but not synced stands for the disk. */
static void
a_failed_sync_of_the_folder_takes_the_name_back(void **state)
{
	for (int named = 0; named < 2; named++) {
		struct place p = {0};
		struct slot s;

		open_place(&p, named != 0);
		for (unsigned i = 0; i < STAGE_SPLIT; i++) {
			char path[32];

			snprintf(path, sizeof(path), "queue/mess/%u", i);
			fd_close(&p.folders[i]);
			p.folders[i] = open(path, O_PATH | O_DIRECTORY);
		}
		place_init(&s);
		take_with(&p, &s, "text");
		assert_int_equal(place_keep(&p, &s), PLACE_SYNC);
		assert_int_equal(errno, EBADF);
		place_drop(&p, &s);
		assert_int_equal(stage_count(), 0);
		place_close(&p);
	}
	(void)state;
}

static void
the_numbers_passed_over_are_bounded(void **state)
{
	struct place p = {0};
	struct slot s;

	open_place(&p, false);
	place_init(&s);
	for (int i = 0; i <= PLACE_TRIES; i++) {
		enum place_result want =
		    i < PLACE_TRIES ? PLACE_TAKEN : PLACE_FAILED;
		char path[QUEUE_PATH_SIZE];

		assert_true(place_take(&p, &s, false));
		info_of(s.ino, path);
		stage_put(path, "an old journal\n");
		assert_int_equal(place_keep(&p, &s), want);
	}
	assert_int_equal(errno, EMFILE);
	place_drop(&p, &s);
	assert_int_equal(s.held_count, 0);
	place_close(&p);
	(void)state;
}

static void
a_queue_that_is_not_there_does_not_open(void **state)
{
	struct place p = {0};

	assert_true(place_probe(&p));
	assert_int_equal(rmdir("queue/mess/1"), 0);
	assert_false(place_open(&p));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(unlink(QUEUE_FORMAT_FILE), 0);
	assert_false(place_probe(&p));
	assert_int_equal(errno, ENOENT);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STAGED(a_kept_file_has_its_number_for_a_name),
	    STAGED(a_file_system_without_unnamed_files_does),
	    STAGED(a_dropped_file_leaves_nothing),
	    STAGED(a_stale_journal_never_meets_a_new_message),
	    STAGED(a_look_passes_over_journals_and_names),
	    STAGED(an_existing_name_is_left_alone),
	    STAGED(a_failed_sync_of_the_file_gives_no_name),
	    STAGED(a_failed_sync_of_the_folder_takes_the_name_back),
	    STAGED(the_numbers_passed_over_are_bounded),
	    STAGED(a_queue_that_is_not_there_does_not_open),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
