/* command: what a program gets, what its end means, and what it cannot do. */
#define _GNU_SOURCE /* memmem */
#include "local/command.h"

#include "lib/fd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT     "A: b\n\nhi\n"

static char folder[] = "/var/tmp/commandXXXXXX";
static int home_fd = -1;
static struct body body;
static struct buf said = {.max = COMMAND_SAID};
static struct report report;
static FILE *message;
static struct command_limits limits;
static unsigned grace;

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

static enum command_result
run_for(const char *line, unsigned seconds)
{
	static char path[] = "PATH=/usr/bin:/bin", one[] = "ONE=1";
	static char *const list[] = {path, one, NULL};
	const struct command c = {.line = str_of(line),
	    .list = list,
	    .home_fd = home_fd,
	    .body = &body,
	    .seconds = seconds,
	    .grace = grace,
	    .limits = limits,
	    .said = &said};

	buf_clear(&said);
	return command_run(&c, &report);
}

/* No test here waits so long. */
static enum command_result
run(const char *line)
{
	return run_for(line, 600);
}

static void
said_is(const char *want)
{
	assert_true(buf_terminate(&said));
	assert_string_equal(said.data, want);
}

static const struct end {
	const char *line;
	enum command_result want;
	char letter; /* where it failed */
	const char *status, *text;
} ends[] = {
    {"exit 0",		       COMMAND_DONE,   0,   NULL,    NULL           },
    {"",			     COMMAND_DONE,   0,   NULL,    NULL           },
    {"exit 99",		      COMMAND_LAST,   0,   NULL,    NULL           },
    {"echo no; exit 100",            COMMAND_FAILED, 'D', "5.3.0", "no\n"         },
    {"exit 64",		      COMMAND_FAILED, 'D', "5.3.0", "exit code 64" },
    {"exit 65",		      COMMAND_FAILED, 'D', "5.3.0", "exit code 65" },
    {"exit 70",		      COMMAND_FAILED, 'D', "5.3.0", "exit code 70" },
    {"exit 76",		      COMMAND_FAILED, 'D', "5.3.0", "exit code 76" },
    {"exit 77",		      COMMAND_FAILED, 'D', "5.3.0", "exit code 77" },
    {"exit 78",		      COMMAND_FAILED, 'D', "5.3.0", "exit code 78" },
    {"exit 112",		     COMMAND_FAILED, 'D', "5.3.0", "exit code 112"},
    {"exit 111",		     COMMAND_FAILED, 'Z', "4.3.0", "exit code 111"},
    {"exit 1",		       COMMAND_FAILED, 'Z', "4.3.0", "exit code 1"  },
    {"exit 63",		      COMMAND_FAILED, 'Z', "4.3.0", "exit code 63" },
    {"exit 66",		      COMMAND_FAILED, 'Z', "4.3.0", "exit code 66" },
    {"exit 75",		      COMMAND_FAILED, 'Z', "4.3.0", "exit code 75" },
    {"exit 98",		      COMMAND_FAILED, 'Z', "4.3.0", "exit code 98" },
    {"exit 255",		     COMMAND_FAILED, 'Z', "4.3.0", "exit code 255"},
    {"/nonexistent/program",         COMMAND_FAILED, 'Z', "4.3.0", "not found"    },
    {"kill -SEGV $$",                COMMAND_FAILED, 'Z', "4.3.0",
     "Aack, child crashed. (#4.3.0)\n"					    },
    {"echo x >&2; kill $$",          COMMAND_FAILED, 'Z', "4.3.0",
     "x\nAack, child crashed. (#4.3.0)\n"                                         },
    {"echo 'go (#5.7.1)'; exit 100", COMMAND_FAILED, 'D', "5.7.1",
     "go (#5.7.1)\n"							      },
    {"echo 'go (#5.7.1)'; exit 111", COMMAND_FAILED, 'Z', "4.3.0",
     "go (#5.7.1)\n"							      },
    {"echo 'go (#4.2.2)'; exit 111", COMMAND_FAILED, 'Z', "4.2.2",
     "go (#4.2.2)\n"							      },
    {"printf 'a\\000b'; exit 100",   COMMAND_FAILED, 'D', "5.3.0", "a\n"          },
};

static void
ends_as_qmail_has_them(void **state)
{
	(void)state;
	give(TEXT, strlen(TEXT));
	for (size_t i = 0; i < COUNT(ends); i++) {
		assert_int_equal(run(ends[i].line), ends[i].want);
		if (ends[i].want != COMMAND_FAILED)
			continue;
		assert_int_equal(report.letter, ends[i].letter);
		assert_string_equal(report.status, ends[i].status);
		assert_non_null(strstr(report.text, ends[i].text));
	}
}

/* The second program, too, is given all of it: nothing of a descriptor is
 * shared. */
static void
each_gets_its_own_copy_from_the_start(void **state)
{
	(void)state;
	give(TEXT, strlen(TEXT));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run("cat"), COMMAND_DONE);
		said_is(TEXT);
	}
	/* By head what is read too far is sought back. */
	assert_int_equal(run("head -n 1 >/dev/null; cat"), COMMAND_DONE);
	said_is("\nhi\n");
	assert_int_equal(
	    run("echo x 2>/dev/null >&0 || echo no"), COMMAND_DONE);
	said_is("no\n");
}

static void
a_large_message_is_whole(void **state)
{
	static char text[3000000];

	(void)state;
	memset(text, 'z', sizeof(text));
	give(text, sizeof(text));
	assert_int_equal(run("wc -c | tr -d ' '"), COMMAND_DONE);
	said_is("3000000\n");
}

static void
three_descriptors_and_no_more(void **state)
{
	int inherited = dup(home_fd);

	(void)state;
	assert_true(inherited > 2);
	give(TEXT, strlen(TEXT));
	/* 3 or so is ls's own. */
	assert_int_equal(
	    run("ls /proc/self/fd | sort -n | head -n 3 | tr '\n' ' '; "
		"ls /proc/self/fd | wc -l | tr -d ' '"),
	    COMMAND_DONE);
	said_is("0 1 2 4\n");
	assert_int_equal(close(inherited), 0);
}

static void
environment_and_folder_are_those_given(void **state)
{
	(void)state;
	give(TEXT, strlen(TEXT));
	assert_int_equal(run("env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD='"
			     " | sort; test -e here"),
	    COMMAND_FAILED);
	said_is("ONE=1\nPATH=/usr/bin:/bin\n");
	assert_int_equal(run("touch here"), COMMAND_DONE);
	assert_int_equal(unlinkat(home_fd, "here", 0), 0);
}

static void
much_output_is_cut(void **state)
{
	(void)state;
	give(TEXT, strlen(TEXT));
	assert_int_equal(
	    run("head -c 10000000 /dev/zero | tr '\\0' y; exit 100"),
	    COMMAND_FAILED);
	assert_int_equal(said.len, COMMAND_SAID);
	assert_int_equal(report.letter, 'D');
	assert_int_equal(strlen(report.text), COMMAND_SAID + 1);
}

/* A pipe whose one end is held by whoever the program started. */
static int
hold(void)
{
	int fd;

	assert_int_equal(mkfifoat(home_fd, "held", 0600), 0);
	fd = openat(home_fd, "held", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void
let_go(int fd)
{
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlinkat(home_fd, "held", 0), 0);
}

static void
who_is_left_behind_is_ended(void **state)
{
	static const struct {
		const char *line;
		enum command_result want;
	} cases[] = {
	    {"exec 9>held; trap '' TERM HUP; sleep 1000 & echo left",
             COMMAND_DONE							   },
	    {"exec 9>held; (sleep 1000 & sleep 1000) & exit 99",      COMMAND_LAST  },
	    {"exec 9>held; (yes & yes >&9) & exit 1",                 COMMAND_FAILED},
	};
	char bytes[4096];

	(void)state;
	give(TEXT, strlen(TEXT));
	for (size_t i = 0; i < COUNT(cases); i++) {
		int fd = hold();
		ssize_t n = 1;

		assert_int_equal(run(cases[i].line), cases[i].want);
		while (n > 0) {
			assert_true(fd_wait_read(fd, -1));
			n = read(fd, bytes, sizeof(bytes));
		}
		assert_int_equal(n, 0);
		let_go(fd);
	}
}

/* Those who end by themselves are not killed, and those who have gone their own
 * way are not of the group. */
static void
who_ends_in_time_may(void **state)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	int fd;

	(void)state;
	give(TEXT, strlen(TEXT));
	grace = 600;
	assert_int_equal(
	    run("(sleep 0.2; echo late; echo x >went) & echo left"),
	    COMMAND_DONE);
	said_is("left\nlate\n");
	assert_int_equal(unlinkat(home_fd, "went", 0), 0);
	grace = 0;
	assert_int_equal(mkfifoat(home_fd, "go", 0600), 0);
	assert_int_equal(
	    run("setsid sh -c 'echo >up; read x <go; echo $x >went' & "
		"until test -e up; do sleep 0.01; done"),
	    COMMAND_DONE);
	fd = openat(home_fd, "go", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, "x\n", 2));
	assert_int_equal(close(fd), 0);
	while (faccessat(home_fd, "went", F_OK, 0) != 0)
		(void)nanosleep(&nap, NULL);
	assert_int_equal(unlinkat(home_fd, "go", 0), 0);
	assert_int_equal(unlinkat(home_fd, "up", 0), 0);
	assert_int_equal(unlinkat(home_fd, "went", 0), 0);
}

static void
its_limits_are_those_given(void **state)
{
	(void)state;
	give(TEXT, strlen(TEXT));
	limits = (struct command_limits){.cpu = 77,
	    .memory = (uint64_t)512 << 20,
	    .files = 50,
	    .processes = 4000};
	assert_int_equal(
	    run("ulimit -t; ulimit -Ht; ulimit -d; ulimit -Hn"), COMMAND_DONE);
	said_is("77\n77\n524288\n50\n");
	assert_int_equal(
	    run("sed -n 's/^Max \\(processes\\|core file size\\) *//p' "
		"/proc/self/limits | tr -d ' a-z'"),
	    COMMAND_DONE);
	assert_non_null(memmem(said.data, said.len, "40004000", 8));
	limits = (struct command_limits){.cpu = 1};
	assert_int_equal(run("while :; do :; done"), COMMAND_FAILED);
	assert_string_equal(report.text, "Aack, child crashed. (#4.3.0)\n");
	limits = (struct command_limits){0};
}

/* Both ends of a pipe are gone only when all of the group are. */
static void
too_long_and_the_whole_group_is_killed(void **state)
{
	int fd = hold();
	char byte;

	(void)state;
	give(TEXT, strlen(TEXT));
	assert_int_equal(
	    run_for("exec 9>held; echo begun; trap '' TERM HUP; sleep 1000 & "
		    "sleep 1000; echo over",
		1),
	    COMMAND_FAILED);
	assert_int_equal(report.letter, 'Z');
	assert_string_equal(report.text,
	    "begun\nThe program took longer than 1 seconds. (#4.3.0)\n");
	assert_true(fd_wait_read(fd, -1));
	assert_int_equal(read(fd, &byte, 1), 0);
	let_go(fd);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
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
	buf_free(&said);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends_as_qmail_has_them),
	    cmocka_unit_test(each_gets_its_own_copy_from_the_start),
	    cmocka_unit_test(a_large_message_is_whole),
	    cmocka_unit_test(three_descriptors_and_no_more),
	    cmocka_unit_test(environment_and_folder_are_those_given),
	    cmocka_unit_test(much_output_is_cut),
	    cmocka_unit_test(who_is_left_behind_is_ended),
	    cmocka_unit_test(who_ends_in_time_may),
	    cmocka_unit_test(its_limits_are_those_given),
	    cmocka_unit_test(too_long_and_the_whole_group_is_killed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
