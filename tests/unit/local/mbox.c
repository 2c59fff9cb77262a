/* mbox: what is appended, byte by byte, and what is left when that fails. */
#define _DEFAULT_SOURCE /* flock */
#include "local/mbox.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/env.h"
#include "lib/fd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FROM     "From s@x Sat Nov 21 02:50:20 2026\n"
#define PREFIX   "Return-Path: <s@x>\nDelivered-To: a@b\n"

static char folder[] = "/var/tmp/mboxXXXXXX";
static int home_fd = -1;
static struct body body;
static struct report report;
static FILE *message;

static void
give(const char *text, size_t len)
{
	if (message != NULL)
		assert_int_equal(fclose(message), 0);
	message = tmpfile();
	assert_non_null(message);
	assert_true(fd_write_all(fileno(message), text, len));
	body_open(&body, fileno(message), 0, len);
}

static bool
deliver(const char *path)
{
	const struct mbox_mail m = {
	    .from = str_of(FROM), .prefix = str_of(PREFIX), .body = &body};

	return mbox_deliver(home_fd, str_of(path), &m, &report);
}

static void
holds(const char *want)
{
	struct buf got = {0};

	assert_true(fd_read_file(home_fd, "box", &got));
	assert_true(buf_terminate(&got));
	assert_string_equal(got.data, want);
	buf_free(&got);
}

static const struct row {
	const char *body, *want;
} rows[] = {
    {"A: b\n\nhi\n",                "A: b\n\nhi\n\n"                 },
    {"A: b\n\nhi",                  "A: b\n\nhi\n\n"                 },
    {"",			    "\n"			     },
    {"\n",			  "\n\n"			   },
    {"A: b\n\nFrom x\n",            "A: b\n\n>From x\n\n"            },
    {"A: b\n\n>From x\n>>From y\n", "A: b\n\n>>From x\n>>>From y\n\n"},
    {"From \n",		     ">From \n\n"                     },
    {"From ",		       ">From \n\n"                     },
    {"Fro",			 "Fro\n\n"			},
    {"From",			"From\n\n"		       },
    {"From:\nfrom x\n From x\n",    "From:\nfrom x\n From x\n\n"     },
    {">>>\n>From\n>\n",             ">>>\n>From\n>\n\n"              },
    {"FFrom x\nx From y\n",         "FFrom x\nx From y\n\n"          },
    {"a\r\nFrom b\r\n",             "a\r\n>From b\r\n\n"             },
};

static void
lines_that_look_like_the_first_are_quoted(void **state)
{
	char want[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		give(rows[i].body, strlen(rows[i].body));
		assert_true(deliver("./box"));
		(void)snprintf(
		    want, sizeof(want), FROM PREFIX "%s", rows[i].want);
		holds(want);
		assert_int_equal(unlinkat(home_fd, "box", 0), 0);
	}
}

/* Wherever the line begins in a window of the body. */
static void
quoted_across_windows(void **state)
{
	static char text[BODY_WINDOW + 64];
	const struct str quoted = str_of("\n>From y\n");

	(void)state;
	for (size_t at = BODY_WINDOW - 10; at < BODY_WINDOW + 3; at++) {
		struct buf got = {0};
		const char *found;

		memset(text, 'x', sizeof(text));
		memcpy(text + at - 1, quoted.data, quoted.len);
		give(text, sizeof(text));
		assert_true(deliver("box"));
		assert_true(fd_read_file(home_fd, "box", &got));
		assert_true(buf_terminate(&got));
		assert_int_equal(
		    got.len, sizeof(FROM PREFIX) - 1 + sizeof(text) + 1 + 2);
		found = strstr(got.data, "x\n>>From y\nx");
		assert_non_null(found);
		buf_free(&got);
		assert_int_equal(unlinkat(home_fd, "box", 0), 0);
	}
}

static void
one_message_behind_the_other(void **state)
{
	(void)state;
	give("a\n", 2);
	assert_true(deliver("./box"));
	assert_true(deliver("./box"));
	holds(FROM PREFIX "a\n\n" FROM PREFIX "a\n\n");
	assert_int_equal(unlinkat(home_fd, "box", 0), 0);
}

/* What was there before, and what is before the next message then. */
static void
a_message_that_was_cut_off_ends_before_the_next(void **state)
{
	static const struct {
		const char *before, *ends;
	} files[] = {
	    {"From x\n\npart of a li", "\n\n"},
            {"From x\n\na\n",          "\n"  },
	    {"x",		      "\n\n"},
            {"\n",                     ""    },
            {"a\n\n",                  ""    }
        };
	char want[256];

	(void)state;
	give("a\n", 2);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_true(fd_replace_file(
		    home_fd, "box", str_of(files[i].before), 0600));
		assert_true(deliver("box"));
		(void)snprintf(want, sizeof(want), "%s%s" FROM PREFIX "a\n\n",
		    files[i].before, files[i].ends);
		holds(want);
		assert_int_equal(unlinkat(home_fd, "box", 0), 0);
	}
}

/* A limit of size is met like a full disk. */
static void
cut_back_when_it_fails(void **state)
{
	static char large[100000];
	struct rlimit before, small;

	(void)state;
	memset(large, 'y', sizeof(large));
	give("a\n", 2);
	assert_true(deliver("box"));
	give(large, sizeof(large));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){70000, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(deliver("box"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(report.letter, 'Z');
	assert_non_null(strstr(report.text, "Unable to write box: "));
	holds(FROM PREFIX "a\n\n");
	assert_int_equal(unlinkat(home_fd, "box", 0), 0);
}

static void
what_is_no_file_waits(void **state)
{
	static const char *const paths[] = {
	    "./fifo", "./folder", "/dev/null", "./none/box"};

	(void)state;
	assert_int_equal(mkfifoat(home_fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(home_fd, "folder", 0700), 0);
	give("a\n", 2);
	for (size_t i = 0; i < COUNT(paths); i++) {
		assert_false(deliver(paths[i]));
		assert_int_equal(report.letter, 'Z');
	}
	assert_int_equal(unlinkat(home_fd, "fifo", 0), 0);
	assert_int_equal(unlinkat(home_fd, "folder", AT_REMOVEDIR), 0);
}

/* Another makes the clock run ahead, a second at a time. */
static pid_t
hasten(int fd)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	char text[CLOCK_FILE_SIZE + 1];
	pid_t pid = fork();

	for (long long boot = 0; pid == 0; boot += CLOCK_SECOND) {
		(void)snprintf(
		    text, sizeof(text), "%+020lld\n%+020lld\n", 0LL, boot);
		if (!fd_pwrite_all(fd, text, CLOCK_FILE_SIZE, 0))
			_exit(1);
		(void)nanosleep(&nap, NULL);
	}
	return pid;
}

static int
make_clock(void)
{
	char path[64];
	int fd = openat(home_fd, "clock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(
	    fd_pwrite_all(fd, "+0000000000000000000\n+0000000000000000000\n",
		CLOCK_FILE_SIZE, 0));
	(void)snprintf(path, sizeof(path), "%s/clock", folder);
	env_set("CULVER_CLOCK", path);
	clock_open();
	return fd;
}

static void
locked_by_another_for_too_long_waits(void **state)
{
	int fd = openat(home_fd, "box", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int clock_fd = make_clock();
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	give("a\n", 2);
	pid = hasten(clock_fd);
	assert_true(pid > 0);
	assert_false(deliver("./box"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(report.text,
	    "File has been locked for 30 seconds straight. (#4.3.0)\n");
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_true(deliver("./box"));
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(clock_fd), 0);
	assert_int_equal(unlinkat(home_fd, "box", 0), 0);
	assert_int_equal(unlinkat(home_fd, "clock", 0), 0);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -1;
	home_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return home_fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (message != NULL)
		(void)fclose(message);
	(void)close(home_fd);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_that_look_like_the_first_are_quoted),
	    cmocka_unit_test(quoted_across_windows),
	    cmocka_unit_test(one_message_behind_the_other),
	    cmocka_unit_test(a_message_that_was_cut_off_ends_before_the_next),
	    cmocka_unit_test(cut_back_when_it_fails),
	    cmocka_unit_test(what_is_no_file_waits),
	    cmocka_unit_test(locked_by_another_for_too_long_waits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
