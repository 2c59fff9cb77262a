/* mailbox: the place and the instructions of a virtual mailbox. */
#include "local/mailbox.h"

#include "lib/home.h"
#include "wire/users.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char folder[] = "/var/tmp/mailboxXXXXXX";
static struct users rcpt;
static struct report report;

static const char *const table[][2] = {
    {"alice@virtual.example", ":0::"           },
    {"many@virtual.example",  ":0:x@y,z@w:"    },
    {"off@virtual.example",   ":0:x@y:disabled"},
    {"bad@virtual.example",   "not a record"   },
    {"@virtual.example",      ""               },
};

static void
put_pairs(const char *const pairs[][2], size_t count)
{
	struct table_maker *m = table_make(AT_FDCWD, USERS_RCPT, 0644);

	assert_non_null(m);
	for (size_t i = 0; i < count; i++)
		assert_true(
		    table_add(m, str_of(pairs[i][0]), str_of(pairs[i][1])));
	assert_true(table_commit(m));
}

static void
make_table(size_t count)
{
	put_pairs(table, count);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0 ||
	    mkdir("users", 0700) != 0 || setenv("CULVER_HOME", folder, 1) != 0)
		return -1;
	home_enter();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	table_close(rcpt.table);
	return unlink(USERS_RCPT) | rmdir("users") | rmdir(folder);
}

/* The letter of the report, or K; the mailbox is to be freed. */
static char
find(const char *address, struct mailbox *m)
{
	*m = (struct mailbox){0};
	if (mailbox_find(&rcpt, str_of(address), m, &report))
		return 'K';
	return report.letter;
}

static void
place_and_instructions(void **state)
{
	struct mailbox m;

	(void)state;
	make_table(COUNT(table));
	assert_int_equal(find("Alice@Virtual.example", &m), 'K');
	assert_true(str_starts(str_of(m.home), str_of(folder)));
	assert_true(
	    str_ends(str_of(m.home), str_of("/domains/virtual.example/alice")));
	assert_true(
	    str_equal(buf_str(&m.instructions), str_of("./Maildir/\n")));
	buf_free(&m.instructions);
	assert_int_equal(find("many@virtual.example", &m), 'K');
	assert_true(
	    str_equal(buf_str(&m.instructions), str_of("&x@y\n&z@w\n")));
	buf_free(&m.instructions);
}

static void
keeping_placed_and_caught(void **state)
{
	static const char *const pairs[][2] = {
	    {"@virtual.example",       ":0:all@y.example:"                },
	    {"keep@virtual.example",   ":0:x@y,z@w:keep"                  },
	    {"own@virtual.example",    ":0::::"                           },
	    {"placed@virtual.example", ":0:::other/p%20/Mail"             },
	    {"@kept.example",          ":0:x@y:keep:kept.example/rest/All"},
	    {"@alias.example",         ":0:@virtual.example:"             },
	};
	static const struct {
		const char *address, *home, *instructions;
	} rows[] = {
	    {"keep@virtual.example",   "/domains/virtual.example/keep",
             "./Maildir/\n&x@y\n&z@w\n"						   },
	    {"keep+ext@alias.example", "/domains/virtual.example/keep",
             "./Maildir/\n&x@y\n&z@w\n"						   },
	    {"placed@virtual.example", "/domains/other/p%20",           "./Mail/\n"       },
	    {"nobody@virtual.example", "/domains",                      "&all@y.example\n"},
	    {"nobody@kept.example",    "/domains/kept.example/rest",
             "./All/\n&x@y\n"							     },
	};

	(void)state;
	put_pairs(pairs, sizeof pairs / sizeof pairs[0]);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mailbox m;

		if (find(rows[i].address, &m) != 'K')
			fail_msg("%s: %s", rows[i].address, report.text);
		assert_true(str_ends(str_of(m.home), str_of(rows[i].home)));
		assert_true(str_equal(
		    buf_str(&m.instructions), str_of(rows[i].instructions)));
		buf_free(&m.instructions);
	}
	rcpt.known = false; /* or a catch-all is believed for a moment */
}

static void
who_receives_no_mail(void **state)
{
	struct mailbox m;

	(void)state;
	make_table(COUNT(table));
	assert_int_equal(find("none@virtual.example", &m), 'D');
	assert_string_equal(report.status, "5.1.1");
	assert_int_equal(find("off@virtual.example", &m), 'D');
	assert_string_equal(report.status, "5.2.1");
	buf_free(&m.instructions);
	assert_int_equal(find("bad@virtual.example", &m), 'Z');
}

static void
the_table_of_now_rules(void **state)
{
	struct mailbox m;

	(void)state;
	make_table(0);
	rcpt.looked -= USERS_LATELY;
	assert_int_equal(find("alice@virtual.example", &m), 'D');
	make_table(1);
	assert_int_equal(find("alice@virtual.example", &m), 'K');
	buf_free(&m.instructions);
	assert_int_equal(unlink(USERS_RCPT), 0);
	rcpt.looked -= USERS_LATELY;
	assert_int_equal(find("alice@virtual.example", &m), 'D');
	assert_int_equal(mkdir(USERS_RCPT, 0700), 0);
	assert_int_equal(find("alice@virtual.example", &m), 'Z');
	assert_int_equal(rmdir(USERS_RCPT), 0);
	make_table(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(place_and_instructions),
	    cmocka_unit_test(keeping_placed_and_caught),
	    cmocka_unit_test(who_receives_no_mail),
	    cmocka_unit_test(the_table_of_now_rules),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
