/* assign: the lines of users/assign, and qmail-lspawn's look-up. */
#include "wire/assign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define WANT "not of the form =local:user:uid:gid:home:dash:ext:"

static char folder[] = "/var/tmp/assignXXXXXX";

static void
lines_that_are_refused(void **state)
{
	static const struct {
		const char *line, *what;
	} rows[] = {
	    {"",			"a line begins with = or +, the last one with ."},
	    {"# a comment",             "a line begins with = or +, the last one with ."},
	    {"=",		       WANT					    },
	    {"=a",		      WANT					    },
	    {"=a:u:1:2:/h:-",           WANT					    },
	    {"=a:u:1:2:/h:-:x",         WANT					    },
	    {"=a:u:one:2:/h:::",        "uid or gid is not a number"                    },
	    {"=a:u:1::/h:::",           "uid or gid is not a number"                    },
	    {"=a:u:4294967295:2:/h:::", "uid or gid is not a number"                    },
	    {"=a:u:1:-2:/h:::",         "uid or gid is not a number"                    },
	    {"=a:u:0:0:/root:::",       "uid is 0, and root receives no mail"           },
	    {"=a::1:2:/h:::",           "the user has no name"                          },
	    {"=a:u:1:2:h:::",           "the home does not begin with /"                },
	};
	struct buf key = {0}, value = {0};
	const char *what;
	char wild;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(assign_parse(
		    str_of(rows[i].line), &key, &value, &wild, &what));
		assert_string_equal(what, rows[i].what);
	}
	assert_false(assign_parse(
	    (struct str){"=a\0b:u:1:2:/h:::", 17}, &key, &value, &wild, &what));
	buf_free(&key);
	buf_free(&value);
}

/* Keys and values are qmail-newu's, byte for byte. */
static void
lines_are_as_qmail_newu_has_them(void **state)
{
	static const struct {
		const char *line;
		struct str key, value;
		char wild;
	} rows[] = {
	    {"=Joe.Shmoe:joe:507:100:/home/joe:::",       {"!joe.shmoe\0", 11},
             {"joe\000507\000100\0/home/joe\0\0", 23},                                                         '\0'},
	    {"+Joe-:joe:507:100:/home/joe:-::rest",       {"!joe-", 5},
             {"joe\000507\000100\0/home/joe\0-\0", 24},                                                        '-' },
	    {"+:alias:7790:2108:/var/qmail/alias:-:Pre:", {"!", 1},
             {"alias\0007790\0002108\0/var/qmail/alias\0-\0Pre", 38},                                          '\0'},
	    {"+ANY:u:1:2:/h:-:x:",                        {"!any", 4},          {"u\0001\0002\0/h\0-\0x", 12},
             'y'												   },
	};
	const char *what;
	char wild;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf key = {0}, value = {0};

		assert_true(assign_parse(
		    str_of(rows[i].line), &key, &value, &wild, &what));
		assert_true(str_equal(buf_str(&key), rows[i].key));
		assert_int_equal(value.len, rows[i].value.len);
		assert_true(str_equal(buf_str(&value), rows[i].value));
		assert_int_equal(wild, rows[i].wild);
		buf_free(&key);
		buf_free(&value);
	}
}

static void
add(struct table_maker *m, const char *line)
{
	struct buf key = {0}, value = {0};
	const char *what;
	char wild;

	assert_true(assign_parse(str_of(line), &key, &value, &wild, &what));
	assert_true(table_add(m, buf_str(&key), buf_str(&value)));
	buf_free(&key);
	buf_free(&value);
}

static struct table *
make(bool wilds)
{
	struct table_maker *m;
	int fd;

	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	m = table_make(fd, "cdb", 0644);
	assert_non_null(m);
	add(m, "=joe:joe:507:100:/home/joe:::");
	add(m, "=joe:second:508:100:/home/second:::");
	add(m, "+joe-:joe:507:100:/home/joe:-::");
	add(m, "+joe-list-:list:509:100:/home/list:-:l/:");
	add(m, "+sales:s:510:100:/home/s:-:x-:");
	if (wilds) {
		add(m, "+:alias:511:100:/alias:-::");
		assert_true(
		    table_add(m, (struct str){"", 0}, (struct str){"-s", 2}));
	}
	assert_true(table_commit(m));
	(void)close(fd);
	assert_int_equal(chdir(folder), 0);
	return table_open(AT_FDCWD, "cdb");
}

static void
unmake(struct table *t)
{
	table_close(t);
	assert_int_equal(unlink("cdb"), 0);
	assert_int_equal(rmdir(folder), 0);
	memset(strchr(folder, 'n') + 1, 'X', 6);
}

static void
longest_wildcard_and_the_rest_in_its_own_case(void **state)
{
	static const struct {
		const char *local, *user, *ext;
	} rows[] = {
	    {"joe",         "joe",   ""           },
	    {"JOE",         "joe",   ""           },
	    {"joe-Bar",     "joe",   "Bar"        },
	    {"Joe-",        "joe",   ""           },
	    {"joe-list-A",  "list",  "l/A"        },
	    {"joe-listA",   "joe",   "listA"      },
	    {"Salesforce",  "s",     "x-force"    },
	    {"sales",       "s",     "x-"         },
	    {"joey",        "alias", "joey"       },
	    {"Who.Is-That", "alias", "Who.Is-That"},
	    {"",            "alias", ""           },
	};
	struct table *t = make(true);
	struct buf ext = {0};
	struct assignment a;

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    assign_find(t, str_of(rows[i].local), &a, &ext), FOUND_YES);
		assert_true(str_equal(a.user, str_of(rows[i].user)));
		assert_true(str_equal(a.ext, str_of(rows[i].ext)));
		assert_true(a.uid > 500 && a.gid == 100);
	}
	assert_int_equal(assign_find(NULL, str_of("joe"), &a, &ext), FOUND_NO);
	unmake(t);
	buf_free(&ext);
}

/* qmail-newu never leaves out the empty key. */
static void
a_table_of_another_kind_is_trouble(void **state)
{
	struct table *t = make(false);
	struct buf ext = {0};
	struct assignment a;

	(void)state;
	assert_non_null(t);
	assert_int_equal(assign_find(t, str_of("joe"), &a, &ext), FOUND_YES);
	assert_int_equal(assign_find(t, str_of("who"), &a, &ext), FOUND_ERROR);
	unmake(t);
	buf_free(&ext);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_that_are_refused),
	    cmocka_unit_test(lines_are_as_qmail_newu_has_them),
	    cmocka_unit_test(longest_wildcard_and_the_rest_in_its_own_case),
	    cmocka_unit_test(a_table_of_another_kind_is_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
