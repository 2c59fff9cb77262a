/* update: what is marked goes, the rest stays and is only ever moved whole. */
#include "pop3d/update.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "tests/unit/pop3d/box.h"
#include <errno.h>
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Open, mark the messages whose letters are in deleted and seen, commit. */
static bool
session(const struct box *b, const char *deleted, const char *seen)
{
	struct maildrop m;
	bool ok;

	assert_true(maildrop_open(&m, b->fd));
	for (size_t i = 0; i < m.count; i++) {
		char letter = m.messages[i].name[2]; /* of "1.a" */

		m.messages[i].deleted = strchr(deleted, letter) != NULL;
		m.messages[i].seen = strchr(seen, letter) != NULL;
	}
	ok = update_commit(&m);
	maildrop_close(&m);
	return ok;
}

static void
names_after_quit(void **state)
{
	static const struct {
		const char *before, *deleted, *seen, *after;
	} rows[] = {
	    {"new/1.a",        "",  "",  "cur/1.a:2,"    },
	    {"new/1.a",        "",  "a", "cur/1.a:2,S"   },
	    {"new/1.a",        "a", "",  NULL            },
	    {"new/1.a",        "a", "a", NULL            },
	    {"new/1.a:2,F",    "",  "a", "cur/1.a:2,FS"  },
	    {"new/1.a:1,odd",  "",  "a", "cur/1.a:1,odd" },
	    {"cur/1.a:2,",     "",  "",  "cur/1.a:2,"    },
	    {"cur/1.a:2,",     "",  "a", "cur/1.a:2,S"   },
	    {"cur/1.a:2,FRT",  "",  "a", "cur/1.a:2,FRST"},
	    {"cur/1.a:2,S",    "",  "a", "cur/1.a:2,S"   },
	    {"cur/1.a:2,STab", "",  "a", "cur/1.a:2,STab"},
	    {"cur/1.a:2,Tab",  "",  "a", "cur/1.a:2,STab"},
	    {"cur/1.a:odd",    "",  "a", "cur/1.a:odd"   },
	    {"cur/1.a",        "",  "",  "cur/1.a"       },
	    {"cur/1.a",        "",  "a", "cur/1.a:2,S"   },
	    {"cur/1.a:2,S",    "a", "",  NULL            },
	};
	const struct box *b = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct maildrop m;

		box_put(b, rows[i].before, "x\n");
		assert_true(session(b, rows[i].deleted, rows[i].seen));
		assert_true(maildrop_open(&m, b->fd));
		assert_int_equal(m.count, rows[i].after != NULL);
		maildrop_close(&m);
		if (rows[i].after == NULL)
			continue;
		assert_true(box_has(b, rows[i].after));
		assert_int_equal(unlinkat(b->fd, rows[i].after, 0), 0);
	}
}

static void
names_that_get_too_long_stay(void **state)
{
	char path[5 + 255] = "new/1.a";
	const struct box *b = *state;

	memset(path + 7, 'x', sizeof(path) - 8);
	path[sizeof(path) - 1] = '\0'; /* a name of 255 bytes */
	box_put(b, path, "x\n");
	assert_true(session(b, "", "a"));
	assert_true(box_has(b, path));
}

static void
no_file_is_replaced(void **state)
{
	const struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/1.a", "new\n");
	assert_true(maildrop_open(&m, b->fd));
	box_put(b, "cur/1.a:2,", "somebody else's\n");
	assert_true(update_commit(&m));
	assert_true(box_has(b, "new/1.a"));
	assert_true(box_has(b, "cur/1.a:2,"));
	maildrop_close(&m);
}

static void
two_sessions_lose_nothing(void **state)
{
	const struct box *b = *state;
	struct maildrop first, second;

	box_put(b, "new/1.a", "x\n");
	box_put(b, "new/2.b", "x\n");
	box_put(b, "new/3.c", "x\n");
	assert_true(maildrop_open(&first, b->fd));
	assert_true(maildrop_open(&second, b->fd));
	box_put(b, "new/4.d", "x\n");
	first.messages[0].deleted = true;
	second.messages[0].deleted = true;
	second.messages[1].deleted = true;
	assert_true(update_commit(&first));
	assert_true(box_has(b, "cur/2.b:2,"));
	/* 1.a is gone and 2.b has moved: both are as the second wants them. */
	assert_true(update_commit(&second));
	assert_false(box_has(b, "new/1.a") || box_has(b, "cur/1.a:2,"));
	assert_false(box_has(b, "new/2.b") || box_has(b, "cur/2.b:2,"));
	assert_true(box_has(b, "cur/3.c:2,"));
	assert_true(box_has(b, "new/4.d"));
	maildrop_close(&first);
	maildrop_close(&second);
}

static void
what_cannot_be_removed_is_told(void **state)
{
	const struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/1.a", "x\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(unlinkat(b->fd, "new/1.a", 0), 0);
	assert_int_equal(mkdirat(b->fd, "new/1.a", 0700), 0);
	m.messages[0].deleted = true;
	assert_false(update_commit(&m));
	assert_int_equal(errno, EISDIR);
	maildrop_close(&m);
}

/* What is removed is one line: sizes of names, and of files without one. */
static void
quotas_hear_of_what_is_removed(void **state)
{
	static const struct {
		const char *deleted, *after;
	} rows[] = {
	    {"",    "1000S\n500 5\n"         },
	    {"a",   "1000S\n500 5\n-100 -1\n"},
	    {"bc",  "1000S\n500 5\n-22 -2\n" },
	    {"abd", "1000S\n500 5\n-120 -3\n"},
	};
	const struct box *b = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct maildrop m;
		struct buf text = {0};

		box_put(b, "new/1.a,S=100", "x\n");
		box_put(b, "cur/2.b,S=20:2,S", "x\n");
		box_put(b, "new/3.c", "x\n");
		/* more than any file has */
		box_put(b, "new/4.d,S=18446744073709551615", "x\n");
		box_put(b, "maildirsize", "1000S\n500 5\n");
		assert_true(maildrop_open(&m, b->fd));
		m.quota_fd = openat(
		    b->fd, "maildirsize", O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_true(m.quota_fd >= 0);
		for (size_t k = 0; k < m.count; k++)
			m.messages[k].deleted =
			    strchr(rows[i].deleted, m.messages[k].name[2]) !=
			    NULL;
		assert_true(update_commit(&m));
		fd_close(&m.quota_fd);
		maildrop_close(&m);
		assert_true(fd_read_file(b->fd, "maildirsize", &text));
		assert_true(buf_terminate(&text));
		assert_string_equal(text.data, rows[i].after);
		buf_free(&text);
		assert_int_equal(unlinkat(b->fd, "maildirsize", 0), 0);
		/* Where nobody counts nothing is written. */
		assert_true(session(b, "abcd", ""));
		assert_false(box_has(b, "maildirsize"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		names_after_quit, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		names_that_get_too_long_stay, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		no_file_is_replaced, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		two_sessions_lose_nothing, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		what_cannot_be_removed_is_told, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		quotas_hear_of_what_is_removed, box_setup, box_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
