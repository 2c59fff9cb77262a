/* date: three forms of a stamp, at the edges of months, years and the range. */
#include "lib/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	int64_t seconds;
	const char *rfc5322, *gmt, *iso;
} rows[] = {
    {1795229420,   "Sat, 21 Nov 2026 02:50:20 +0000", "21 Nov 2026 02:50:20 GMT",
     "2026-11-21T02:50:20Z"									     },
    {0,	    "Thu, 1 Jan 1970 00:00:00 +0000",  "1 Jan 1970 00:00:00 GMT",
     "1970-01-01T00:00:00Z"									     },
    {-1,	   "Wed, 31 Dec 1969 23:59:59 +0000", "31 Dec 1969 23:59:59 GMT",
     "1969-12-31T23:59:59Z"									     },
    {951782400,    "Tue, 29 Feb 2000 00:00:00 +0000", "29 Feb 2000 00:00:00 GMT",
     "2000-02-29T00:00:00Z"									     },
    {4107542400,   "Mon, 1 Mar 2100 00:00:00 +0000",  "1 Mar 2100 00:00:00 GMT",
     "2100-03-01T00:00:00Z"									     },
    {253402300799, "Fri, 31 Dec 9999 23:59:59 +0000",
     "31 Dec 9999 23:59:59 GMT",						  "9999-12-31T23:59:59Z"},
    {INT64_MAX,    "Fri, 31 Dec 9999 23:59:59 +0000", "31 Dec 9999 23:59:59 GMT",
     "9999-12-31T23:59:59Z"									     },
    {INT64_MIN,    "Sat, 1 Jan 0000 00:00:00 +0000",  "1 Jan 0000 00:00:00 GMT",
     "0000-01-01T00:00:00Z"									     },
};

static void
known_stamps(void **state)
{
	char text[DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		date_rfc5322(text, rows[i].seconds);
		assert_string_equal(text, rows[i].rfc5322);
		date_gmt(text, rows[i].seconds);
		assert_string_equal(text, rows[i].gmt);
		date_iso(text, rows[i].seconds);
		assert_string_equal(text, rows[i].iso);
	}
}

static void
in_the_form_of_a_mbox(void **state)
{
	char text[DATE_SIZE];

	(void)state;
	date_ctime(text, 1795229420);
	assert_string_equal(text, "Sat Nov 21 02:50:20 2026");
	date_ctime(text, 0);
	assert_string_equal(text, "Thu Jan 01 00:00:00 1970");
}

/* Every day of the range, at an hour that differs from day to day. */
static void
agrees_with_the_c_library(void **state)
{
	static const char *const days[] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const int64_t step = 86400 + 61;
	char text[DATE_SIZE], want[DATE_SIZE];

	(void)state;
	for (int64_t s = -62167219200; s < 253402300800; s += step) {
		time_t when = (time_t)s;
		struct tm tm;

		assert_non_null(gmtime_r(&when, &tm));
		date_rfc5322(text, s);
		(void)snprintf(want, sizeof(want),
		    "%s, %d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
		    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
		assert_string_equal(text, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_stamps),
	    cmocka_unit_test(in_the_form_of_a_mbox),
	    cmocka_unit_test(agrees_with_the_c_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
