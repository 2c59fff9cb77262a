/* setup: instances made, made again, and refused.  It runs culver-setup. */
#include "lib/num.h"
#include "wire/queue.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/control/program.h"

static char base[] = "/var/tmp/culver-setup.XXXXXX";
static char home[64]; /* below base */

static int
run(const char *where, const char *more, const char *value)
{
	const char *const words[] = {"--private", "--domain", "example.test",
	    "--home", where, more, value, NULL};

	return program_run("setup", words, NULL);
}

static int
base_make(void **state)
{
	(void)state;
	(void)snprintf(base, sizeof base, "/var/tmp/culver-setup.XXXXXX");
	assert_non_null(mkdtemp(base));
	assert_int_equal(chmod(base, 0755), 0);
	(void)snprintf(home, sizeof home, "%s/home", base);
	return 0;
}

static int
base_remove(void **state)
{
	(void)state;
	program_remove_tree(base);
	return 0;
}

static struct stat
look(const char *path)
{
	char whole[PATH_MAX];
	struct stat st;

	(void)snprintf(whole, sizeof whole, "%s/%s", home, path);
	if (lstat(whole, &st) < 0)
		fail_msg("there is no %s", whole);
	return st;
}

static void
check_contents(const char *path, const char *want)
{
	char whole[PATH_MAX], got[128];
	ssize_t n;
	int fd;

	(void)snprintf(whole, sizeof whole, "%s/%s", home, path);
	fd = open(whole, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, got, sizeof got - 1);
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
	assert_int_equal(close(fd), 0);
}

static const struct {
	const char *path;
	mode_t mode;
} made[] = {
    {"bin/culver-setup",                       S_IFREG | 0755},
    {"doc/hier",			       S_IFREG | 0644},
    {"queue",				  S_IFDIR | 0771},
    {"queue/mess/0",			   S_IFDIR | 0771},
    {"queue/mess/63",			  S_IFDIR | 0771},
    {"queue/info/63",			  S_IFDIR | 0711},
    {"queue/hint",			     S_IFIFO | 0660},
    {"domains/example.test/alice/Maildir/new", S_IFDIR | 0700},
    {"users/passwd",			   S_IFREG | 0600},
    {"users/passwd.cdb",                       S_IFREG | 0600},
    {"users/rcpt.cdb",			 S_IFREG | 0644},
    {"service/smtpd/run",                      S_IFREG | 0755},
    {"service/smtpd/log/run",                  S_IFREG | 0755},
    {"service/.common",			S_IFREG | 0644},
    {"log/smtpd",			      S_IFDIR | 0750},
};

static void
an_instance_has_what_hier_says(void **state)
{
	uid_t owner;

	(void)state;
	assert_int_equal(run(home, "--user", "alice:secret"), 0);
	owner = look(".").st_uid;
	assert_true(owner != 0);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		struct stat st = look(made[i].path);

		if (st.st_mode != made[i].mode || st.st_uid != owner)
			fail_msg("%s has mode %o", made[i].path, st.st_mode);
	}
	check_contents("queue/format", "culver-queue 1\nsplit 64\n");
	check_contents("control/me", "mail.example.test\n");
	check_contents(
	    "control/rcpthosts", "example.test\nmail.example.test\n");
	check_contents("control/locals", "mail.example.test\n");
	check_contents("service/smtpd/env/LISTEN", "127.0.0.1:10025\n");
	check_contents("service/popup/env/LISTEN", "127.0.0.1:10110\n");
}

static void
a_second_run_adds_what_is_missing_and_changes_nothing(void **state)
{
	char path[PATH_MAX];
	struct stat before[sizeof made / sizeof *made];

	(void)state;
	assert_int_equal(run(home, "--user", "alice:secret"), 0);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		before[i] = look(made[i].path);
	(void)snprintf(path, sizeof path, "%s/control/me", home);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/queue/mess/7", home);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(run(home, "--split", "3"), 0);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		struct stat st = look(made[i].path);

		assert_int_equal(st.st_ino, before[i].st_ino);
		assert_int_equal(st.st_mode, before[i].st_mode);
		if (S_ISREG(st.st_mode))
			assert_int_equal(
			    st.st_mtim.tv_nsec, before[i].st_mtim.tv_nsec);
	}
	(void)look("control/me");
	(void)look("queue/mess/7");
	check_contents("queue/format", "culver-queue 1\nsplit 64\n");
}

static void
an_interrupted_setup_goes_on(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(run(home, "--user", "alice:secret"), 0);
	(void)snprintf(path, sizeof path, "%s/queue/format", home);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/queue/hint", home);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run(home, "--split", "64"), 0);
	(void)look("queue/hint");
	(void)look("queue/format");
}

static void
a_folder_of_something_else_is_refused(void **state)
{
	char path[PATH_MAX];
	int fd;

	(void)state;
	assert_int_equal(mkdir(home, 0755), 0);
	(void)snprintf(path, sizeof path, "%s/letter", home);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(run(home, NULL, NULL), 100);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(home), 0); /* nothing was made in it */
}

static void
a_folder_that_others_may_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(home, 0755), 0);
	assert_int_equal(chmod(home, 0777), 0);
	assert_int_equal(run(home, NULL, NULL), 100);
	assert_int_equal(rmdir(home), 0);
}

static void
a_home_that_its_account_cannot_reach_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(base, 0700), 0);
	assert_int_equal(run(home, NULL, NULL), 100);
	assert_int_equal(rmdir(home), 0); /* nothing was made in it */
}

static void
an_empty_folder_stays_its_owners(void **state)
{
	enum { SOMEBODY = 4711 };

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(home, 0755), 0);
	assert_int_equal(chown(home, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(run(home, NULL, NULL), 0);
	assert_int_equal(look(".").st_uid, SOMEBODY);
	assert_int_equal(look("users").st_uid, SOMEBODY);
}

/* Who owns a folder above could put another in HOME's place, and what root runs
 * in it would be his. */
static void
a_real_instance_below_anothers_folder_is_refused(void **state)
{
	enum { SOMEBODY = 4711 };
	static const struct {
		uid_t uid;
		mode_t mode;
	} rows[] = {
	    {SOMEBODY, 0755},
	    {0,        0777},
	};
	const char *const words[] = {
	    "--domain", "example.test", "--home", home, NULL};

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(chown(base, rows[i].uid, 0), 0);
		assert_int_equal(chmod(base, rows[i].mode), 0);
		assert_int_equal(program_run("setup", words, NULL), 100);
		assert_int_equal(access(home, F_OK), -1);
	}
}

static void
wrong_arguments_are_refused_before_anything_is_made(void **state)
{
	static const struct {
		const char *option, *value;
	} rows[] = {
	    {"--domain",    "no domain" },
	    {"--me",        "a..b"      },
	    {"--split",     "0"         },
	    {"--split",     "4097"      },
	    {"--split",     "8x"        },
	    {"--base-port", "999"       },
	    {"--base-port", "65000"     },
	    {"--user",      "alice"     },
	    {"--user",      ":secret"   },
	    {"--user",      "a/b:secret"},
	    {"--user",      "alice:"    },
	    {"--frob",      "x"         },
	    {"operand",     NULL        },
	};

	(void)state;
	assert_int_equal(run("relative/home", NULL, NULL), 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (run(home, rows[i].option, rows[i].value) != 100)
			fail_msg("accepted: %s", rows[i].option);
		assert_int_equal(access(home, F_OK), -1);
	}
}

static void
a_file_system_that_forgets_is_refused(void **state)
{
	char path[] = "/dev/shm/culver-setup.XXXXXX", inner[64];

	(void)state;
	if (mkdtemp(path) == NULL)
		skip();
	assert_int_equal(chmod(path, 0755), 0);
	(void)snprintf(inner, sizeof inner, "%s/home", path);
	assert_int_equal(run(inner, NULL, NULL), 100);
	assert_int_equal(rmdir(path), 0); /* home is gone again */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, base_make, base_remove)
	const struct CMUnitTest tests[] = {
	    TEST(an_instance_has_what_hier_says),
	    TEST(a_second_run_adds_what_is_missing_and_changes_nothing),
	    TEST(an_interrupted_setup_goes_on),
	    TEST(a_folder_of_something_else_is_refused),
	    TEST(a_folder_that_others_may_write_is_refused),
	    TEST(a_home_that_its_account_cannot_reach_is_refused),
	    TEST(an_empty_folder_stays_its_owners),
	    TEST(a_real_instance_below_anothers_folder_is_refused),
	    TEST(wrong_arguments_are_refused_before_anything_is_made),
	    TEST(a_file_system_that_forgets_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
