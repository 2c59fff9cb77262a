/* account: the table is sound; numbers come from the system or from HOME. */
#include "lib/account.h"

#include "lib/env.h"
#include "lib/home.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOMEBODY = 12345, SOME_GROUP = 23456 };

static void
every_account_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = 0; a < ACCOUNT_COUNT; a++) {
		assert_memory_equal(account_name((enum account)a), "culver", 6);
		assert_non_null(account_also((enum account)a));
		assert_true(*account_purpose((enum account)a) != '\0');
		for (int b = 0; b < a; b++)
			assert_string_not_equal(account_name((enum account)a),
			    account_name((enum account)b));
	}
	assert_null(account_name(ACCOUNT_ROOT));
	assert_null(account_also(ACCOUNT_ROOT));
	assert_null(account_purpose(ACCOUNT_ROOT));
	assert_string_equal(account_name(ACCOUNT_SMTPD), "culverd");
	assert_string_equal(account_also(ACCOUNT_SEND), GROUP_MESSAGES);
}

/* Before home_enter no instance is private. */
static void
a_real_instance_asks_the_system(void **state)
{
	uid_t uid = 4711;
	gid_t gid = 4711;
	const struct passwd *entry;

	(void)state;
	if (home_private())
		skip();
	assert_true(account_find(ACCOUNT_ROOT, &uid, &gid));
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	for (int a = 0; a < ACCOUNT_COUNT; a++) {
		bool found = account_find((enum account)a, &uid, &gid);
		int error = errno;

		entry = getpwnam(account_name((enum account)a));
		assert_int_equal(found, entry != NULL);
		if (entry == NULL) {
			assert_int_equal(error, ENOENT);
			continue;
		}
		assert_int_equal(uid, entry->pw_uid);
		assert_int_equal(gid, entry->pw_gid);
	}
	errno = 0;
	assert_false(account_find(ACCOUNT_COUNT, &uid, &gid));
	assert_int_equal(errno, EINVAL);
}

static void
a_real_instance_asks_the_system_for_groups(void **state)
{
	const struct group *entry = getgrgid(0);
	char *name;
	gid_t gid = 4711;

	(void)state;
	if (entry == NULL || home_private()) {
		skip();
		return;
	}
	name = strdup(entry->gr_name);
	assert_true(account_group(name, &gid));
	assert_int_equal(gid, 0);
	free(name);
	errno = 0;
	assert_false(account_group("no-such-group-of-ours", &gid));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(gid, 0);
}

/* The last test: the process enters a HOME and stays in it. */
static void
a_private_instance_is_one_account_whichever_is_asked(void **state)
{
	char folder[] = "/tmp/culver-account-XXXXXX";
	uid_t owner = geteuid() == 0 ? SOMEBODY : geteuid(), uid;
	struct stat st;
	gid_t gid;

	(void)state;
	assert_non_null(mkdtemp(folder));
	if (geteuid() == 0)
		assert_int_equal(chown(folder, SOMEBODY, SOME_GROUP), 0);
	env_set("CULVER_HOME", folder);
	home_enter();
	assert_int_equal(stat(folder, &st), 0);
	for (int a = 0; a <= ACCOUNT_ROOT; a++) {
		uid = 0;
		gid = 0;
		assert_true(account_find((enum account)a, &uid, &gid));
		assert_int_equal(uid, owner);
		assert_int_equal(gid, st.st_gid);
	}
	gid = 0;
	assert_true(account_group(GROUP_ADMIN, &gid));
	assert_int_equal(gid, st.st_gid);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_account_has_a_name_of_its_own),
	    cmocka_unit_test(a_real_instance_asks_the_system),
	    cmocka_unit_test(a_real_instance_asks_the_system_for_groups),
	    cmocka_unit_test(
		a_private_instance_is_one_account_whichever_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
