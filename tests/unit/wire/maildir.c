/* maildir: a name is made from the message alone, and its sizes can be read
 * from any name that has them. */
#include "wire/maildir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const unsigned char token[QUEUE_TOKEN] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255};

static void
name_is_made_of_its_parts(void **state)
{
	struct maildir_name n = {.arrived = 1795229420999999,
	    .token = token,
	    .number = 3,
	    .host = str_of("mail.example"),
	    .size = 1234,
	    .wire_size = 1300};
	char name[MAILDIR_NAME];

	(void)state;
	maildir_name_write(name, &n);
	assert_string_equal(name,
	    "1795229420.q000102030405060708090a0b0c0d0effr3.mail.example,"
	    "S=1234,W=1300");
	n.arrived = -1;
	maildir_name_write(name, &n);
	assert_memory_equal(name, "0.q", 3);
}

static void
unknown_wire_size_is_left_out(void **state)
{
	struct maildir_name n = {
	    .token = token, .host = str_of("h"), .size = 12};
	char name[MAILDIR_NAME];
	uint64_t size = 0;

	(void)state;
	maildir_name_write(name, &n);
	assert_non_null(strstr(name, ".h,S=12"));
	assert_false(maildir_name_wire_size(str_of(name), &size));
}

static void
host_cannot_leave_its_part(void **state)
{
	struct maildir_name n = {
	    .token = token, .host = str_of("a/b:c,S=9 \\\x7f")};
	char name[MAILDIR_NAME];
	uint64_t size = 1;

	(void)state;
	maildir_name_write(name, &n);
	assert_non_null(
	    strstr(name, ".a\\057b\\072c\\054S=9\\040\\134\\177,S=0"));
	assert_true(maildir_name_size(str_of(name), &size));
	assert_int_equal(size, 0);
}

static void
longest_name_leaves_room_for_flags(void **state)
{
	char host[300], name[MAILDIR_NAME];
	struct maildir_name n = {
	    .arrived = INT64_MAX,
	    .token = token,
	    .number = UINT32_MAX,
	    .host = {host, sizeof(host)},
	    .size = UINT64_MAX,
	    .wire_size = UINT64_MAX
        };
	uint64_t size = 0;

	(void)state;
	for (int c = '/'; c <= 'x'; c += 'x' - '/') {
		memset(host, c, sizeof(host));
		maildir_name_write(name, &n);
		assert_true(strlen(name) <= 255 - 40);
		assert_true(maildir_name_wire_size(str_of(name), &size));
		assert_true(size == UINT64_MAX);
	}
}

static void
sizes_of_any_name(void **state)
{
	static const struct {
		const char *name;
		bool s, w;
		uint64_t size, wire_size;
	} rows[] = {
	    {"1.q0.h,S=12,W=13",           true,  true,  12, 13},
	    {"1.q0.h,S=12,W=13:2,S",       true,  true,  12, 13},
	    {"1.q0.h,W=13,S=12:2,FS",      true,  true,  12, 13},
	    {"1.M2P3.h,S=12",              true,  false, 12, 0 },
	    {"1.M2P3.h:2,S=9",             false, false, 0,  0 },
	    {"1.M2P3.h",                   false, false, 0,  0 },
	    {"S=12,W=1",                   false, true,  0,  1 },
	    {"1.h,S=,W=x",                 false, false, 0,  0 },
	    {"1.h,S=-1",                   false, false, 0,  0 },
	    {"1.h,S=18446744073709551616", false, false, 0,  0 },
	    {"1.h,SS=1,W =1",              false, false, 0,  0 },
	    {"",			   false, false, 0,  0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str name = str_of(rows[i].name);
		uint64_t s = 0, w = 0;

		assert_int_equal(maildir_name_size(name, &s), rows[i].s);
		assert_int_equal(maildir_name_wire_size(name, &w), rows[i].w);
		assert_true(s == rows[i].size && w == rows[i].wire_size);
	}
}

static void
flags_are_no_part_of_the_identity(void **state)
{
	static const char *const rows[] = {
	    "1.h,S=1", "1.h,S=1:2,", "1.h,S=1:2,RS", "1.h,S=1:1,x", "1.h,S=1:"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(str_equal(
		    maildir_name_base(str_of(rows[i])), str_of("1.h,S=1")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(name_is_made_of_its_parts),
	    cmocka_unit_test(unknown_wire_size_is_left_out),
	    cmocka_unit_test(host_cannot_leave_its_part),
	    cmocka_unit_test(longest_name_leaves_room_for_flags),
	    cmocka_unit_test(sizes_of_any_name),
	    cmocka_unit_test(flags_are_no_part_of_the_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
