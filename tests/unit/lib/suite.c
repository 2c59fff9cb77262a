/* suite: mail is delivered as nobody who could read the queue, and as culverv for
 * mailboxes alone. */
#include "lib/suite.h"

#include "lib/account.h"
#include "lib/home.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { FIRST = 900, MESSAGES = 950, ADMIN = 951, ANNA = 4711 };

static char folder[] = "/var/tmp/suiteXXXXXX";
static bool owned; /* HOME is somebody's who is not root */

/* The suite's accounts, each with a group of its own, one after the other. */
int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size,
    struct passwd **result)
{
	if (size > 0)
		buffer[0] = '\0';
	*result = NULL;
	for (enum account a = 0; a < ACCOUNT_COUNT; a++) {
		if (strcmp(account_name(a), name) != 0)
			continue;
		pw->pw_uid = FIRST + (uid_t)a;
		pw->pw_gid = FIRST + (gid_t)a;
		*result = pw;
	}
	return 0;
}

int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
getgrnam_r(const char *name, struct group *gr, char *buffer, size_t size,
    struct group **result)
{
	if (size > 0)
		buffer[0] = '\0';
	gr->gr_gid = strcmp(name, GROUP_MESSAGES) == 0 ? MESSAGES : ADMIN;
	*result = gr;
	return 0;
}

static const struct row {
	uid_t uid;
	gid_t gid;
	bool mailbox, want;
} rows[] = {
    {ANNA,		    ANNA,		    false, true },
    {ANNA,		    ANNA,		    true,  false},
    {0,		       0,		       false, false},
    {0,		       ANNA,		    false, false},
    {ANNA,		    0,		       false, false},
    {FIRST + ACCOUNT_ALIAS,   FIRST + ACCOUNT_ALIAS,   false, true },
    {FIRST + ACCOUNT_ALIAS,   FIRST + ACCOUNT_ALIAS,   true,  false},
    {FIRST + ACCOUNT_VIRTUAL, FIRST + ACCOUNT_VIRTUAL, true,  true },
    {FIRST + ACCOUNT_VIRTUAL, FIRST + ACCOUNT_VIRTUAL, false, false},
    {FIRST + ACCOUNT_VIRTUAL, ANNA,                    true,  false},
    {FIRST + ACCOUNT_VIRTUAL, ANNA,                    false, false},
    {ANNA,		    FIRST + ACCOUNT_VIRTUAL, false, false},
    {FIRST + ACCOUNT_QUEUE,   ANNA,                    false, false},
    {FIRST + ACCOUNT_SEND,    ANNA,                    true,  false},
    {ANNA,		    FIRST + ACCOUNT_USERS,   false, false},
    {ANNA,		    MESSAGES,                false, false},
    {ANNA,		    ADMIN,		   false, false},
};

static void
nobody_who_could_read_the_queue(void **state)
{
	(void)state;
	if (owned)
		skip();
	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("%zu\n", i);
		assert_int_equal(
		    suite_allows(rows[i].uid, rows[i].gid, rows[i].mailbox),
		    rows[i].want);
	}
}

static void
in_a_private_instance_all_are_one(void **state)
{
	(void)state;
	if (!owned)
		skip();
	assert_true(suite_allows(home_owner(), home_group(), false));
	assert_true(suite_allows(home_owner(), home_group(), true));
	assert_false(suite_allows(0, home_group(), false));
	assert_false(suite_allows(home_owner(), 0, false));
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || setenv("CULVER_HOME", folder, 1) != 0)
		return -1;
	home_enter();
	owned = home_private();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_who_could_read_the_queue),
	    cmocka_unit_test(in_a_private_instance_all_are_one),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
