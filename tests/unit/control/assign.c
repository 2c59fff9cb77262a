/* assign: users/assign compiled; what is wrong is named, and the old table stays. */
#include "control/assign.h"

#include "control/complaint.h"
#include "lib/cdb.h"
#include "lib/fd.h"
#include "wire/assign.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

static char folder[] = "/var/tmp/newuXXXXXX";

static void
put(const char *text)
{
	assert_true(fd_replace_file(AT_FDCWD, ASSIGN_TEXT, str_of(text), 0644));
}

static bool
build(bool *malformed, struct buf *error)
{
	return assign_build(malformed, error);
}

/* The user of a local part, and the bytes of the empty key. */
static void
look(const char *local, const char *user, const char *wilds)
{
	struct table *t = table_open(AT_FDCWD, ASSIGN_TABLE);
	struct buf ext = {0};
	struct assignment a;
	struct str value;

	assert_non_null(t);
	assert_int_equal(assign_find(t, str_of(local), &a, &ext), FOUND_YES);
	assert_true(str_equal(a.user, str_of(user)));
	assert_int_equal(table_find(t, (struct str){"", 0}, &value), FOUND_YES);
	assert_true(str_equal(value, str_of(wilds)));
	buf_free(&ext);
	table_close(t);
}

static void
what_is_wrong_is_named_and_the_old_table_stays(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
	    {"",				    "users/assign:1: the last line must begin with ."},
	    {"=a:a:1:1:/a:::\n=b:b:1:1:/b:::\n",
             "users/assign:3: the last line must begin with ."                                       },
	    {"=a:a:1:1:/a:::\n=b:b:1:1:/b:::",
             "users/assign:2: the last line must begin with ."                                       },
	    {"=a:a:1:1:/a:::\n\n.\n",               "users/assign:2: a line begins with = or "
				      "+, the last one with ."  },
	    {"=a:a:1:1:/a:::\n+b:b:x:1:/b:::\n.\n",
             "users/assign:2: uid or gid is not a number"                                            },
	    {"=b:b:0:1:/b:::\n.\n",
             "users/assign:1: uid is 0, and root receives no mail"                                   },
	    {"=a:a:1:1:/a:::\n=b:b:1:0:/b:::\n.\n",
             "users/assign:2: uid or gid is 0, and root receives no mail"                            },
	};
	struct buf error = {0};
	bool malformed;

	(void)state;
	put("=old:old:1:1:/old:::\n.\n");
	assert_true(build(&malformed, &error));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put(rows[i].text);
		assert_false(build(&malformed, &error));
		assert_true(malformed);
		assert_string_equal(complaint_text(&error), rows[i].error);
		look("old", "old", "");
	}
	assert_int_equal(unlink(ASSIGN_TEXT), 0);
	assert_false(build(&malformed, &error));
	assert_false(malformed);
	buf_free(&error);
}

static void
the_new_table_rules_when_it_is_whole(void **state)
{
	struct buf error = {0};
	bool malformed;

	(void)state;
	put("=joe:joe:507:100:/home/joe:::\n=joe:second:1:1:/b:::\n"
	    "+joe-:joe:507:100:/home/joe:-::\n+ann-:ann:508:100:/ann:-::\n"
	    "+:alias:1:1:/alias:-::and more\n.whatever\n+zz:not read\n");
	assert_true(assign_stale());
	assert_true(build(&malformed, &error));
	assert_false(assign_stale());
	look("joe", "joe", "-");
	look("ann-x", "ann", "-");
	look("zz", "alias", "-");
	/* Without a line there are none, and the dot needs no LF. */
	put(".");
	assert_true(build(&malformed, &error));
	buf_free(&error);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0 ||
		       mkdir("users", 0700) != 0
		   ? -1
		   : 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(ASSIGN_TEXT);
	(void)unlink(ASSIGN_TABLE);
	return rmdir("users") | rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_wrong_is_named_and_the_old_table_stays),
	    cmocka_unit_test(the_new_table_rules_when_it_is_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
