/* drop: who a program is after it, and what a second drop adds.  What a jail
 * allows is tested with os_linux and os_linux_calls. */
#define _GNU_SOURCE
#include "tests/unit/lib/jail.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { STRANGER = 12345 };

static bool
needs_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("skipped: only root can become somebody else\n");
	return false;
}

/* Who the process is, in answers: ids, then the groups ended by -1. */
static void
answer_who(void)
{
	uid_t uid[3];
	gid_t gid[3], groups[32];
	int n = getgroups(32, groups);

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) != 0 || n < 0)
		_exit(1);
	for (int i = 0; i < 3; i++) {
		answers[i] = (int)uid[i];
		answers[3 + i] = (int)gid[i];
	}
	for (int i = 0; i < n; i++)
		answers[6 + i] = (int)groups[i];
	answers[6 + n] = -1;
}

static int
drop_and_answer(const void *context)
{
	drop_to(context);
	answer_who();
	return setuid(0) == 0 && setgid(0) == 0 ? 0 : 2;
}

static void
expect_ids(uid_t uid, gid_t gid)
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(answers[i], uid);
		assert_int_equal(answers[3 + i], gid);
	}
}

static int
exit_status(int status)
{
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
root_becomes_the_owner_of_a_private_instance(void **state)
{
	const struct drop rows[] = {
	    {.account = ACCOUNT_QUEUE},
	    {			.account = ACCOUNT_ROOT                       },
	    { .account = ACCOUNT_SMTPD,                        .group = GROUP_MESSAGES},
	};

	(void)state;
	if (!needs_root())
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    exit_status(in_child(drop_and_answer, &rows[i])), 2);
		expect_ids(SOMEBODY, SOMEBODY);
		assert_int_equal(answers[6], SOMEBODY);
		assert_int_equal(answers[7], -1);
	}
}

/* The owner of a private instance, with whatever group he works just now. */
static int
be_the_owner_and_drop(const void *context)
{
	gid_t gid = geteuid() == 0 ? STRANGER : getgid();

	if (geteuid() == 0 && !os_become(home_owner(), gid, &gid, 1))
		return 1;
	drop_to(context);
	answer_who();
	return 0;
}

static void
the_owner_stays_as_he_is(void **state)
{
	const struct drop d = {
	    .account = ACCOUNT_SEND, .group = GROUP_MESSAGES};
	gid_t gid = geteuid() == 0 ? STRANGER : getgid();

	(void)state;
	assert_int_equal(exit_status(in_child(be_the_owner_and_drop, &d)), 0);
	expect_ids(home_owner(), gid);
}

static int
be_a_stranger_and_drop(const void *context)
{
	const gid_t gid = STRANGER;

	if (!os_become(STRANGER, STRANGER, &gid, 1))
		return 1;
	drop_to(context);
	answer_who();
	return 0;
}

static void
a_stranger_cannot_run_what_has_an_account(void **state)
{
	const struct drop queue = {.account = ACCOUNT_QUEUE},
			  caller = {.account = ACCOUNT_SELF};

	(void)state;
	if (!needs_root())
		skip();
	assert_int_equal(
	    exit_status(in_child(be_a_stranger_and_drop, &queue)), EXIT_TEMP);
	assert_int_equal(
	    exit_status(in_child(be_a_stranger_and_drop, &caller)), 0);
	expect_ids(STRANGER, STRANGER);
}

/* The same folder, root's for as long as the child lives. */
static int
in_real_instance(const void *context)
{
	gid_t groups[] = {0, 1, 2, 3};

	if (chown(home_path(), 0, 0) != 0 || setgroups(4, groups) != 0)
		return 1;
	home_enter();
	if (home_private())
		return 1;
	return drop_and_answer(context);
}

static int
status_in_real_instance(const struct drop *d)
{
	int status = in_child(in_real_instance, d);

	assert_int_equal(chown(home_path(), SOMEBODY, SOMEBODY), 0);
	return exit_status(status);
}

static void
root_that_stays_root_loses_its_groups(void **state)
{
	const struct drop d = {.account = ACCOUNT_ROOT};

	(void)state;
	if (!needs_root())
		skip();
	assert_int_equal(status_in_real_instance(&d), 0);
	expect_ids(0, 0);
	assert_int_equal(answers[6], 0);
	assert_int_equal(answers[7], -1);
}

/* Accounts of our own, seen by this child alone. */
static bool
have_accounts(void)
{
	static const struct {
		const char *file, *over, *text;
	} rows[] = {
	    {"passwd", "/etc/passwd",
             "root:x:0:0::/:/bin/sh\nculverq:x:5001:5002::/:/bin/false\n"},
	    {"group",  "/etc/group",
             "root:x:0:\nculverq:x:5002:\nculverm:x:5003:\n"
		"culveradm:x:5004:culverq\n"                             },
	};

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	for (size_t i = 0; i < 2; i++) {
		int fd = open(rows[i].file, O_WRONLY | O_CREAT, 0644);

		if (!fd_write_all(fd, rows[i].text, strlen(rows[i].text)) ||
		    close(fd) != 0 ||
		    mount(rows[i].file, rows[i].over, NULL, MS_BIND, NULL) != 0)
			return false;
	}
	return true;
}

static int
in_real_instance_with_accounts(const void *context)
{
	return have_accounts() ? in_real_instance(context) : 77;
}

static bool
answered_group(gid_t gid)
{
	for (int i = 6; answers[i] != -1; i++)
		if (answers[i] == (int)gid)
			return true;
	return false;
}

/* culveradm, of which /etc/group makes it a member, is not among them. */
static void
root_becomes_the_account_and_has_its_groups_alone(void **state)
{
	static const struct {
		const char *group;
		gid_t gid;
	} rows[] = {
	    {NULL,           5002},
	    {GROUP_MESSAGES, 5003},
	};

	(void)state;
	if (!needs_root())
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct drop d = {
		    .account = ACCOUNT_QUEUE, .group = rows[i].group};
		int status =
		    exit_status(in_child(in_real_instance_with_accounts, &d));

		(void)unlink("passwd");
		(void)unlink("group");
		if (chown(home_path(), SOMEBODY, SOMEBODY) != 0)
			fail();
		if (status == 77) {
			print_message("skipped: no mount namespace here\n");
			skip();
		}
		assert_int_equal(status, 2);
		for (int n = 0; n < 3; n++) {
			assert_int_equal(answers[n], 5001);
			assert_int_equal(answers[3 + n], rows[i].gid);
		}
		assert_true(answered_group(5002) && answered_group(5003));
		for (int n = 6; answers[n] != -1; n++)
			assert_in_range(answers[n], 5002, 5003);
	}
}

/* As a listener and then its worker do it. */
static int
drop_as_a_worker(const void *context)
{
	if (!have_accounts())
		return 77;
	if (chown(home_path(), 0, 0) != 0)
		return 1;
	home_enter();
	drop_to(context);
	drop_to(context);
	answer_who();
	return 0;
}

static void
second_drop_needs_no_passwd_file(void **state)
{
	const struct drop d = {
	    .account = ACCOUNT_QUEUE, .group = GROUP_MESSAGES, .jailed = true};
	int status;

	(void)state;
	if (!needs_root())
		skip();
	status = exit_status(in_child(drop_as_a_worker, &d));
	(void)unlink("passwd");
	(void)unlink("group");
	if (chown(home_path(), SOMEBODY, SOMEBODY) != 0)
		fail();
	if (status == 77) {
		print_message("skipped: no mount namespace here\n");
		skip();
	}
	assert_int_equal(status, 0);
	expect_ids(5001, 5003);
}

static void
what_cannot_be_found_is_fatal(void **state)
{
	const struct drop d = {
	    .account = ACCOUNT_ROOT, .group = "no-such-group-here"};

	(void)state;
	if (!needs_root())
		skip();
	assert_int_equal(status_in_real_instance(&d), EXIT_TEMP);
}

static int
drop_and_answer_state(const void *context)
{
	struct rlimit core;

	drop_to(context);
	answers[0] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	answers[1] = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	answers[2] =
	    getrlimit(RLIMIT_CORE, &core) == 0 ? (int)core.rlim_max : -1;
	answers[3] = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
	return 0;
}

/* Those who run other people's programs are hidden, and nothing else. */
static void
only_a_jail_takes_privileges_and_files(void **state)
{
	const struct drop jail = {.account = ACCOUNT_QUEUE, .jailed = true},
			  none = {.account = ACCOUNT_QUEUE};

	(void)state;
	assert_int_equal(in_child(drop_and_answer_state, &jail), 0);
	assert_int_equal(answers[0], 1);
	assert_int_equal(answers[1], 0);
	assert_int_equal(answers[2], 0);
	assert_int_not_equal(answers[3], 0);
	assert_int_equal(in_child(drop_and_answer_state, &none), 0);
	assert_int_equal(answers[0], 0);
	assert_int_equal(answers[1], 0);
	assert_int_equal(answers[2], 0);
	assert_int_equal(answers[3], 0);
}

static int
drop_twice(const void *context)
{
	const struct drop_path all[] = {
	    {"/",  PATH_READ | PATH_WRITE},
            {NULL, 0                     }
        };
	const struct drop_path some[] = {
	    {".",  PATH_READ | PATH_WRITE},
            {NULL, 0                     }
        };
	const struct drop first = {.account = ACCOUNT_SMTPD,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_WRITE | PROMISE_FORK,
	    .paths = all};
	const struct drop second = {.account = ACCOUNT_SMTPD,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_INET,
	    .paths = some};

	(void)context;
	drop_to(&first);
	answers[0] = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
	answers[1] = open("file", O_RDWR) < 0 ? errno : 0;
	if (fork() == 0) {
		drop_to(&second);
		answers[2] = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
		answers[3] = open("file", O_RDONLY) < 0 ? errno : 0;
		answers[4] = open("file", O_RDWR) < 0 ? errno : 0;
		answers[5] = socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
		_exit(0);
	}
	(void)wait(NULL);
	answers[6] = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
	return 0;
}

/* A listener, then its worker: less of everything, and never more. */
static void
a_second_drop_only_takes_away(void **state)
{
	struct os_landlock known;
	bool landlock = os_landlock_known(&known);
	const int want[] = {0, 0, landlock ? EACCES : 0, 0, EPERM, EPERM, 0};
	int fd = open("file", O_WRONLY | O_CREAT, 0666);

	(void)state;
	assert_true(fd >= 0 && fchmod(fd, 0666) == 0 && close(fd) == 0);
	memset(answers, 0xff, sizeof(want));
	assert_int_equal(in_child(drop_twice, NULL), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(answers[i], want[i]);
	assert_int_equal(unlink("file"), 0);
}

static int
drop_and_grow(const void *context)
{
	void *volatile p;

	drop_to(context);
	p = malloc((size_t)256 << 20);
	if (p == NULL)
		return 3;
	free(p);
	return 0;
}

static void
memory_has_a_limit(void **state)
{
	const struct drop none = {.account = ACCOUNT_QUEUE, .jailed = true},
			  some = {.account = ACCOUNT_QUEUE,
			      .jailed = true,
			      .memory_max = (uint64_t)128 << 20};

	(void)state;
	if (os_sanitized()) {
		print_message("skipped: a sanitizer needs all addresses\n");
		skip();
	}
	assert_int_equal(exit_status(in_child(drop_and_grow, &none)), 0);
	assert_int_equal(exit_status(in_child(drop_and_grow, &some)), 3);
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(home_path());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_becomes_the_owner_of_a_private_instance),
	    cmocka_unit_test(the_owner_stays_as_he_is),
	    cmocka_unit_test(a_stranger_cannot_run_what_has_an_account),
	    cmocka_unit_test(root_that_stays_root_loses_its_groups),
	    cmocka_unit_test(root_becomes_the_account_and_has_its_groups_alone),
	    cmocka_unit_test(second_drop_needs_no_passwd_file),
	    cmocka_unit_test(what_cannot_be_found_is_fatal),
	    cmocka_unit_test(only_a_jail_takes_privileges_and_files),
	    cmocka_unit_test(a_second_drop_only_takes_away),
	    cmocka_unit_test(memory_has_a_limit),
	};

	return cmocka_run_group_tests(tests, home_make, teardown);
}
