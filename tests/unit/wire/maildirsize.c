/* maildirsize: what is counted, when the file is believed and when it is made
 * anew; strangers' files; two writers and a crash. */
#include "wire/maildirsize.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/census.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WRITERS = 6, EACH = 60, MANY = 100000 };

static char folder[] = "/var/tmp/maildirsizeXXXXXX";
static int root_fd = -1;

/* A shell is short and this is a test. */
static void
run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (chdir(folder) == 0)
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
make_box(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	run("mkdir tmp new cur");
	root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -1 : 0;
}

static int
remove_box(void **state)
{
	(void)state;
	run("rm -rf ./* ./.[A-Za-z]*");
	assert_int_equal(rmdir(folder), 0);
	fd_close(&root_fd);
	memset(folder + strlen(folder) - 6, 'X', 6);
	return 0;
}

static struct maildirsize
box(uint64_t bytes, uint64_t messages)
{
	return (struct maildirsize){
	    .root_fd = root_fd,
	    .limits = {bytes, messages},
	    .trash = true,
	    .deadline = INT64_MAX,
	    .fd = -1
        };
}

static void
put_file(const char *name, const char *text)
{
	int fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, text, strlen(text)));
	fd_close(&fd);
}

static void
check_file(const char *want)
{
	struct buf b = {0};

	assert_true(fd_read_file(root_fd, QUOTA_NAME, &b));
	assert_true(buf_terminate(&b));
	assert_string_equal(b.data, want);
	buf_free(&b);
}

/* So that nothing has changed just now. */
static void
age(const char *what)
{
	char command[256];

	(void)snprintf(
	    command, sizeof(command), "touch -d '20 minutes ago' %s", what);
	run(command);
}

static struct quota
census(bool trash)
{
	struct census c;

	assert_true(census_take(root_fd, trash, INT64_MAX, &c));
	return c.use;
}

static void
names_tell_sizes_and_files_do_otherwise(void **state)
{
	struct quota use;

	(void)state;
	run("touch new/1.a.x,S=100 cur/2.b.x,S=20,W=21:2,S cur/3.c.x,S=7:2,T");
	use = census(true);
	assert_int_equal(use.bytes, 127);
	assert_int_equal(use.messages, 3);
	/* by their files */
	run("printf 12345 >new/4.d.x; printf 123 >'cur/5.e.x,S=x:2,'; "
	    "printf 12 >cur/6,S=99999999999999999999");
	use = census(true);
	assert_int_equal(use.bytes, 137);
	assert_int_equal(use.messages, 6);
	/* no messages */
	run("mkdir new/dir,S=50; mkfifo cur/fifo; ln -s /etc/passwd cur/link; "
	    "touch new/.hidden,S=9 tmp/7.f.x,S=1000");
	use = census(true);
	assert_int_equal(use.bytes, 137);
	assert_int_equal(use.messages, 6);
}

static void
folders_count_and_trash_as_it_is_wanted(void **state)
{
	struct quota use;

	(void)state;
	run("touch new/1,S=1; for f in .Sent .Sent.2025 .Trash; do "
	    "mkdir -p $f/new $f/cur $f/tmp; touch $f/cur/2,S=10:2,S; done; "
	    "mkdir -p plain/cur .half/cur; touch plain/cur/3,S=100 "
	    ".half/cur/4,S=100 .file");
	use = census(true);
	assert_int_equal(use.bytes, 131);
	assert_int_equal(use.messages, 5);
	use = census(false);
	assert_int_equal(use.bytes, 121);
	assert_int_equal(use.messages, 4);
	/* What leads elsewhere is not followed. */
	run("mkdir -p other/new other/cur; touch other/new/5,S=1000; "
	    "ln -s other .Link; mkdir .Part; ln -s ../other/new .Part/new; "
	    "ln -s . .Loop");
	assert_int_equal(census(true).bytes, 131);
}

static void
sizes_that_names_claim_do_not_overflow(void **state)
{
	struct maildirsize m = box(1000, 0);

	(void)state;
	run("touch new/1,S=18446744073709551615 new/2,S=18446744073709551615 "
	    "new/3,S=9223372036854775807");
	assert_true(census(true).bytes > (uint64_t)1 << 60);
	assert_int_equal(maildirsize_reserve(&m, 1), ROOM_NO);
	check_file("1000S\n1125899906842624 3\n");
}

static void
counting_gives_up_in_time(void **state)
{
	struct maildirsize m = box(1000, 0);
	struct census c;

	(void)state;
	run("touch new/1,S=1");
	assert_false(census_take(root_fd, true, clock_boot() - 1, &c));
	assert_int_equal(errno, ETIMEDOUT);
	m.deadline = clock_boot() - 1;
	assert_int_equal(maildirsize_reserve(&m, 1), ROOM_ERROR);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(faccessat(root_fd, QUOTA_NAME, F_OK, 0), -1);
	/* and leaves nothing behind */
	run("rmdir tmp && mkdir tmp");
}

/* Without a file all is counted; then a line a message is enough. */
static void
a_delivery_is_a_line(void **state)
{
	struct maildirsize m = box(1000, 5);

	(void)state;
	run("touch new/1,S=100");
	age("new cur");
	assert_int_equal(maildirsize_reserve(&m, 50), ROOM_YES);
	assert_int_equal(m.use.bytes, 150);
	assert_int_equal(m.use.messages, 2);
	check_file("1000S,5C\n100 1\n50 1\n");
	maildirsize_settle(&m);
	check_file("1000S,5C\n100 1\n50 1\n");
	m = box(1000, 5);
	assert_int_equal(maildirsize_reserve(&m, 20), ROOM_YES);
	maildirsize_return(&m, 20);
	check_file("1000S,5C\n100 1\n50 1\n20 1\n-20 -1\n");
	assert_int_equal(m.fd, -1);
}

static void
what_is_there_is_believed_or_counted(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
		enum room room;
		const char *after;
		bool old;
	} rows[] = {
  /* Five files of 100 bytes are there. */
	    {"1000S\n10 1\n",                900, ROOM_YES, "1000S\n10 1\n900 1\n",  false},
	    {"1000S\n10 1\n",                900, ROOM_YES, "1000S\n10 1\n900 1\n",  true },
	    {"1000S\n950 1\n",               100, ROOM_NO,  "1000S\n950 1\n",        false},
	    {"1000S\n950 1\n",               100, ROOM_YES, "1000S\n500 5\n100 1\n", true },
	    {"1000S\n900 1\n50 1\n",         100, ROOM_YES, "1000S\n500 5\n100 1\n",
             false									},
	    {"1000S\n900 1\n50 1\n",         600, ROOM_NO,  "1000S\n500 5\n",        false},
	    {"2000S\n10 1\n",                100, ROOM_YES, "1000S\n500 5\n100 1\n", false},
	    {"1000S,9C\n10 1\n",             100, ROOM_YES, "1000S\n500 5\n100 1\n", false},
	    {"1000S\n10 1\n-20 -1\n",        100, ROOM_YES, "1000S\n500 5\n100 1\n",
             false									},
	    {"1000S\n10 1\n5 ",              100, ROOM_YES, "1000S\n500 5\n100 1\n", false},
	    {"\001\002\377",                 100, ROOM_YES, "1000S\n500 5\n100 1\n", false},
	    {"",			     100, ROOM_YES, "1000S\n500 5\n100 1\n", false},
	    {"1000S\n99999999999999999 1\n", 100, ROOM_YES,
             "1000S\n500 5\n100 1\n",						false},
	};

	(void)state;
	run("for i in 1 2 3 4 5; do touch new/$i,S=100; done");
	age("new cur");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct maildirsize m = box(1000, 0);

		print_message("row %zu\n", i);
		put_file(QUOTA_NAME, rows[i].text);
		if (rows[i].old)
			age(QUOTA_NAME);
		assert_int_equal(
		    maildirsize_reserve(&m, rows[i].size), rows[i].room);
		check_file(rows[i].after);
		if (rows[i].room == ROOM_YES)
			maildirsize_settle(&m);
		assert_int_equal(m.fd, -1);
	}
}

static void
a_long_file_is_made_short(void **state)
{
	struct maildirsize m = box(1000000, 0);

	(void)state;
	age("new cur");
	put_file(QUOTA_NAME, "1000000S\n0 0\n");
	run("yes '1 1' | head -c 5200 >>maildirsize");
	assert_int_equal(maildirsize_reserve(&m, 7), ROOM_YES);
	maildirsize_settle(&m);
	check_file("1000000S\n0 0\n7 1\n");
}

/* Where no limits are granted the file's own hold, or others in their stead. */
static void
limits_may_be_the_files_own(void **state)
{
	static const struct {
		const char *text;
		struct quota otherwise;
		enum room room;
		const char *after;
	} rows[] = {
	    {NULL,             {0, 0},   ROOM_NO_QUOTA, NULL                },
	    {"1000S\n0 0\n",   {0, 0},   ROOM_YES,      "1000S\n0 0\n50 1\n"},
	    {"1000S\n999 9\n", {0, 0},   ROOM_NO,       "1000S\n999 9\n"    },
	    {"1000S\nx\n",     {0, 0},   ROOM_YES,      "1000S\n0 0\n50 1\n"},
	    {"0S\n0 0\n",      {0, 0},   ROOM_NO_QUOTA, "0S\n0 0\n"         },
	    {"junk\n0 0\n",    {0, 0},   ROOM_NO_QUOTA, "junk\n0 0\n"       },
	    {"",               {0, 0},   ROOM_NO_QUOTA, ""                  },
	    {"1000S\n0 0\n",   {40, 0},  ROOM_YES,      "1000S\n0 0\n50 1\n"},
	    {"0S\n0 0\n",      {40, 0},  ROOM_NO,       "40S\n0 0\n"        },
	    {"junk\n",         {400, 0}, ROOM_YES,      "400S\n0 0\n50 1\n" },
	    {NULL,             {400, 0}, ROOM_YES,      "400S\n0 0\n50 1\n" },
	};

	(void)state;
	age("new cur");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct maildirsize m = box(0, 0);

		print_message("row %zu\n", i);
		run("rm -f maildirsize");
		if (rows[i].text != NULL)
			put_file(QUOTA_NAME, rows[i].text);
		m.otherwise = rows[i].otherwise;
		assert_int_equal(maildirsize_reserve(&m, 50), rows[i].room);
		if (rows[i].after != NULL)
			check_file(rows[i].after);
		if (rows[i].room == ROOM_YES)
			maildirsize_settle(&m);
		assert_int_equal(m.fd, -1);
	}
}

static void
no_stranger_is_written_to(void **state)
{
	static const char *const plants[] = {
	    "mkfifo maildirsize",
	    "ln -s ../victim maildirsize",
	    "ln -s nowhere maildirsize",
	    "ln -s maildirsize maildirsize",
	    "ln victim maildirsize",
	    "truncate -s 1T maildirsize",
	    "head -c 100000 /dev/urandom >maildirsize",
	};

	(void)state;
	run("echo 1000S >victim; echo 0 0 >>victim");
	age("new cur");
	for (size_t i = 0; i < COUNT(plants); i++) {
		struct maildirsize m = box(1000, 0);
		struct buf victim = {0};

		print_message("%s\n", plants[i]);
		run("rm -f maildirsize");
		run(plants[i]);
		assert_int_equal(maildirsize_reserve(&m, 5), ROOM_YES);
		maildirsize_settle(&m);
		check_file("1000S\n0 0\n5 1\n");
		assert_true(fd_read_file(root_fd, "victim", &victim));
		assert_true(
		    str_equal(buf_str(&victim), str_of("1000S\n0 0\n")));
		buf_free(&victim);
		assert_true(maildirsize_open(root_fd, O_RDONLY) >= 0);
	}
}

static void
what_cannot_be_replaced_is_trouble(void **state)
{
	struct maildirsize m = box(1000, 0);

	(void)state;
	run("mkdir maildirsize");
	assert_int_equal(maildirsize_reserve(&m, 5), ROOM_ERROR);
	run("rmdir maildirsize && mv tmp aside && ln -s aside tmp");
	m = box(1000, 0);
	assert_int_equal(maildirsize_reserve(&m, 5), ROOM_ERROR);
	run("rm tmp && mv aside tmp && rmdir tmp && mkdir tmp");
	run("rm -rf cur && ln -s new cur");
	m = box(1000, 0);
	assert_int_equal(maildirsize_reserve(&m, 5), ROOM_ERROR);
}

/* The last room is one writer's, however they come to append. */
static void
the_first_line_has_the_last_room(void **state)
{
	struct maildirsize a = box(1000, 0), b = box(1000, 0);

	(void)state;
	put_file(QUOTA_NAME, "1000S\n900 9\n");
	assert_int_equal(
	    maildirsize_look(&a, 100, O_RDWR | O_APPEND), ROOM_YES);
	assert_int_equal(maildirsize_reserve(&b, 100), ROOM_YES);
	maildirsize_settle(&b);
	fd_close(&a.fd);
	a = box(1000, 0);
	/* The other's line was there before it looked: all is counted. */
	run("for i in 1 2 3 4 5 6 7 8 9 10; do touch new/$i,S=100; done");
	age("new cur");
	assert_int_equal(maildirsize_reserve(&a, 100), ROOM_NO);
	check_file("1000S\n1000 10\n");
}

/* A recount came between the line and the file, and may have missed it. */
static void
a_line_in_a_file_that_was_replaced_spoils_the_new_one(void **state)
{
	struct maildirsize a = box(1000, 0), b = box(1000, 0);
	bool written;

	(void)state;
	age("new cur");
	assert_int_equal(maildirsize_reserve(&a, 100), ROOM_YES);
	assert_true(maildirsize_recount(&b, &written));
	assert_true(written);
	check_file("1000S\n0 0\n");
	run("touch new/1,S=100");
	maildirsize_settle(&a);
	check_file("1000S\n0 0\n" QUOTA_SPOIL);
	age("new cur");
	a = box(1000, 0);
	assert_int_equal(maildirsize_reserve(&a, 1), ROOM_YES);
	maildirsize_settle(&a);
	check_file("1000S\n100 1\n1 1\n");
}

/* One process of many: deliveries, some of which are given back, and recounts. */
static void
deliver_some(int who)
{
	for (int i = 0; i < EACH; i++) {
		struct maildirsize m = box(1000000, 0);
		char name[64];
		bool written;
		int fd;

		if (i % 9 == who && !maildirsize_recount(&m, &written))
			_exit(1);
		if (maildirsize_reserve(&m, 10) != ROOM_YES)
			_exit(2);
		if (i % 7 == 0) {
			maildirsize_return(&m, 10);
			continue;
		}
		(void)snprintf(name, sizeof(name), "new/%d.%d.x,S=10", who, i);
		fd = openat(root_fd, name, O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			_exit(3);
		fd_close(&fd);
		maildirsize_settle(&m);
	}
	_exit(0);
}

/* Whatever they did to each other, the file says what is there, or that it is
 * not to be believed. */
static void
many_writers_leave_it_right_or_recountable(void **state)
{
	struct maildirsize m = box(1000000, 0);
	struct quota there;
	pid_t pids[WRITERS];
	enum room room;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			deliver_some(i);
		assert_true(pids[i] > 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	there = census(true);
	room = maildirsize_look(&m, 0, O_RDONLY);
	fd_close(&m.fd);
	if (room != ROOM_UNKNOWN) {
		assert_int_equal(m.use.bytes, there.bytes);
		assert_int_equal(m.use.messages, there.messages);
	}
	age("new cur");
	m = box(1000000, 0);
	assert_int_equal(maildirsize_reserve(&m, 0), ROOM_YES);
	assert_int_equal(m.use.bytes, there.bytes);
	maildirsize_return(&m, 0);
}

/* Memory of fixed size, no look at a file, and no time that a delivery would
 * notice. */
static void
a_hundred_thousand_are_counted_by_their_names(void **state)
{
	struct rusage before, after;
	struct quota use;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s/%d.q.x,S=1000",
		    i % 2 == 0 ? "new" : "cur", i);
		if (i == 0 ||
		    linkat(root_fd, "new/0.q.x,S=1000", root_fd, name, 0) != 0)
			put_file(name, "");
	}
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	use = census(true);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_int_equal(use.messages, MANY);
	assert_int_equal(use.bytes, (uint64_t)MANY * 1000);
	assert_true(after.ru_maxrss - before.ru_maxrss < 1024);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_box, remove_box)
	const struct CMUnitTest tests[] = {
	    TEST(names_tell_sizes_and_files_do_otherwise),
	    TEST(folders_count_and_trash_as_it_is_wanted),
	    TEST(sizes_that_names_claim_do_not_overflow),
	    TEST(counting_gives_up_in_time),
	    TEST(a_delivery_is_a_line),
	    TEST(what_is_there_is_believed_or_counted),
	    TEST(a_long_file_is_made_short),
	    TEST(limits_may_be_the_files_own),
	    TEST(no_stranger_is_written_to),
	    TEST(what_cannot_be_replaced_is_trouble),
	    TEST(the_first_line_has_the_last_room),
	    TEST(a_line_in_a_file_that_was_replaced_spoils_the_new_one),
	    TEST(many_writers_leave_it_right_or_recountable),
	    TEST(a_hundred_thousand_are_counted_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
