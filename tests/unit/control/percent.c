/* percent: what an address of percenthack means. */
#include "control/percent.h"
#include "control/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *address, *meant;
	enum found found;
} rows[] = {
    {"u%h@p.test",        "u@h",            FOUND_YES},
    {"U%H.Test@P.TEST",   "U@H.Test",       FOUND_YES},
    {"u%h%p.test@q.test", "u@h",            FOUND_YES},
    {"u%v%h@p.test",      "u%v@h",          FOUND_YES},
    {"u@v%h@p.test",      "u@v@h",          FOUND_YES},
    {"u%%@p.test",        "u%@",            FOUND_YES},
    {"u%@p.test",         "u@",             FOUND_YES},
    {"u%h@other.test",    "u%h@other.test", FOUND_NO },
    {"u%h@a.p.test",      "u%h@a.p.test",   FOUND_NO },
    {"u@p.test",          "u@p.test",       FOUND_NO },
    {"%h@p.test",         "%h@p.test",      FOUND_NO },
    {"%p.test%h@p.test",  "%p.test@h",      FOUND_YES},
    {"%h%p.test@p.test",  "%h@p.test",      FOUND_YES},
    {"u%p.test",          "u%p.test",       FOUND_NO },
    {"",		  "",	       FOUND_NO },
};

static void
the_last_percent_becomes_the_at(void **state)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);
	struct buf b = {0};

	(void)state;
	assert_non_null(c);
	assert_true(
	    control_set(c, C_percenthack, str_of("p.test\nQ.test\n"), &b));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&b);
		assert_true(buf_append_text(&b, rows[i].address));
		assert_int_equal(percent_rewrite(c, &b), rows[i].found);
		assert_true(buf_terminate(&b));
		assert_string_equal(b.data, rows[i].meant);
	}
	buf_free(&b);
	control_free(c);
}

static void
without_the_list_every_address_is_what_it_is(void **state)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);
	struct buf b = {0};

	(void)state;
	assert_non_null(c);
	assert_true(buf_append_text(&b, "u%h@p.test"));
	assert_int_equal(percent_rewrite(c, &b), FOUND_NO);
	assert_true(str_equal(buf_str(&b), str_of("u%h@p.test")));
	buf_free(&b);
	control_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_percent_becomes_the_at),
	    cmocka_unit_test(without_the_list_every_address_is_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
