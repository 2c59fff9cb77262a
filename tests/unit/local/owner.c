/* owner: mailboxes of the table first, then users by qmail-getpw's rules, then
 * alias; never root, and never somebody when it cannot be known. */
#include "local/owner.h"

#include "lib/cdb.h"
#include "lib/home.h"
#include "wire/assign.h"
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
static char homes[4][64];
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
		int home; /* 0: mine; 1: not there; 2: another's; 3: hidden */
	} rows[] = {
	    {"anna",       true,  0},
	    {"anna-marie", true,  0},
	    {"gone",       true,  1},
	    {"thief",      true,  2},
	    {"shut",       true,  3},
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
find(const char *address, struct owner *o)
{
	return owner_find(&owners, str_of(address), o);
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
		struct owner o;

		assert_int_equal(find(row->address, &o), FOUND_YES);
		assert_string_equal(o.account->name, row->user);
		assert_true(str_equal(o.user, str_of(row->user)));
		assert_true(str_equal(o.dash, str_of(row->dash)));
		assert_true(str_equal(o.ext, str_of(row->ext)));
		assert_true(o.account->uid != 0);
		assert_true(str_ends(o.home,
		    str_of(strcmp(row->user, "culvera") == 0 ? "/alias"
							     : "/own")));
	}
}

static void
a_moment_later_nothing_is_looked_up(void **state)
{
	struct owner o;

	(void)state;
	assert_int_equal(find("anna-cache@x", &o), FOUND_YES);
	lookups = 0;
	assert_int_equal(find("anna-cache@x", &o), FOUND_YES);
	assert_int_equal(lookups, 0);
	assert_int_equal(find("anna-cache2@x", &o), FOUND_YES);
	assert_true(lookups > 0);
}

/* Who may not wait is told what is known, and whom to ask for the rest. */
static void
only_the_system_knows_its_users(void **state)
{
	static const struct {
		const char *address;
		enum found found;
		bool ask;
	} cases[] = {
	    {"alice@virtual.example", FOUND_YES,   false},
	    {"bob@virtual.example",   FOUND_NO,    false},
	    {"bad@virtual.example",   FOUND_ERROR, false},
	    {"anna-known@x",          FOUND_NO,    true },
	    {"nobody-known@x",        FOUND_NO,    true },
	};
	struct owner_row row;
	struct owner o;
	bool ask;

	(void)state;
	lookups = 0;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    owner_known(&owners, str_of(cases[i].address), &o, &ask),
		    cases[i].found);
		assert_int_equal(ask, cases[i].ask);
	}
	assert_int_equal(lookups, 0);
	assert_int_equal(
	    owner_look_up(&owners, str_of("anna-known"), &row), FOUND_YES);
	owner_learn(&owners, str_of("anna-known"), &row, &o);
	assert_true(str_equal(o.ext, str_of("known")));
	lookups = 0;
	assert_int_equal(
	    owner_known(&owners, str_of("anna-known@x"), &o, &ask), FOUND_YES);
	assert_false(ask);
	assert_true(str_equal(o.user, str_of("anna")));
	assert_int_equal(lookups, 0);
	errno = 0;
	assert_int_equal(
	    owner_look_up(&owners, str_of("broken"), &row), FOUND_ERROR);
	assert_int_equal(errno, EIO);
}

/* qmail-getpw would not see it, and so give his mail to alias; here the worker
 * is told that nobody has looked. */
static void
a_home_that_is_hidden_is_marked(void **state)
{
	struct owner o;

	(void)state;
	if (getuid() == 0)
		skip(); /* sees all */
	assert_int_equal(mkdir("shut", 0700), 0);
	assert_int_equal(mkdir("shut/in", 0700), 0);
	assert_int_equal(chmod("shut", 0), 0);
	(void)snprintf(homes[3], sizeof(homes[3]), "%s/shut/in", folder);
	assert_int_equal(find("shut@x", &o), FOUND_YES);
	assert_true(o.account->hidden);
	assert_int_equal(find("anna@x", &o), FOUND_YES);
	assert_false(o.account->hidden);
	assert_int_equal(chmod("shut", 0700), 0);
	assert_int_equal(rmdir("shut/in") | rmdir("shut"), 0);
}

static void
what_cannot_be_known_is_nobodys(void **state)
{
	struct owner o;

	(void)state;
	assert_int_equal(find("broken@x", &o), FOUND_ERROR);
	assert_int_equal(find("broken@x", &o), FOUND_ERROR);
	assert_int_equal(find("broken-x@x", &o), FOUND_ERROR);
	assert_int_equal(find("bad@virtual.example", &o), FOUND_ERROR);
}

static void
mailboxes_of_the_table(void **state)
{
	struct owner o;

	(void)state;
	assert_int_equal(find("Alice@Virtual.example", &o), FOUND_YES);
	assert_string_equal(o.account->name, "culverv");
	assert_true(str_equal(o.user, str_of("Alice@Virtual.example")));
	/* The worker finds its place. */
	assert_int_equal(o.home.len, 0);
	assert_int_equal(o.dash.len, 0);
	/* A user of the system has no mailbox in that domain. */
	assert_int_equal(find("anna-marie@virtual.example", &o), FOUND_NO);
	assert_int_equal(find("@virtual.example", &o), FOUND_NO);
}

static void
a_new_table_is_seen(void **state)
{
	struct table_maker *m;
	struct owner o;

	(void)state;
	assert_int_equal(find("new@virtual.example", &o), FOUND_NO);
	m = table_make(AT_FDCWD, USERS_RCPT, 0644);
	assert_non_null(m);
	assert_true(
	    table_add(m, str_of("new@virtual.example"), str_of(":0::")));
	assert_true(table_commit(m));
	assert_int_equal(find("new@virtual.example", &o), FOUND_YES);
	assert_string_equal(o.account->name, "culverv");
	/* Without a table there are no virtual mailboxes, a moment later. */
	assert_int_equal(unlink(USERS_RCPT), 0);
	owners.rcpt.looked -= USERS_LATELY;
	assert_int_equal(find("new@virtual.example", &o), FOUND_YES);
	assert_string_equal(o.account->name, "culvera");
	make_table();
}

/* users/cdb of these lines, or none. */
static void
assign(const char *const *lines)
{
	struct table_maker *m = table_make(AT_FDCWD, ASSIGN_TABLE, 0644);
	struct buf wilds = {0};

	assert_non_null(m);
	for (; *lines != NULL; lines++) {
		struct buf key = {0}, value = {0};
		const char *what;
		char wild;

		assert_true(
		    assign_parse(str_of(*lines), &key, &value, &wild, &what));
		assert_true(table_add(m, buf_str(&key), buf_str(&value)));
		assert_true(wild == '\0' || buf_append_byte(&wilds, wild));
		buf_free(&key);
		buf_free(&value);
	}
	assert_true(table_add(m, (struct str){"", 0}, buf_str(&wilds)));
	assert_true(table_commit(m));
	buf_free(&wilds);
	owners.assign_looked = 0;
}

static void
assigned_users_before_those_of_the_system(void **state)
{
	static const char *const lines[] = {
	    "=anna-list:joe:4712:4713:/home/joe:-:list:",
	    "+anna-:joe:4712:4713:/home/joe:-:a/:", NULL};
	struct owner o;

	(void)state;
	assign(lines);
	assert_int_equal(find("Anna-List@x", &o), FOUND_YES);
	assert_true(str_equal(o.user, str_of("joe")));
	assert_true(str_equal(o.home, str_of("/home/joe")));
	assert_true(str_equal(o.ext, str_of("list")));
	if (!home_private()) {
		assert_int_equal(o.account->uid, 4712);
		assert_int_equal(o.account->gid, 4713);
	}
	assert_int_equal(find("anna-Else@x", &o), FOUND_YES);
	assert_true(str_equal(o.ext, str_of("a/Else")));
	/* A mailbox of the table stays one, and others are who they were. */
	assert_int_equal(find("alice@virtual.example", &o), FOUND_YES);
	assert_string_equal(o.account->name, "culverv");
	assert_int_equal(find("anna@x", &o), FOUND_YES);
	assert_string_equal(o.account->name, "anna");
	/* One that is no table is trouble, not nobody. */
	assert_int_equal(truncate(ASSIGN_TABLE, 10), 0);
	owners.assign_looked = 0;
	assert_int_equal(find("anna@x", &o), FOUND_ERROR);
	assert_int_equal(unlink(ASSIGN_TABLE), 0);
	owners.assign_looked = 0;
	assert_int_equal(find("anna-list@x", &o), FOUND_YES);
	assert_string_equal(o.account->name, "anna");
}

static void
exists_is_what_qmail_local_would_find(void **state)
{
	static const struct {
		const char *make, *address;
		enum found found;
	} rows[] = {
	    {NULL,		      "anna@x",                FOUND_YES  },
	    {NULL,		      "anna-none@x",           FOUND_NO   },
	    {"own/.qmail-list",         "anna-LIST@x",           FOUND_YES  },
	    {"own/.qmail-a:b",          "anna-a.b@x",            FOUND_YES  },
	    {NULL,		      "anna-list-x@x",         FOUND_NO   },
	    {"own/.qmail-list-default", "anna-list-x-y@x",       FOUND_YES  },
	    {NULL,		      "anna-other@x",          FOUND_NO   },
	    {"own/.qmail-default",      "anna-other@x",          FOUND_YES  },
	    {NULL,		      "nobody-here@x",         FOUND_NO   },
	    {NULL,		      "root@x",                FOUND_NO   },
	    {NULL,		      "alice@virtual.example", FOUND_YES  },
	    {NULL,		      "bob@virtual.example",   FOUND_NO   },
	    {NULL,		      "broken@x",              FOUND_ERROR},
	};
	char name[64];
	struct owner w;

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/alias", folder);
	assert_int_equal(mkdir(name, 0755), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].make != NULL)
			assert_int_equal(mkfifo(rows[i].make, 0600), 0);
		print_message("%s\n", rows[i].address);
		assert_int_equal(
		    owner_exists(&owners, str_of(rows[i].address), &w),
		    rows[i].found);
	}
	assert_int_equal(unlink("own/.qmail-default"), 0);
	assert_int_equal(
	    owner_exists(&owners, str_of("anna-z@x"), &w), FOUND_NO);
	/* Its owner is editing. */
	assert_int_equal(chmod("own", 01700), 0);
	assert_int_equal(
	    owner_exists(&owners, str_of("anna-z@x"), &w), FOUND_YES);
	assert_int_equal(chmod("own", 0700), 0);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].make != NULL)
			(void)unlink(rows[i].make);
	assert_int_equal(rmdir("alias"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(users_extensions_and_alias),
	    cmocka_unit_test(a_moment_later_nothing_is_looked_up),
	    cmocka_unit_test(only_the_system_knows_its_users),
	    cmocka_unit_test(a_home_that_is_hidden_is_marked),
	    cmocka_unit_test(what_cannot_be_known_is_nobodys),
	    cmocka_unit_test(mailboxes_of_the_table),
	    cmocka_unit_test(a_new_table_is_seen),
	    cmocka_unit_test(assigned_users_before_those_of_the_system),
	    cmocka_unit_test(exists_is_what_qmail_local_would_find),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
