/* moving: names of the queue are read as written, and nothing else is one. */
#include "queue/moving.h"

#include "tests/unit/queue/stage.h"

static const struct {
	const char *text;
	struct name name;
} good[] = {
    {"1",							      {.ino = 1}         },
    {"18446744073709551615",					   {.ino = UINT64_MAX}},
    {"7.0.4",							  {7, true, 0, 4}    },
    {"7.63.0",							 {7, true, 63, 0}   },
    {"18446744073709551615.18446744073709551615.18446744073709551615",
     {UINT64_MAX, true, UINT64_MAX, UINT64_MAX}                                           },
};

static void
names_read_back_as_written(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		char text[MOVING_NAME];
		struct name n;

		assert_true(name_parse(str_of(good[i].text), &n));
		assert_int_equal(n.ino, good[i].name.ino);
		assert_int_equal(n.moving, good[i].name.moving);
		assert_int_equal(n.folder, good[i].name.folder);
		assert_int_equal(n.was, good[i].name.was);
		name_format(text, &n);
		assert_string_equal(text, good[i].text);
	}
	(void)state;
}

static void
foreign_names_are_none(void **state)
{
	static const char *const bad[] = {"", "0", "01", "-1", "1 ", "x",
	    "18446744073709551616", "1.2", "1.2.3.4", "0.1.2", "1..2", "1.2.",
	    ".1.2", "1.02.3", "1.2.03", "12.tmp.7", "1.2.x"};
	struct name n;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(name_parse(str_of(bad[i]), &n));
	(void)state;
}

static void
folders_are_numbers_with_zero_among_them(void **state)
{
	uint64_t n = 1;

	assert_true(name_parse_folder(str_of("0"), &n));
	assert_int_equal(n, 0);
	assert_true(name_parse_folder(str_of("4095"), &n));
	assert_int_equal(n, 4095);
	assert_false(name_parse_folder(str_of("00"), &n));
	assert_false(name_parse_folder(str_of("tmp"), &n));
	(void)state;
}

static void
only_its_inode_in_its_folder_fits(void **state)
{
	const struct name n = {.ino = 130};

	assert_true(name_fits(&n, 2, 130, 64));
	assert_false(name_fits(&n, 3, 130, 64));
	assert_false(name_fits(&n, 2, 194, 64));
	assert_false(name_fits(&n, 2, 130, 63));
	(void)state;
}

static void
a_moving_name_keeps_where_it_began(void **state)
{
	const struct name n = {.ino = 130};
	struct name to = name_moving(&n, 2, 77), again;

	assert_true(to.moving);
	assert_int_equal(to.ino, 77);
	assert_int_equal(to.folder, 2);
	assert_int_equal(to.was, 130);
	again = name_moving(&to, 13, 99);
	assert_int_equal(again.ino, 99);
	assert_int_equal(again.folder, 2);
	assert_int_equal(again.was, 130);
	(void)state;
}

static void
a_folder_is_listed_in_order(void **state)
{
	static const char *const there[] = {
	    "12", "9", "9.1.4", "9.1.10", "100", "notes", "9.0.77"};
	static const char *const order[] = {
	    "9", "9.0.77", "9.1.4", "9.1.10", "12", "100"};
	struct names n = {0};
	char path[64], text[MOVING_NAME];
	int dir = open(QUEUE_MESS "/1", O_RDONLY | O_DIRECTORY);

	assert_true(dir >= 0);
	for (size_t i = 0; i < COUNT(there); i++) {
		snprintf(path, sizeof(path), QUEUE_MESS "/1/%s", there[i]);
		stage_put(path, "");
	}
	for (int twice = 0; twice < 2; twice++) {
		assert_true(names_read(&n, dir, false));
		assert_int_equal(n.count, COUNT(order));
		for (size_t i = 0; i < n.count; i++) {
			name_format(text, &n.list[i]);
			assert_string_equal(text, order[i]);
		}
		assert_string_equal(names_stray(&n, NULL), "notes");
		assert_null(names_stray(&n, names_stray(&n, NULL)));
	}
	assert_true(names_read(&n, dir, true)); /* as if they were folders */
	assert_int_equal(n.count, 3);
	names_free(&n);
	assert_int_equal(close(dir), 0);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_read_back_as_written),
	    cmocka_unit_test(foreign_names_are_none),
	    cmocka_unit_test(folders_are_numbers_with_zero_among_them),
	    cmocka_unit_test(only_its_inode_in_its_folder_fits),
	    cmocka_unit_test(a_moving_name_keeps_where_it_began),
	    STAGED(a_folder_is_listed_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
