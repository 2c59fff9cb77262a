/* store: a policy comes back as it was kept, or not at all. */
#include "policy/store.h"

#include "lib/fd.h"
#include "tests/unit/policy/folder.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char text[] =
    "version: STSv1\nmode: enforce\nmx: MX.a.example\nmax_age: 1000\n";

static void
put(const char *domain)
{
	struct stored s = {.fetched = 5000, .max_age = 1000, .id = "abc"};

	assert_true(store_write(folder_fd, str_of(domain), &s, str_of(text)));
}

static enum found
get(const char *domain, struct stored *s)
{
	struct sts_policy p;
	struct buf b = {0};
	enum found r = store_read(folder_fd, str_of(domain), s, &b, &p);

	if (r == FOUND_YES) {
		assert_true(str_equal(p.id, str_of("abc")));
		assert_int_equal(p.count, 1);
		assert_true(str_equal(p.mx[0], str_of("mx.a.example")));
	}
	buf_free(&b);
	return r;
}

static void
policy_is_kept(void **state)
{
	struct stored s;
	int64_t asked = 0;

	(void)state;
	assert_int_equal(get("a.example", &s), FOUND_NO);
	put("a.example");
	assert_int_equal(folder_files(0), 1);
	assert_int_equal(get("a.example", &s), FOUND_YES);
	assert_int_equal(s.fetched, 5000);
	store_asked(folder_fd, str_of("a.example"), 777);
	assert_int_equal(
	    store_head(folder_fd, str_of("a.example"), &s, &asked), FOUND_YES);
	assert_int_equal(asked, 777);
	assert_int_equal(s.max_age, 1000);
	assert_string_equal(s.id, "abc");
	store_remove(folder_fd, str_of("a.example"));
	assert_int_equal(get("a.example", &s), FOUND_NO);
	store_remove(folder_fd, str_of("a.example"));
}

static void
names_lead_nowhere_else(void **state)
{
	struct stored s = {.id = "abc"};

	(void)state;
	assert_int_equal(get("../x.example", &s), FOUND_ERROR);
	assert_false(
	    store_write(folder_fd, str_of("a/b.example"), &s, str_of(text)));
}

/* Cut anywhere, or with any byte changed, it is not believed. */
static void
damaged_files_are_not_believed(void **state)
{
	struct buf whole = {0};
	struct stored s;

	(void)state;
	put("a.example");
	assert_true(fd_read_file(folder_fd, "a.example", &whole));
	for (size_t i = 0; i < whole.len; i++) {
		struct str cut = str_slice(buf_str(&whole), 0, i);

		assert_true(fd_replace_file(folder_fd, "a.example", cut, 0600));
		assert_int_equal(get("a.example", &s), FOUND_ERROR);
		assert_int_equal(errno, EPROTO);
	}
	for (size_t i = str_find(buf_str(&whole), '\n'); i < whole.len; i++) {
		whole.data[i] ^= 1;
		assert_true(fd_replace_file(
		    folder_fd, "a.example", buf_str(&whole), 0600));
		assert_int_equal(get("a.example", &s), FOUND_ERROR);
		whole.data[i] ^= 1;
	}
	buf_free(&whole);
}

static void
age_decides_when_it_is_fetched_anew_and_when_it_ends(void **state)
{
	static const struct {
		uint32_t max_age;
		int64_t age;
		bool due, expired;
	} rows[] = {
	    {1000,        499,           false, false},
	    {1000,        500,           true,  false},
	    {1000,        999,           true,  false},
	    {1000,        1000,          true,  true },
	    {STS_AGE_MAX, STORE_DAY - 1, false, false},
	    {STS_AGE_MAX, STORE_DAY,     true,  false},
	    {STS_AGE_MAX, STS_AGE_MAX,   true,  true },
	    {1000,        -5000,         false, false}, /* the clock was set back */
	    {0,           0,             true,  true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stored s = {
		    .fetched = 100000, .max_age = rows[i].max_age};
		int64_t now = 100000 + rows[i].age;

		if (store_due(&s, now) != rows[i].due ||
		    store_expired(&s, now) != rows[i].expired)
			fail_msg("row %zu", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy_is_kept),
	    cmocka_unit_test(names_lead_nowhere_else),
	    cmocka_unit_test(damaged_files_are_not_believed),
	    cmocka_unit_test(
		age_decides_when_it_is_fetched_anew_and_when_it_ends),
	};

	return cmocka_run_group_tests(tests, folder_enter, folder_leave);
}
