/* space: room as maildirsize says it, or as files do; nothing is written. */
#include "local/space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOX      "domains/x.test/ann/Maildir"

static char folder[] = "/var/tmp/spaceXXXXXX";
static struct spaces spaces;

/* A shell is short and this is a test. */
static void
run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	run("rm -rf ./*");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

static enum found
ask(uint64_t bytes, uint64_t messages, uint64_t size)
{
	const struct user_record r = {
	    .quota = bytes,
	    .messages = messages,
	    .address = {"ann@x.test", 10}
        };

	return space_find(&spaces, &r, true, size);
}

static void
make_box(void)
{
	memset(&spaces, 0, sizeof(spaces));
	run("rm -rf domains; mkdir -p " BOX "/new " BOX "/cur " BOX "/tmp; "
	    "touch " BOX "/new/1,S=100 " BOX "/cur/2,S=200");
}

static void
room_is_what_is_believed(void **state)
{
	static const struct {
		const char *prepare; /* in the Maildir */
		uint64_t bytes, messages, size;
		enum found found;
	} rows[] = {
	    {"true",				       0,    0, UINT64_MAX, FOUND_YES},
	    {"true",				       300,  0, 0,          FOUND_YES},
	    {"true",				       300,  0, 1,          FOUND_NO },
	    {"true",				       1000, 0, 700,        FOUND_YES},
	    {"true",				       1000, 0, 701,        FOUND_NO },
	    {"true",				       1000, 0, UINT64_MAX, FOUND_NO },
	    {"true",				       0,    2, 0,          FOUND_NO },
	    {"true",				       0,    3, UINT64_MAX, FOUND_YES},
	    {"printf '1000S\n950 1\n' >maildirsize",       1000, 0, 100,        FOUND_NO },
	    {"printf '1000S\n10 1\n' >maildirsize",        1000, 0, 990,        FOUND_YES},
	    {"printf '1000S\n900 1\n50 1\n' >maildirsize", 1000, 0, 100,
             FOUND_YES								   },
	    {"printf '1000S\n900 1\n50 1\n' >maildirsize", 1000, 0, 900,
             FOUND_NO								    },
	    {"printf '9S\n0 0\n' >maildirsize",            1000, 0, 700,        FOUND_YES},
	    {"mkfifo maildirsize",                         1000, 0, 701,        FOUND_NO },
	    {"ln -s /dev/zero maildirsize",                1000, 0, 700,        FOUND_YES},
	    {"mkdir maildirsize",                          1000, 0, 701,        FOUND_NO },
	    {"cd ..; rm -r Maildir",                       1000, 0, 701,        FOUND_YES},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char command[256];

		make_box();
		(void)snprintf(command, sizeof(command), "cd " BOX " && %s",
		    rows[i].prepare);
		run(command);
		run("ls -lR domains >before");
		if (ask(rows[i].bytes, rows[i].messages, rows[i].size) !=
		    rows[i].found)
			fail_msg("row %zu", i);
		run("ls -lR domains | cmp - before");
	}
}

/* Until maildirsize changes: whoever removes something says so there. */
static void
a_count_is_remembered(void **state)
{
	(void)state;
	make_box();
	run("printf '500S\\n450 1\\n0 0\\n' >" BOX "/maildirsize");
	assert_int_equal(ask(500, 0, 201), FOUND_NO);
	run("rm " BOX "/cur/2,S=200");
	assert_int_equal(ask(500, 0, 201), FOUND_NO);
	run("echo 1 0 >>" BOX "/maildirsize");
	assert_int_equal(ask(500, 0, 201), FOUND_YES);
}

static void
mail_that_is_forwarded_needs_no_room(void **state)
{
	struct user_record r = {
	    .quota = 1,
	    .forward = {"bob@x.test", 10},
	    .address = {"ann@x.test", 10}
        };

	(void)state;
	make_box();
	assert_int_equal(space_find(&spaces, &r, true, 5), FOUND_YES);
	r.flags = USER_KEEP;
	assert_int_equal(space_find(&spaces, &r, true, 5), FOUND_NO);
}

/* Whoever asks much has what it costs bounded. */
static void
after_a_long_count_none_is_begun(void **state)
{
	(void)state;
	make_box();
	spaces.next = INT64_MAX;
	assert_int_equal(ask(300, 0, 1), FOUND_ERROR);
	spaces.next = 0;
	assert_int_equal(ask(300, 0, 1), FOUND_NO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(room_is_what_is_believed),
	    cmocka_unit_test(a_count_is_remembered),
	    cmocka_unit_test(mail_that_is_forwarded_needs_no_room),
	    cmocka_unit_test(after_a_long_count_none_is_begun),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
