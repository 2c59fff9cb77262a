/* report: the words that scripts know, and the status within them. */
#include "local/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

static struct report report;

static void
rows_have_letter_status_and_line_end(void **state)
{
	(void)state;
	report_say(&report, REPORT_NO_MAILBOX);
	assert_int_equal(report.letter, 'D');
	assert_string_equal(report.status, "5.1.1");
	assert_string_equal(
	    report.text, "Sorry, no mailbox here by that name. (#5.1.1)\n");
	for (int id = 0; id <= REPORT_MEMORY; id++) {
		char want[JOB_STATUS + 5];

		report_say(&report, (enum report_id)id);
		assert_non_null(strchr("DZH", report.letter));
		assert_int_equal(strlen(report.status), 5);
		assert_int_equal(
		    report.status[0], report.letter == 'D' ? '5' : '4');
		(void)snprintf(want, sizeof(want), "(#%s)\n", report.status);
		assert_non_null(strstr(report.text, want));
	}
}

static void
errors_are_temporary(void **state)
{
	(void)state;
	errno = EACCES;
	report_errno(&report, "open", str_of("./Maildir/new"));
	assert_int_equal(report.letter, 'Z');
	assert_string_equal(report.text,
	    "Unable to open ./Maildir/new: Permission denied. (#4.2.1)\n");
	errno = EIO;
	report_errno(&report, "open", str_of("./Maildir/new"));
	assert_string_equal(report.status, "4.3.0");
	errno = ENOSPC;
	report_errno(&report, "write", str_of("x"));
	assert_string_equal(report.status, "4.3.1");
	errno = EDQUOT;
	report_errno(&report, "write", str_of("x"));
	assert_string_equal(report.status, "4.2.2");
}

static void
long_texts_are_cut_and_ended(void **state)
{
	static char much[2 * JOB_TEXT];

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	report_set(&report, 'Z', much, much);
	assert_int_equal(strlen(report.text), JOB_TEXT);
	assert_int_equal(report.text[JOB_TEXT - 1], '\n');
	assert_int_equal(strlen(report.status), JOB_STATUS);
	errno = EIO;
	report_errno(&report, "open", (struct str){much, sizeof(much) - 1});
	assert_non_null(strstr(report.text, "(#4.3.0)\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_have_letter_status_and_line_end),
	    cmocka_unit_test(errors_are_temporary),
	    cmocka_unit_test(long_texts_are_cut_and_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
