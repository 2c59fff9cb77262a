/* recent: a password is remembered for whom it was right, and not for long. */
#include "pop3d/recent.h"

#include "lib/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const int64_t now = 1000 * (int64_t)CLOCK_SECOND;
static const int64_t life = RECENT_SECONDS * (int64_t)CLOCK_SECOND;

static void
tag_of(const struct recent *r, const char *user, const char *password,
    const char *hash, unsigned char tag[RECENT_TAG])
{
	const struct checkpw who = {
	    str_of(user), str_of(password), str_of("stamp")};

	assert_true(recent_tag(r, &who, str_of(hash), tag));
}

static void
each_part_makes_another_tag(void **state)
{
	static const char *const rows[][3] = {
	    {"user",  "secret",  "$y$hash" },
	    {"User",  "secret",  "$y$hash" },
	    {"user",  "secret ", "$y$hash" },
	    {"user",  "secret",  "$y$hash2"},
	    {"users", "ecret",   "$y$hash" },
	    {"user",  "secret$", "y$hash"  },
	    {"user",  "",        "$y$hash" },
	};
	unsigned char tags[COUNT(rows)][RECENT_TAG];
	struct recent r;

	(void)state;
	assert_true(recent_open(&r));
	for (size_t i = 0; i < COUNT(rows); i++)
		tag_of(&r, rows[i][0], rows[i][1], rows[i][2], tags[i]);
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(tags[i], tags[j], RECENT_TAG);
	recent_keep(&r, tags[0], now);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(recent_has(&r, tags[i], now), i == 0);
}

static void
another_process_makes_other_tags(void **state)
{
	unsigned char a[RECENT_TAG], b[RECENT_TAG];
	struct recent r;

	(void)state;
	assert_true(recent_open(&r));
	tag_of(&r, "user", "secret", "hash", a);
	assert_true(recent_open(&r));
	tag_of(&r, "user", "secret", "hash", b);
	assert_memory_not_equal(a, b, RECENT_TAG);
}

/* Use does not make it longer. */
static void
it_ends_at_its_time(void **state)
{
	static const struct recent_row none;
	unsigned char tag[RECENT_TAG];
	struct recent r;

	(void)state;
	assert_true(recent_open(&r));
	tag_of(&r, "user", "secret", "hash", tag);
	assert_false(recent_has(&r, tag, now));
	recent_keep(&r, tag, now);
	assert_true(recent_has(&r, tag, now + life - 1));
	assert_false(recent_has(&r, tag, now + life));
	recent_forget(&r, now + life - 1);
	assert_true(recent_has(&r, tag, now));
	recent_forget(&r, now + life);
	assert_false(recent_has(&r, tag, now));
	for (size_t i = 0; i < RECENT_ROWS; i++)
		assert_memory_equal(&r.rows[i], &none, sizeof(none));
}

static void
a_later_one_takes_the_row(void **state)
{
	unsigned char a[RECENT_TAG] = {7, 1}, b[RECENT_TAG] = {7, 2};
	struct recent r;

	(void)state;
	assert_true(recent_open(&r));
	recent_keep(&r, a, now);
	recent_keep(&r, b, now);
	assert_false(recent_has(&r, a, now));
	assert_true(recent_has(&r, b, now));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_part_makes_another_tag),
	    cmocka_unit_test(another_process_makes_other_tags),
	    cmocka_unit_test(it_ends_at_its_time),
	    cmocka_unit_test(a_later_one_takes_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
