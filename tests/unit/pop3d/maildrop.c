/* maildrop: listed by names alone, in one order, each message once. */
#include "pop3d/maildrop.h"

#include "tests/unit/pop3d/box.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
order_is_by_time_then_name(void **state)
{
	static const char *const paths[] = {"new/20.b", "cur/100.z:2,S",
	    "new/3.c", "cur/20.a:2,", "new/notime", "cur/20.b2:2,F",
	    "new/99999999999999999999.big"};
	static const char *const want[] = {"99999999999999999999.big", "notime",
	    "3.c", "20.a:2,", "20.b", "20.b2:2,F", "100.z:2,S"};
	const struct box *b = *state;
	struct maildrop m;

	for (size_t i = 0; i < COUNT(paths); i++)
		box_put(b, paths[i], "x\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(m.count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(m.messages[i].name, want[i]);
	maildrop_close(&m);
}

static void
only_files_without_a_dot_in_front_are_listed(void **state)
{
	const struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/.hidden", "x\n");
	assert_int_equal(mkdirat(b->fd, "new/1.folder", 0700), 0);
	assert_int_equal(symlinkat("/etc/passwd", b->fd, "cur/1.link"), 0);
	assert_int_equal(mkfifoat(b->fd, "cur/1.fifo", 0600), 0);
	box_put(b, "cur/2.file:2,", "x\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(m.count, 1);
	assert_string_equal(m.messages[0].name, "2.file:2,");
	maildrop_close(&m);
}

static void
sizes_come_from_names_else_from_files(void **state)
{
	const struct box *b = *state;
	uint64_t count, octets;
	struct maildrop m;

	box_put(b, "new/1.a,S=1,W=1000", "x\n"); /* the name is believed */
	box_put(b, "new/2.b,S=4", "x\ny\n");
	box_put(b, "cur/3.c:2,", ".\nno end");
	/* More than any message has: not believed. */
	box_put(b, "cur/4.d,W=18446744073709551615:2,", "x\n");
	assert_true(maildrop_open(&m, b->fd));
	maildrop_total(&m, &count, &octets);
	assert_int_equal(count, 4);
	assert_int_equal(octets, 1000 + 6 + 11 + 3);
	m.messages[0].deleted = true;
	maildrop_total(&m, &count, &octets);
	assert_int_equal(count, 3);
	assert_int_equal(octets, 6 + 11 + 3);
	maildrop_reset(&m);
	maildrop_total(&m, &count, &octets);
	assert_int_equal(count, 4);
	maildrop_close(&m);
}

static void
two_files_of_one_base_are_two_messages(void **state)
{
	const struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/1.a", "x\n");
	box_put(b, "cur/1.a:2,S", "y\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(m.count, 2);
	assert_int_equal(m.messages[0].twin + m.messages[1].twin, 1);
	maildrop_close(&m);
}

static void
lost_ones_are_found_under_new_names(void **state)
{
	const struct box *b = *state;
	struct maildrop m;

	box_put(b, "new/1.a", "x\n");
	box_put(b, "cur/2.b:2,", "x\n");
	box_put(b, "cur/3.c:2,", "x\n");
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(m.count, 3);
	assert_int_equal(renameat(b->fd, "new/1.a", b->fd, "cur/1.a:2,RS"), 0);
	assert_int_equal(unlinkat(b->fd, "cur/2.b:2,", 0), 0);
	for (int i = 0; i < 3; i++)
		m.messages[i].lost = true;
	maildrop_find(&m);
	assert_string_equal(m.messages[0].name, "1.a:2,RS");
	assert_int_equal(m.messages[0].folder, FOLDER_CUR);
	assert_false(m.messages[0].gone);
	assert_true(m.messages[1].gone);
	assert_false(m.messages[2].gone);
	assert_string_equal(m.messages[2].name, "3.c:2,");
	maildrop_close(&m);
}

static void
without_its_folders_it_is_no_maildir(void **state)
{
	const struct box *b = *state;
	struct maildrop m;

	assert_int_equal(unlinkat(b->fd, "cur", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("new", b->fd, "cur"), 0);
	assert_false(maildrop_open(&m, b->fd));
	maildrop_close(&m);
	assert_int_equal(unlinkat(b->fd, "cur", 0), 0);
	assert_false(maildrop_open(&m, b->fd));
	maildrop_close(&m);
	assert_int_equal(mkdirat(b->fd, "cur", 0700), 0);
	assert_true(maildrop_open(&m, b->fd));
	assert_int_equal(m.count, 0);
	maildrop_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		order_is_by_time_then_name, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		only_files_without_a_dot_in_front_are_listed, box_setup,
		box_teardown),
	    cmocka_unit_test_setup_teardown(
		sizes_come_from_names_else_from_files, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		two_files_of_one_base_are_two_messages, box_setup,
		box_teardown),
	    cmocka_unit_test_setup_teardown(
		lost_ones_are_found_under_new_names, box_setup, box_teardown),
	    cmocka_unit_test_setup_teardown(
		without_its_folders_it_is_no_maildir, box_setup, box_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
