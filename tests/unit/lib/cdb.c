/* Tests of lib/cdb: a table is whole, or it is none. */
#include "lib/cdb.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
	char path[32];
	int fd;
};

static int
folder_open(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	assert_non_null(f);
	(void)snprintf(f->path, sizeof f->path, "/tmp/culver-cdb.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

static int
folder_close(void **state)
{
	struct folder *f = *state;

	(void)unlinkat(f->fd, "t.cdb", 0);
	assert_int_equal(close(f->fd), 0);
	assert_int_equal(rmdir(f->path), 0); /* nothing else was left in it */
	free(f);
	return 0;
}

static const struct pair {
	const char *key, *value;
} pairs[] = {
    {"example.org",   "a"			  },
    {"@example.org",  ""			   },
    {"alice@b.test",  "0:c@d.test:disabled"        },
    {"",	      "the empty key is a key"     },
    {"example.org",   "hidden behind the first one"},
    {"\xc3\xa4.test", "\xff"                       },
};

static void
make(int fd)
{
	struct table_maker *m = table_make(fd, "t.cdb", 0640);

	assert_non_null(m);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		assert_true(
		    table_add(m, str_of(pairs[i].key), str_of(pairs[i].value)));
	assert_true(table_commit(m));
}

static void
what_was_added_is_found(void **state)
{
	const struct folder *f = *state;
	struct table *t;
	struct str value;

	make(f->fd);
	t = table_open(f->fd, "t.cdb");
	assert_non_null(t);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const char *want = i == 4 ? pairs[0].value : pairs[i].value;

		assert_int_equal(
		    table_find(t, str_of(pairs[i].key), &value), FOUND_YES);
		assert_true(str_equal(value, str_of(want)));
		assert_int_equal(
		    table_find(t, str_of(pairs[i].key), NULL), FOUND_YES);
	}
	assert_int_equal(table_find(t, str_of("example.or"), &value), FOUND_NO);
	table_close(t);
}

static bool
count(struct str key, struct str value, void *context)
{
	size_t *n = context;

	assert_true(str_equal(key, str_of(pairs[*n].key)));
	assert_true(str_equal(value, str_of(pairs[*n].value)));
	return ++*n < sizeof pairs / sizeof *pairs - 1;
}

static void
a_walk_goes_in_order_and_stops_when_told(void **state)
{
	const struct folder *f = *state;
	struct table *t;
	size_t n = 0;

	make(f->fd);
	t = table_open(f->fd, "t.cdb");
	assert_non_null(t);
	assert_true(table_walk(t, count, &n));
	assert_int_equal(n, sizeof pairs / sizeof *pairs - 1);
	table_close(t);
}

static void
the_mode_is_kept_from_the_umask(void **state)
{
	const struct folder *f = *state;
	mode_t old = umask(077);
	struct stat st;

	make(f->fd);
	(void)umask(old);
	assert_int_equal(fstatat(f->fd, "t.cdb", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void
an_abandoned_table_leaves_the_old_one(void **state)
{
	const struct folder *f = *state;
	struct table_maker *m;
	struct table *t;

	make(f->fd);
	m = table_make(f->fd, "t.cdb", 0600);
	assert_non_null(m);
	assert_true(table_add(m, str_of("new"), str_of("")));
	table_abandon(m);
	t = table_open(f->fd, "t.cdb");
	assert_non_null(t);
	assert_int_equal(table_find(t, str_of("new"), NULL), FOUND_NO);
	assert_int_equal(table_find(t, str_of(""), NULL), FOUND_YES);
	table_close(t);
}

static void
a_new_table_makes_the_open_one_stale(void **state)
{
	const struct folder *f = *state;
	struct table *t;

	make(f->fd);
	t = table_open(f->fd, "t.cdb");
	assert_non_null(t);
	assert_false(table_stale(t, f->fd, "t.cdb"));
	make(f->fd);
	assert_true(table_stale(t, f->fd, "t.cdb"));
	assert_int_equal(table_find(t, str_of(""), NULL), FOUND_YES);
	assert_int_equal(unlinkat(f->fd, "t.cdb", 0), 0);
	assert_true(table_stale(t, f->fd, "t.cdb"));
	table_close(t);
}

/* size -1: of the table as it was made. */
static void
damage(int fd, off_t size, bool zeros)
{
	char nothing[4096] = {0};
	int file;

	make(fd);
	file = openat(fd, "t.cdb", O_WRONLY);
	assert_true(file >= 0);
	if (zeros)
		assert_int_equal(
		    write(file, nothing, sizeof nothing), sizeof nothing);
	if (size >= 0)
		assert_int_equal(ftruncate(file, size), 0);
	assert_int_equal(close(file), 0);
}

static void
a_damaged_file_is_no_table(void **state)
{
	const struct folder *f = *state;
	static const struct {
		off_t size;
		bool zeros;
	} rows[] = {
	    {0,    false},
	    {2047, false},
	    {2048, false},
	    {2200, false},
	    {4096, false},
	    {2048, true },
	    {4096, true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		damage(f->fd, rows[i].size, rows[i].zeros);
		errno = 0;
		assert_null(table_open(f->fd, "t.cdb"));
		assert_int_equal(errno, EPROTO);
	}
}

static void
an_absent_file_and_a_folder_are_told_apart(void **state)
{
	const struct folder *f = *state;

	assert_null(table_open(f->fd, "t.cdb"));
	assert_int_equal(errno, ENOENT);
	assert_null(table_open(f->fd, "."));
	assert_int_equal(errno, EPROTO);
}

static void
an_empty_table_is_a_table(void **state)
{
	const struct folder *f = *state;
	struct table_maker *m = table_make(f->fd, "t.cdb", 0600);
	struct table *t;
	size_t n = 0;

	assert_non_null(m);
	assert_true(table_commit(m));
	t = table_open(f->fd, "t.cdb");
	assert_non_null(t);
	assert_int_equal(table_find(t, str_of(""), NULL), FOUND_NO);
	assert_true(table_walk(t, count, &n));
	assert_int_equal(n, 0);
	table_close(t);
}

/* Whatever was fetched before, and whatever lies where it was fetched from. */
static void
fetching_changes_no_answer(void **state)
{
	enum { MANY = 100000 };
	const struct folder *f = *state;
	struct table_maker *m = table_make(f->fd, "t.cdb", 0600);
	struct table *t, *none = NULL;
	char key[NUM_SIZE] = "";

	assert_non_null(m);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(table_add(
		    m, (struct str){key, num_format(key, i)}, str_of("value")));
	assert_true(table_commit(m));
	t = table_open(f->fd, "t.cdb");
	assert_non_null(t);
	for (unsigned i = 0; i < MANY + 100; i += 7) {
		struct str k = {key, num_format(key, i)};
		const struct table_wish wishes[TABLE_WISHES] = {
		    {t,    k             },
                    {none, k             },
                    {t,    {"", 0}       },
                    {t,    str_of("none")}
                };

		table_fetch(wishes, TABLE_WISHES);
		assert_int_equal(
		    table_find(t, k, NULL), i < MANY ? FOUND_YES : FOUND_NO);
	}
	table_close(t);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, folder_open, folder_close)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_added_is_found),
	    TEST(a_walk_goes_in_order_and_stops_when_told),
	    TEST(the_mode_is_kept_from_the_umask),
	    TEST(an_abandoned_table_leaves_the_old_one),
	    TEST(a_new_table_makes_the_open_one_stale),
	    TEST(a_damaged_file_is_no_table),
	    TEST(an_absent_file_and_a_folder_are_told_apart),
	    TEST(an_empty_table_is_a_table),
	    TEST(fetching_changes_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
