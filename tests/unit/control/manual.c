/* manual: culver-controls(5) says of every control what its row says. */
#include "control/manual.h"
#include "control/control.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* With UPDATE=1 in the environment the page is written anew. */
static void
the_page_holds_the_list(void **state)
{
	static const char begin[] = "a test compares.\n";
	static const char end[] = ".\\\" controls end\n";
	static const char name[] = "man/culver-controls.5";
	struct buf page = {0}, want = {0};
	const char *from, *to;

	(void)state;
	assert_true(fd_read_file(AT_FDCWD, name, &page));
	assert_true(buf_terminate(&page));
	from = strstr(page.data, begin);
	assert_non_null(from);
	from += strlen(begin);
	to = strstr(from, end);
	assert_non_null(to);
	assert_true(buf_append(&want, page.data, (size_t)(from - page.data)));
	assert_true(manual_mdoc(&want));
	assert_true(buf_append_text(&want, to));
	assert_true(buf_terminate(&want));
	if (getenv("UPDATE") != NULL)
		assert_true(
		    fd_replace_file(AT_FDCWD, name, buf_str(&want), 0644));
	else
		assert_string_equal(page.data, want.data);
	buf_free(&page);
	buf_free(&want);
}

static void
each_row_is_in_each_form(void **state)
{
	struct buf mdoc = {0}, text = {0};
	struct json j = {0};

	(void)state;
	assert_true(manual_mdoc(&mdoc));
	assert_true(manual_text(&text));
	assert_true(buf_terminate(&mdoc));
	assert_true(buf_terminate(&text));
	manual_json(&j);
	assert_false(j.failed);
	assert_true(buf_terminate(&j.out));
	for (enum control_id i = 0; i < CONTROL_COUNT; i++) {
		const struct control_row *row = control_row(i);

		assert_non_null(strstr(mdoc.data, row->name));
		assert_non_null(strstr(text.data, row->name));
		assert_non_null(strstr(text.data, row->summary));
		assert_non_null(strstr(j.out.data, row->name));
	}
	assert_non_null(strstr(mdoc.data, "strangers.\n"));
	assert_null(strstr(mdoc.data, "\n.domain")); /* no request of mdoc */
	buf_free(&mdoc);
	buf_free(&text);
	buf_free(&j.out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_page_holds_the_list),
	    cmocka_unit_test(each_row_is_in_each_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
