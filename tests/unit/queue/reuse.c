/* place: a file of the pool becomes a message as a new one does, or leaves the
 * pool. */
#define _GNU_SOURCE /* O_PATH */
#include "lib/sock.h"
#include "queue/draft.h"
#include "queue/spare.h"
#include "tests/unit/queue/stage.h"
#include <errno.h>

struct pool {
	struct place place;
	struct slot slot;
	int out;
	uint64_t ino; /* of its one file */
	char pool[QUEUE_PATH_SIZE], mess[QUEUE_PATH_SIZE];
};

static int
make(void **state)
{
	int r = stage_make(state);

	assert_int_equal(mkdir(QUEUE_POOL, 0755), 0);
	return r;
}

/* A pool of one file with this text. */
static void
open_pool(struct pool *p, const char *text)
{
	struct spare_given given;
	struct stat st;
	int ends[2], fd;

	*p = (struct pool){.ino = 0};
	assert_true(place_probe(&p->place));
	assert_true(place_open(&p->place));
	place_init(&p->slot);
	assert_true(sock_pair(ends));
	assert_true(fd_nonblock(ends[1]));
	p->place.spare = ends[1];
	p->out = ends[0];
	stage_put(QUEUE_POOL "/new", text);
	fd = open(QUEUE_POOL "/new", O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	p->ino = st.st_ino;
	queue_pool_path(p->pool, p->ino);
	queue_mess_path(p->mess, STAGE_SPLIT, p->ino);
	assert_int_equal(rename(QUEUE_POOL "/new", p->pool), 0);
	given = (struct spare_given){p->ino, (uint64_t)st.st_size};
	assert_true(sock_send(p->out, &given, sizeof(given), fd));
	assert_int_equal(close(fd), 0);
}

static void
close_pool(struct pool *p)
{
	place_drop(&p->place, &p->slot);
	place_close(&p->place);
	fd_close(&p->place.spare);
	fd_close(&p->out);
}

static bool
there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void
write_new(struct pool *p, const char *text)
{
	assert_true(place_reuse(&p->place, &p->slot, strlen(text)));
	assert_int_equal(p->slot.ino, p->ino);
	assert_true(fd_pwrite_all(p->slot.fd, text, strlen(text), 0));
}

static void
has(const struct pool *p, const char *text)
{
	char got[64];
	struct stat st;
	int fd = open(p->mess, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, p->ino);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(read(fd, got, sizeof(got)), strlen(text));
	assert_memory_equal(got, text, strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
nothing_of_the_last_message_is_left(void **state)
{
	static const char *const texts[] = {
	    "new", "a newer one", "another text"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct pool p;

		open_pool(&p, "a message");
		write_new(&p, texts[i]);
		assert_false(there(p.mess));
		assert_int_equal(place_keep(&p.place, &p.slot), PLACE_DURABLE);
		assert_int_equal(p.slot.fd, -1);
		has(&p, texts[i]);
		assert_true(there(p.pool));
		close_pool(&p);
		/* It stays what it is. */
		has(&p, texts[i]);
	}
	(void)state;
}

static void
an_empty_pool_has_none(void **state)
{
	struct pool p;
	struct slot s;

	open_pool(&p, "a message");
	place_init(&s);
	write_new(&p, "new");
	assert_false(place_reuse(&p.place, &s, 10));
	assert_int_equal(s.fd, -1);
	close_pool(&p);
	(void)state;
}

static void
journal(struct pool *p)
{
	char path[QUEUE_PATH_SIZE];

	queue_info_path(path, STAGE_SPLIT, p->ino);
	stage_put(path, "an old journal\n");
}

static void
message(struct pool *p)
{
	stage_put(p->mess, "other\n");
}

static void
swept(struct pool *p)
{
	assert_int_equal(unlink(p->pool), 0);
}

static void
deaf_file(struct pool *p)
{
	fd_close(&p->slot.fd);
	p->slot.fd = open("queue", O_PATH);
}

static void
deaf_folder(struct pool *p)
{
	unsigned folder = (unsigned)(p->ino % STAGE_SPLIT);
	char path[32];

	snprintf(path, sizeof(path), "queue/mess/%u", folder);
	fd_close(&p->place.folders[folder]);
	p->place.folders[folder] = open(path, O_PATH | O_DIRECTORY);
}

static void
trouble_ends_its_time_in_the_pool(void **state)
{
	static const struct {
		void (*cause)(struct pool *p);
		enum place_result result;
		bool named; /* somebody else's name stays */
	} rows[] = {
	    {journal,     PLACE_TAKEN, false},
	    {message,     PLACE_TAKEN, true },
	    {swept,       PLACE_TAKEN, false},
	    {deaf_file,   PLACE_SYNC,  false},
	    {deaf_folder, PLACE_SYNC,  false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pool p;

		open_pool(&p, "a message");
		write_new(&p, "new");
		rows[i].cause(&p);
		assert_int_equal(place_keep(&p.place, &p.slot), rows[i].result);
		place_drop(&p.place, &p.slot);
		assert_false(there(p.pool));
		assert_int_equal(there(p.mess), rows[i].named);
		(void)unlink(p.mess);
		close_pool(&p);
		queue_info_path(p.mess, STAGE_SPLIT, p.ino);
		(void)unlink(p.mess);
	}
	(void)state;
}

static void
one_that_is_not_used_leaves_the_pool(void **state)
{
	struct pool p;

	open_pool(&p, "a message");
	write_new(&p, "new");
	place_drop(&p.place, &p.slot);
	assert_false(there(p.pool));
	assert_int_equal(stage_count(), 0);
	close_pool(&p);
	(void)state;
}

/* What no disk can leave free is refused, and the pool's room given back. */
static void
a_full_disk_gets_the_room_of_the_pool(void **state)
{
	static struct draft d;
	struct pool p;

	open_pool(&p, "a message");
	draft_init(&d, &p.place);
	draft_begin(&d, 0, UINT64_MAX);
	draft_body(&d, str_of("text\n"));
	assert_int_equal(draft_commit(&d), QQ_WRITE);
	assert_false(there(p.pool));
	draft_begin(&d, 0, 0);
	draft_body(&d, str_of("text\n"));
	assert_int_equal(draft_commit(&d), 0);
	close_pool(&p);
	(void)state;
}

static void
all_of_the_pool_is_released(void **state)
{
	struct pool p;
	struct spare_given given;
	char other[QUEUE_PATH_SIZE];
	struct stat st;
	int fd;

	open_pool(&p, "a message");
	stage_put(QUEUE_POOL "/new", "another");
	fd = open(QUEUE_POOL "/new", O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	queue_pool_path(other, st.st_ino);
	assert_int_equal(rename(QUEUE_POOL "/new", other), 0);
	given = (struct spare_given){st.st_ino, (uint64_t)st.st_size};
	assert_true(sock_send(p.out, &given, sizeof(given), fd));
	assert_int_equal(close(fd), 0);
	place_release(&p.place);
	assert_false(there(p.pool));
	assert_false(there(other));
	close_pool(&p);
	(void)state;
}

#define POOLED(f) cmocka_unit_test_setup_teardown(f, make, stage_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    POOLED(nothing_of_the_last_message_is_left),
	    POOLED(an_empty_pool_has_none),
	    POOLED(trouble_ends_its_time_in_the_pool),
	    POOLED(one_that_is_not_used_leaves_the_pool),
	    POOLED(a_full_disk_gets_the_room_of_the_pool),
	    POOLED(all_of_the_pool_is_released),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
