/* owner: mailboxes of the table first, then users by qmail-getpw's rules, then
 * alias; never root, and never somebody when it cannot be known. */
#include "local/owner.h"

#include "lib/cdb.h"
#include "lib/home.h"
#include "wire/users.h"
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
#include <pwd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* More than a user's name or a remembered key has. */
#define LONG                                                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum { SOMEBODY = 4711 };

static char folder[] = "/var/tmp/ownerXXXXXX";
static char homes[3][64];
static struct owners owners;
static uid_t mine; /* of users who may receive mail */
static int lookups;

/* The system's users, instead of the C library's. */
static int
find_fake(const char *name, struct passwd *pw)
{
	static const struct {
		const char *name;
		bool is_mine;
		int home; /* 0: mine; 1: not there; 2: another's */
	} rows[] = {
	    {"anna",       true,  0},
	    {"anna-marie", true,  0},
	    {"gone",       true,  1},
	    {"thief",      true,  2},
	    {"root",       false, 0},
	    {"culverv",    true,  0},
	    {"culvera",    true,  0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		pw->pw_dir = homes[rows[i].home];
		pw->pw_uid = rows[i].is_mine ? mine : 0;
		pw->pw_gid = mine;
		return 1;
	}
	return 0;
}

struct passwd *
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
getpwnam(const char *name)
{
	static struct passwd pw;

	lookups++;
	if (strcmp(name, "broken") == 0) {
		errno = EIO;
		return NULL;
	}
	return find_fake(name, &pw) ? &pw : NULL;
}

int
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size,
    struct passwd **result)
{
	if (size > 0)
		buffer[0] = '\0';
	*result = find_fake(name, pw) ? pw : NULL;
	return 0;
}

static void
make_table(void)
{
	static const char *const rows[][2] = {
	    {"alice@virtual.example", ":0::"        },
	    {"anna@virtual.example",  ":0:x@y,z@w:" },
	    {"off@virtual.example",   ":0::disabled"},
	    {"bad@virtual.example",   "not a record"},
	    {"@virtual.example",      ""            },
	};
	struct table_maker *m = table_make(AT_FDCWD, USERS_RCPT, 0644);

	assert_non_null(m);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(
		    table_add(m, str_of(rows[i][0]), str_of(rows[i][1])));
	assert_true(table_commit(m));
}

static int
setup(void **state)
{
	(void)state;
	mine = getuid() == 0 ? SOMEBODY : getuid();
	if (mkdtemp(folder) == NULL || chdir(folder) != 0 ||
	    mkdir("users", 0700) != 0 || mkdir("own", 0700) != 0 ||
	    mkdir("other", 0700) != 0 || setenv("CULVER_HOME", folder, 1) != 0)
		return -1;
	if (getuid() == 0 && chown("own", mine, mine) != 0)
		return -1;
	(void)snprintf(homes[0], sizeof(homes[0]), "%s/own", folder);
	(void)snprintf(homes[1], sizeof(homes[1]), "%s/gone", folder);
	/* Nobody but root can make one that is another's. */
	(void)snprintf(
	    homes[2], sizeof(homes[2]), "%s", getuid() == 0 ? "/proc/1" : "/");
	home_enter();
	owner_open(&owners);
	make_table();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	table_close(owners.rcpt.table);
	(void)unlink(USERS_RCPT);
	return rmdir("users") | rmdir("own") | rmdir("other") | rmdir(folder);
}

static enum found
find(const char *address, struct delivery *d, const struct account_row **a)
{
	*d = (struct delivery){
	    .job.count = 1, .job.recipients = {address, strlen(address) + 1}
        };
	return owner_find(&owners, d, a);
}

struct row {
	const char *address, *user, *dash, *ext;
};

static const struct row users[] = {
    {"anna@x",             "anna",       "",  ""                },
    {"ANNA@x",             "anna",       "",  ""                },
    {"anna-List@x",        "anna",       "-", "List"            },
    {"anna-@x",            "anna",       "-", ""                },
    {"anna-marie@x",       "anna-marie", "",  ""                },
    {"anna-marie-a-b@x",   "anna-marie", "-", "a-b"             },
    {"anna-maries@x",      "anna",       "-", "maries"          },
    {"anna",	       "anna",       "",  ""                },
    {"annabel@x",          "culvera",    "-", "annabel"         },
    {"root@x",             "culvera",    "-", "root"            },
    {"root-x@x",           "culvera",    "-", "root-x"          },
    {"gone@x",             "culvera",    "-", "gone"            },
    {"thief@x",            "culvera",    "-", "thief"           },
    {"@x",		 "culvera",    "-", ""                },
    {"a@b@x",	      "culvera",    "-", "a@b"             },
    {"../../etc/passwd@x", "culvera",    "-", "../../etc/passwd"},
    {LONG "@x",            "culvera",    "-", LONG              },
};

static void
users_extensions_and_alias(void **state)
{
	(void)state;
	/* The second time all but the longest come from the cache. */
	for (size_t i = 0; i < 2 * COUNT(users); i++) {
		const struct row *row = &users[i % COUNT(users)];
		const struct account_row *a;
		struct delivery d;

		assert_int_equal(find(row->address, &d, &a), FOUND_YES);
		assert_string_equal(a->name, row->user);
		assert_true(str_equal(d.user, str_of(row->user)));
		assert_true(str_equal(d.dash, str_of(row->dash)));
		assert_true(str_equal(d.ext, str_of(row->ext)));
		assert_true(a->uid != 0);
		assert_true(str_ends(d.home,
		    str_of(strcmp(row->user, "culvera") == 0 ? "/alias"
							     : "/own")));
	}
}

static void
a_moment_later_nothing_is_looked_up(void **state)
{
	const struct account_row *a;
	struct delivery d;

	(void)state;
	assert_int_equal(find("anna-cache@x", &d, &a), FOUND_YES);
	lookups = 0;
	assert_int_equal(find("anna-cache@x", &d, &a), FOUND_YES);
	assert_int_equal(lookups, 0);
	assert_int_equal(find("anna-cache2@x", &d, &a), FOUND_YES);
	assert_true(lookups > 0);
}

static void
what_cannot_be_known_is_nobodys(void **state)
{
	const struct account_row *a;
	struct delivery d;

	(void)state;
	assert_int_equal(find("broken@x", &d, &a), FOUND_ERROR);
	assert_int_equal(find("broken@x", &d, &a), FOUND_ERROR);
	assert_int_equal(find("broken-x@x", &d, &a), FOUND_ERROR);
	assert_int_equal(find("bad@virtual.example", &d, &a), FOUND_ERROR);
}

static void
mailboxes_of_the_table(void **state)
{
	const struct account_row *a;
	struct delivery d;

	(void)state;
	assert_int_equal(find("Alice@Virtual.example", &d, &a), FOUND_YES);
	assert_string_equal(a->name, "culverv");
	assert_true(str_equal(d.user, str_of("Alice@Virtual.example")));
	assert_true(str_equal(d.local, str_of("Alice")));
	assert_true(str_equal(d.domain, str_of("Virtual.example")));
	/* The worker finds its place. */
	assert_int_equal(d.home.len, 0);
	assert_int_equal(d.dash.len, 0);
	/* A user of the system has no mailbox in that domain. */
	assert_int_equal(find("anna-marie@virtual.example", &d, &a), FOUND_NO);
	assert_int_equal(find("@virtual.example", &d, &a), FOUND_NO);
}

static void
a_new_table_is_seen(void **state)
{
	const struct account_row *a;
	struct table_maker *m;
	struct delivery d;

	(void)state;
	assert_int_equal(find("new@virtual.example", &d, &a), FOUND_NO);
	m = table_make(AT_FDCWD, USERS_RCPT, 0644);
	assert_non_null(m);
	assert_true(
	    table_add(m, str_of("new@virtual.example"), str_of(":0::")));
	assert_true(table_commit(m));
	assert_int_equal(find("new@virtual.example", &d, &a), FOUND_YES);
	assert_string_equal(a->name, "culverv");
	/* Without a table there are no virtual mailboxes, a moment later. */
	assert_int_equal(unlink(USERS_RCPT), 0);
	owners.rcpt.looked -= USERS_LATELY;
	assert_int_equal(find("new@virtual.example", &d, &a), FOUND_YES);
	assert_string_equal(a->name, "culvera");
	make_table();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(users_extensions_and_alias),
	    cmocka_unit_test(a_moment_later_nothing_is_looked_up),
	    cmocka_unit_test(what_cannot_be_known_is_nobodys),
	    cmocka_unit_test(mailboxes_of_the_table),
	    cmocka_unit_test(a_new_table_is_seen),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
