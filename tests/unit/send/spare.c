/* spare: a finished message's file is told of when its removal is durable, and
 * at no other time. */
#include "send/spare.h"
#include "lib/fd.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SPLIT = 2, TOKEN = 9, LARGE = QUEUE_POOL_FILE + 1 };
#define MESS QUEUE_MESS "/0"

static struct spare s;
static unsigned char dirty[SPLIT];

static int
enter(void **state)
{
	static char home[] = "/var/tmp/culver-spare.XXXXXX";

	(void)state;
	if (mkdtemp(home) == NULL || chdir(home) == -1 ||
	    mkdir("queue", 0700) == -1 || mkdir(QUEUE_MESS, 0700) == -1 ||
	    mkdir(MESS, 0700) == -1 || mkdir(QUEUE_POOL, 0700) == -1 ||
	    mkfifo(QUEUE_FREE, 0600) == -1)
		return -1;
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	memset(dirty, 0, sizeof dirty);
	if (!spare_open(&s))
		return -1;
	spare_limit(&s, 100);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	spare_close(&s);
	return 0;
}

struct one {
	char mess[QUEUE_PATH_SIZE], pool[QUEUE_PATH_SIZE];
	struct message message; /* as message_open has it */
	struct spare_file file;
};

/* A message in mess/, which is of even number here whatever its inode. */
static void
make(struct one *m, off_t size)
{
	struct stat st;
	int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	fd_close(&fd);
	m->message = (struct message){
	    .ino = st.st_ino, .links = 1, .envelope_at = (uint64_t)size};
	memset(m->message.token, TOKEN, sizeof m->message.token);
	spare_file(&m->file, st.st_ino, &m->message);
	(void)snprintf(m->mess, sizeof m->mess, MESS "/%llu",
	    (unsigned long long)st.st_ino);
	queue_pool_path(m->pool, st.st_ino);
	assert_int_equal(rename("new", m->mess), 0);
}

static void
forget(struct one *m)
{
	(void)unlink(m->mess);
	(void)unlink(m->pool);
}

static bool
there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The next number that writers are told of; 0: none. */
static uint64_t
told(void)
{
	unsigned char token[QUEUE_TOKEN], mine[QUEUE_TOKEN];
	char hint[QUEUE_HINT_SIZE];
	uint64_t ino = 0;

	if (read(s.fifo, hint, sizeof hint) != (ssize_t)sizeof hint)
		return 0;
	assert_true(queue_hint_read(hint, &ino, token));
	memset(mine, TOKEN, sizeof mine);
	assert_memory_equal(token, mine, sizeof mine);
	return ino;
}

static bool
take(const struct one *m)
{
	return spare_take(&s, m->mess, &m->file);
}

/* It had these names when it was opened. */
static void
opened(struct one *m, uint64_t ino, uint32_t links)
{
	m->message.links = links;
	spare_file(&m->file, ino, &m->message);
}

static void
a_file_is_told_of_when_its_folder_is_clean(void **state)
{
	struct one m;

	(void)state;
	make(&m, 10);
	assert_true(take(&m));
	assert_false(there(m.mess));
	assert_true(there(m.pool));
	assert_int_equal(told(), 0);
	dirty[m.file.ino % SPLIT] = 1;
	spare_offer(&s, SPLIT, dirty);
	assert_int_equal(told(), 0);
	dirty[m.file.ino % SPLIT] = 0;
	dirty[(m.file.ino + 1) % SPLIT] = 1;
	spare_offer(&s, SPLIT, dirty);
	assert_int_equal(told(), m.file.ino);
	spare_offer(&s, SPLIT, dirty);
	assert_int_equal(told(), 0);
	forget(&m);
}

static void
one_that_was_used_again_is_told_of_again(void **state)
{
	struct one m;

	(void)state;
	make(&m, 10);
	assert_int_equal(link(m.mess, m.pool), 0);
	opened(&m, m.file.ino, 2);
	assert_true(take(&m));
	assert_false(there(m.mess));
	assert_true(there(m.pool));
	spare_offer(&s, SPLIT, dirty);
	assert_int_equal(told(), m.file.ino);
	forget(&m);
}

static void
no_room(struct one *m)
{
	(void)m;
	spare_limit(&s, 0);
}

static void
third_name(struct one *m)
{
	assert_int_equal(link(m->mess, m->pool), 0);
	opened(m, m->file.ino, 3);
}

static void
second_name(struct one *m)
{
	assert_int_equal(link(m->mess, m->pool), 0);
	opened(m, m->file.ino, 2);
	spare_limit(&s, 0);
}

static void
other_number(struct one *m)
{
	opened(m, m->file.ino + 1, 1);
}

static void
nothing(struct one *m)
{
	(void)m;
}

static void
what_cannot_be_kept_is_unlinked(void **state)
{
	static const struct {
		off_t size;
		void (*spoil)(struct one *m);
	} rows[] = {
	    {LARGE, nothing     },
	    {10,    no_room     },
	    {10,    second_name },
	    {10,    third_name  },
	    {10,    other_number},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct one m;

		spare_limit(&s, 100);
		make(&m, rows[i].size);
		rows[i].spoil(&m);
		assert_true(take(&m));
		assert_false(there(m.mess));
		assert_false(there(m.pool));
		spare_offer(&s, SPLIT, dirty);
		assert_int_equal(told(), 0);
		forget(&m);
	}
}

static void
a_message_that_is_gone_is_removed(void **state)
{
	struct one m;

	(void)state;
	make(&m, 10);
	assert_int_equal(unlink(m.mess), 0);
	assert_true(take(&m));
	spare_offer(&s, SPLIT, dirty);
	assert_int_equal(told(), 0);
	forget(&m);
}

static void
there_are_never_more_than_the_limit(void **state)
{
	struct one m[5];
	size_t kept = 0;

	(void)state;
	spare_limit(&s, 3);
	for (size_t i = 0; i < 5; i++) {
		make(&m[i], 10);
		assert_true(take(&m[i]));
		if (i % 2 == 0)
			spare_offer(&s, SPLIT, dirty);
	}
	spare_offer(&s, SPLIT, dirty);
	for (size_t i = 0; i < 5; i++)
		kept += there(m[i].pool);
	assert_int_equal(kept, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_not_equal(told(), 0);
	assert_int_equal(told(), 0);
	spare_offer(&s, SPLIT, dirty);
	assert_int_equal(s.room, 3);
	for (size_t i = 0; i < 5; i++)
		forget(&m[i]);
}

static void
what_nobody_hears_of_is_unlinked(void **state)
{
	char fill[4096];
	struct one m;

	(void)state;
	make(&m, 10);
	assert_true(take(&m));
	memset(fill, ' ', sizeof fill);
	while (write(s.fifo, fill, sizeof fill) > 0)
		continue;
	spare_offer(&s, SPLIT, dirty);
	assert_false(there(m.pool));
	forget(&m);
	while (read(s.fifo, fill, sizeof fill) > 0)
		continue;
}

static void
a_start_unlinks_what_is_free_and_nothing_else(void **state)
{
	struct one spare, queued;

	(void)state;
	make(&spare, 10);
	make(&queued, 10);
	assert_int_equal(rename(spare.mess, spare.pool), 0);
	assert_int_equal(link(queued.mess, queued.pool), 0);
	spare_close(&s);
	assert_true(spare_open(&s));
	assert_false(there(spare.pool));
	assert_true(there(queued.pool));
	assert_true(there(queued.mess));
	forget(&spare);
	forget(&queued);
}

static void
a_queue_without_a_pool_unlinks(void **state)
{
	struct one m;

	(void)state;
	spare_close(&s);
	assert_int_equal(rename(QUEUE_POOL, "away"), 0);
	assert_true(spare_open(&s));
	spare_limit(&s, 100);
	make(&m, 10);
	assert_true(take(&m));
	assert_false(there(m.mess));
	spare_offer(&s, SPLIT, dirty);
	forget(&m);
	assert_int_equal(rename("away", QUEUE_POOL), 0);
}

#define SPARE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SPARE(a_file_is_told_of_when_its_folder_is_clean),
	    SPARE(one_that_was_used_again_is_told_of_again),
	    SPARE(what_cannot_be_kept_is_unlinked),
	    SPARE(a_message_that_is_gone_is_removed),
	    SPARE(there_are_never_more_than_the_limit),
	    SPARE(what_nobody_hears_of_is_unlinked),
	    SPARE(a_start_unlinks_what_is_free_and_nothing_else),
	    SPARE(a_queue_without_a_pool_unlinks),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}
