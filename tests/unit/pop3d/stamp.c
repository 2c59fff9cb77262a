/* stamp: no two are the same, and one that is too long is none. */
#include "pop3d/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void
two_stamps_are_not_the_same(void **state)
{
	char a[STAMP_SIZE], b[STAMP_SIZE];

	(void)state;
	stamp_make(a, str_of("mail.example.org"));
	stamp_make(b, str_of("mail.example.org"));
	assert_int_equal(a[0], '<');
	assert_non_null(strstr(a, "@mail.example.org>"));
	assert_string_not_equal(a, b);
}

static void
one_that_is_too_long_is_none(void **state)
{
	char a[STAMP_SIZE] = "x", me[STAMP_SIZE];

	(void)state;
	memset(me, 'a', sizeof(me) - 1);
	me[sizeof(me) - 1] = '\0';
	stamp_make(a, str_of(me));
	assert_string_equal(a, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_stamps_are_not_the_same),
	    cmocka_unit_test(one_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
