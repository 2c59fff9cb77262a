/* tlsa: which name's records count, and what is made of them. */
#include "tests/unit/remote/asked.h"

#include "remote/tlsa.h"

static const struct tlsa_asker asker = {NULL, asked_dns};

static void
records_are_those_of_the_last_name_that_is_signed(void **state)
{
	static const struct {
		struct asked_row rows[3];
		enum tlsa_result result;
		const char *base;
	} cases[] = {
	    {{{.name = "_25._tcp.end.test", .secure = true, .usage = 3}},
             TLSA_USABLE,   "end.test"},
	    {{{.name = "_25._tcp.mx.test", .secure = true, .usage = 3}},
             TLSA_USABLE,   "mx.test" },
	    {{{.name = "_25._tcp.end.test", .secure = false, .usage = 3},
		 {.name = "_25._tcp.mx.test", .secure = true, .usage = 3}},
             TLSA_USABLE,   "mx.test" },
	    {{{.name = "_25._tcp.end.test", .secure = true, .usage = 1},
		 {.name = "_25._tcp.mx.test", .secure = true, .usage = 3}},
             TLSA_UNUSABLE, "end.test"},
	    {{{.name = "_25._tcp.end.test", .trouble = "broken"},
		 {.name = "_25._tcp.mx.test", .secure = true, .usage = 3}},
             TLSA_TROUBLE,  "end.test"},
	    {{{.name = "_25._tcp.mx.test", .secure = false, .usage = 3}},
             TLSA_NONE,     "mx.test" },
	    {{{.name = "_26._tcp.mx.test", .secure = true, .usage = 3}},
             TLSA_NONE,     "mx.test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tlsa t;

		asked_rows = cases[i].rows;
		asked_count = 3;
		assert_int_equal(
		    tlsa_find(&t, &asker, "end.test", "mx.test", 25),
		    cases[i].result);
		assert_string_equal(t.base, cases[i].base);
		assert_int_equal(t.count, cases[i].result == TLSA_USABLE);
		if (cases[i].result == TLSA_TROUBLE)
			assert_string_equal(t.why, "broken");
		tlsa_free(&t);
	}
}

/* All that leads to the records must be signed. */
static void
aliases_are_asked_for_where_the_server_left_that(void **state)
{
	static struct asked_row rows[] = {
	    {.name = "_25._tcp.mx.test", .secure = true, .alias = "a.test"},
	    {.name = "a.test",           .secure = true, .alias = "b.test"},
	    {.name = "b.test",           .secure = true, .usage = 2       },
	};
	static const struct asked_row circle[] = {
	    {.name = "_25._tcp.mx.test",
             .secure = true,
             .alias = "_25._tcp.mx.test"},
	};
	struct tlsa t;

	(void)state;
	asked_rows = rows;
	asked_count = COUNT(rows);
	assert_int_equal(
	    tlsa_find(&t, &asker, "mx.test", "mx.test", 25), TLSA_USABLE);
	tlsa_free(&t);
	rows[1].secure = false;
	assert_int_equal(
	    tlsa_find(&t, &asker, "mx.test", "mx.test", 25), TLSA_NONE);
	tlsa_free(&t);
	asked_rows = circle;
	asked_count = 1;
	assert_int_equal(
	    tlsa_find(&t, &asker, "mx.test", "mx.test", 25), TLSA_TROUBLE);
	assert_non_null(t.why);
	tlsa_free(&t);
}

static void
records_are_told_as_a_zone_has_them(void **state)
{
	static const struct asked_row rows[] = {
	    {.name = "_25._tcp.mx.test",
             .secure = true,
             .usage = 3,
             .selector = 1,
             .data = {"\x01\xaf\xff", 3}},
	    {.name = "_25._tcp.mx.test",
             .secure = true,
             .usage = 2,
             .data = {"\x00", 1}   },
	};
	struct buf out = {0};
	struct tlsa t;

	(void)state;
	asked_rows = rows;
	asked_count = COUNT(rows);
	assert_int_equal(
	    tlsa_find(&t, &asker, "mx.test", "mx.test", 25), TLSA_UNUSABLE);
	assert_true(tlsa_format(&t, 1024, &out));
	assert_true(str_equal(buf_str(&out), str_of("3 1 1 01afff\n2 0 1 00")));
	buf_clear(&out);
	assert_true(tlsa_format(&t, 24, &out));
	assert_true(str_equal(buf_str(&out), str_of("3 1 1 01afff")));
	buf_free(&out);
	tlsa_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_those_of_the_last_name_that_is_signed),
	    cmocka_unit_test(aliases_are_asked_for_where_the_server_left_that),
	    cmocka_unit_test(records_are_told_as_a_zone_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
