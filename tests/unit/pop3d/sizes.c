/* sizes: what was said is found again, of the same file only, and damage is
 * passed over. */
#include "pop3d/sizes.h"

#include "lib/str.h"
#include "tests/unit/pop3d/box.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct stat
file(off_t size, time_t seconds, long nanoseconds)
{
	struct stat st = {.st_size = size};

	st.st_mtim.tv_sec = seconds;
	st.st_mtim.tv_nsec = nanoseconds;
	return st;
}

static struct sizes
begin(const struct box *b)
{
	struct sizes s;

	sizes_open(&s, b->fd);
	assert_true(s.fd >= 0);
	return s;
}

static void
add(struct sizes *s, const char *base, uint64_t octets)
{
	struct stat st = file(10, 1000, 5);

	sizes_add(s, str_of(base), &st, octets);
}

static uint64_t
find(struct sizes *s, const char *base)
{
	struct stat st = file(10, 1000, 5);
	uint64_t octets = 0;

	return sizes_find(s, str_of(base), &st, &octets) ? octets : 0;
}

static void
forget(const struct box *b)
{
	assert_int_equal(unlinkat(b->fd, SIZES_FILE, 0), 0);
}

static off_t
length(const struct box *b)
{
	struct stat st;

	assert_int_equal(fstatat(b->fd, SIZES_FILE, &st, 0), 0);
	return st.st_size;
}

static void
sizes_outlive_their_session(void **state)
{
	const struct box *b = *state;
	struct sizes s = begin(b);

	assert_int_equal(find(&s, "1.a"), 0);
	add(&s, "1.a", 11);
	add(&s, "2.b c", 12);
	add(&s, "", 13);
	add(&s, "3.\n", 14);
	sizes_close(&s);
	s = begin(b);
	assert_int_equal(find(&s, "1.a"), 11);
	assert_int_equal(find(&s, "2.b c"), 12);
	assert_int_equal(find(&s, "2.b"), 0);
	assert_int_equal(find(&s, "3.\n"), 0);
	add(&s, "4.d", 15);
	add(&s, "1.a", 16); /* the last one counts */
	sizes_close(&s);
	s = begin(b);
	assert_int_equal(find(&s, "1.a"), 16);
	assert_int_equal(find(&s, "4.d"), 15);
	sizes_close(&s);
	forget(b);
}

static void
another_file_of_the_name_is_another(void **state)
{
	const struct stat others[] = {
	    file(11, 1000, 5), file(10, 1001, 5), file(10, 1000, 6)};
	const struct box *b = *state;
	struct sizes s = begin(b);

	add(&s, "1.a", 11);
	sizes_close(&s);
	s = begin(b);
	for (size_t i = 0; i < COUNT(others); i++) {
		uint64_t octets;

		assert_false(
		    sizes_find(&s, str_of("1.a"), &others[i], &octets));
	}
	assert_int_equal(find(&s, "1.a"), 11);
	sizes_close(&s);
	forget(b);
}

/* Each byte of the file in turn is another, is the last, or is missing. */
static void
damage_is_passed_over(void **state)
{
	const struct box *b = *state;
	struct buf whole = {0};
	struct sizes s = begin(b);

	add(&s, "1.a", 11);
	add(&s, "2.b", 22);
	sizes_close(&s);
	assert_true(fd_read_file(b->fd, SIZES_FILE, &whole));
	for (size_t i = 0; i < 2 * whole.len; i++) {
		size_t at = i / 2;
		bool first = at < whole.len / 2, cut = i % 2 == 0;
		struct str head = {whole.data, cut ? at : whole.len};
		char kept = whole.data[at];

		if (!cut)
			whole.data[at] = (char)(kept ^ 1);
		assert_true(fd_replace_file(b->fd, SIZES_FILE, head, 0600));
		whole.data[at] = kept;
		s = begin(b);
		if (!first && !cut)
			assert_int_equal(find(&s, "1.a"), 11);
		if (first && !cut && kept != '\n')
			assert_int_equal(find(&s, "2.b"), 22);
		if (find(&s, "1.a") != 0)
			assert_int_equal(find(&s, "1.a"), 11);
		if (find(&s, "2.b") != 0)
			assert_int_equal(find(&s, "2.b"), 22);
		add(&s, "3.c", 33);
		sizes_close(&s);
		/* What is added behind it is not lost with it. */
		s = begin(b);
		assert_int_equal(find(&s, "3.c"), 33);
		sizes_close(&s);
	}
	buf_free(&whole);
	forget(b);
}

static void
two_sessions_add_side_by_side(void **state)
{
	const struct box *b = *state;
	struct sizes one = begin(b), two = begin(b);

	add(&one, "1.a", 11);
	add(&two, "2.b", 22);
	add(&one, "3.c", 33);
	sizes_close(&two);
	sizes_close(&one);
	one = begin(b);
	assert_int_equal(find(&one, "1.a"), 11);
	assert_int_equal(find(&one, "2.b"), 22);
	assert_int_equal(find(&one, "3.c"), 33);
	sizes_close(&one);
	forget(b);
}

static void
many(struct sizes *s, int from, int to)
{
	char base[64];

	for (int i = from; i < to; i++) {
		(void)snprintf(
		    base, sizeof(base), "%d.a_name_of_usual_length", i);
		add(s, base, (uint64_t)i + 1);
	}
}

static void
what_is_gone_is_dropped_by_who_knows_all(void **state)
{
	enum { MANY = 5000 };
	const struct box *b = *state;
	struct sizes s = begin(b);
	off_t before;

	many(&s, 0, MANY);
	sizes_close(&s);
	before = length(b);
	assert_true(before > (off_t)2 * SIZES_WASTE);
	for (int complete = 0; complete < 2; complete++) {
		s = begin(b);
		assert_int_equal(find(&s, "7.a_name_of_usual_length"), 8);
		assert_int_equal(find(&s, "7.a_name_of_usual_length"), 8);
		add(&s, "new", 99);
		s.complete = complete == 1;
		sizes_close(&s);
		assert_true((length(b) < before) == (complete == 1));
	}
	assert_true(length(b) < 200);
	s = begin(b);
	assert_int_equal(find(&s, "7.a_name_of_usual_length"), 8);
	assert_int_equal(find(&s, "new"), 99);
	assert_int_equal(find(&s, "8.a_name_of_usual_length"), 0);
	sizes_close(&s);
	forget(b);
}

static void
it_does_not_grow_for_ever(void **state)
{
	const struct box *b = *state;
	struct sizes s = begin(b);

	many(&s, 0, 1);
	sizes_close(&s);
	s = begin(b);
	assert_int_equal(ftruncate(s.fd, SIZES_MAX - 10), 0);
	many(&s, 1, 10);
	sizes_close(&s);
	assert_true(length(b) <= SIZES_MAX);
	s = begin(b);
	assert_int_equal(ftruncate(s.fd, (off_t)SIZES_MAX + 1), 0);
	many(&s, 1, 10);
	assert_int_equal(find(&s, "0.a_name_of_usual_length"), 0);
	s.complete = true;
	sizes_close(&s);
	assert_true(length(b) < SIZES_WASTE);
	forget(b);
}

static void
what_is_not_our_file_is_let_be(void **state)
{
	const struct box *b = *state;
	struct sizes s;

	for (int kind = 0; kind < 4; kind++) {
		box_put(b, "new/other", "kept");
		if (kind == 0)
			assert_int_equal(
			    symlinkat("new/other", b->fd, SIZES_FILE), 0);
		else if (kind == 1)
			assert_int_equal(
			    linkat(b->fd, "new/other", b->fd, SIZES_FILE, 0),
			    0);
		else if (kind == 2)
			assert_int_equal(mkfifoat(b->fd, SIZES_FILE, 0600), 0);
		else
			assert_int_equal(mkdirat(b->fd, SIZES_FILE, 0700), 0);
		sizes_open(&s, b->fd);
		assert_int_equal(s.fd, -1);
		add(&s, "1.a", 11);
		assert_int_equal(find(&s, "1.a"), 0);
		s.complete = true;
		sizes_close(&s);
		assert_int_equal(
		    unlinkat(b->fd, SIZES_FILE, kind == 3 ? AT_REMOVEDIR : 0),
		    0);
		assert_int_equal(unlinkat(b->fd, "new/other", 0), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_outlive_their_session),
	    cmocka_unit_test(another_file_of_the_name_is_another),
	    cmocka_unit_test(damage_is_passed_over),
	    cmocka_unit_test(two_sessions_add_side_by_side),
	    cmocka_unit_test(what_is_gone_is_dropped_by_who_knows_all),
	    cmocka_unit_test(it_does_not_grow_for_ever),
	    cmocka_unit_test(what_is_not_our_file_is_let_be),
	};

	return cmocka_run_group_tests(tests, box_setup, box_teardown);
}
