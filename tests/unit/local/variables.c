/* variables: qmail's names, and values that no shell may get. */
#include "local/variables.h"

#include "lib/env.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct delivery
delivery(void)
{
	return (struct delivery){.job.sender = str_of("s p@x.example"),
	    .home = str_of("/home/anna"),
	    .user = str_of("anna"),
	    .local = str_of("anna-a-b-c-d"),
	    .dash = str_of("-"),
	    .ext = str_of("a-b-c-d"),
	    .domain = str_of("mail.sub.example.org")};
}

static enum variables_result
make(struct variables *v, const struct delivery *d, struct str new_sender,
    struct str rest)
{
	struct lines lines;
	const struct variables_from from = {.d = d,
	    .lines = &lines,
	    .home = d->home,
	    .new_sender = new_sender,
	    .rest = rest,
	    .has_rest = rest.data != NULL};
	enum variables_result result;

	assert_true(lines_make(&lines, d, 1795229420));
	result = variables_make(v, &from);
	lines_free(&lines);
	return result;
}

static void
all_of_them(void **state)
{
	static const char *const want[] = {"PATH=/p",
	    "HOST=mail.sub.example.org", "HOST2=mail.sub.example",
	    "HOST3=mail.sub", "HOST4=mail", "HOME=/home/anna", "USER=anna",
	    "LOCAL=anna-a-b-c-d", "RECIPIENT=anna-a-b-c-d@mail.sub.example.org",
	    "DTLINE=Delivered-To: anna-a-b-c-d@mail.sub.example.org\n",
	    "RPLINE=Return-Path: <\"s p\"@x.example>\n",
	    "UFLINE=From s-p@x.example Sat Nov 21 02:50:20 2026\n",
	    "SENDER=s p@x.example", "NEWSENDER=n@y", "EXT=a-b-c-d",
	    "EXT2=b-c-d", "EXT3=c-d", "EXT4=d", "DEFAULT=c-d"};
	struct delivery d = delivery();
	struct variables v;

	(void)state;
	env_set("PATH", "/p");
	env_set("CULVER_HOME", NULL);
	env_set("CULVER_CLOCK", NULL);
	assert_int_equal(
	    make(&v, &d, str_of("n@y"), str_of("c-d")), VARIABLES_OK);
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_non_null(v.list[i]);
		assert_string_equal(v.list[i], want[i]);
	}
	assert_null(v.list[COUNT(want)]);
	variables_free(&v);
}

static const char *
find(const struct variables *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (str_starts(str_of(v->list[i]), str_of(name)))
			return v->list[i] + strlen(name);
	return NULL;
}

static void
few_dashes_and_dots(void **state)
{
	struct delivery d = delivery();
	struct variables v;

	(void)state;
	d.ext = str_of("one");
	d.domain = str_of("host");
	d.job.sender = str_of("");
	assert_int_equal(
	    make(&v, &d, str_of(""), (struct str){0}), VARIABLES_OK);
	assert_string_equal(find(&v, "EXT="), "one");
	assert_string_equal(find(&v, "EXT2="), "");
	assert_string_equal(find(&v, "EXT4="), "");
	assert_string_equal(find(&v, "HOST4="), "host");
	assert_string_equal(find(&v, "SENDER="), "");
	assert_string_equal(find(&v, "RPLINE="), "Return-Path: <>\n");
	assert_string_equal(find(&v, "UFLINE="),
	    "From MAILER-DAEMON Sat Nov 21 02:50:20 2026\n");
	assert_null(find(&v, "DEFAULT="));
	variables_free(&v);
}

/* What comes from outside, at each place where it could come in. */
static void
no_shell_code_and_no_second_line(void **state)
{
	static const char *const bad[] = {
	    "() { :;}; touch /tmp/x", "() {", "a\nb", "\n"};
	static const char *const good[] = {
	    "() x", "a() {", " () {", "$(touch x)", "`x`", ";x", "\xc3\xa9"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad) + COUNT(good); i++) {
		const bool is_bad = i < COUNT(bad);
		const struct str s =
		    str_of(is_bad ? bad[i] : good[i - COUNT(bad)]);

		for (int place = 0; place < 6; place++) {
			struct delivery d = delivery();
			struct str new_sender = str_of("n"), rest = {0};
			struct variables v;

			if (place == 0)
				d.job.sender = s;
			else if (place == 1)
				d.local = s;
			else if (place == 2)
				d.ext = s;
			else if (place == 3)
				d.domain = s;
			else if (place == 4)
				new_sender = s;
			else
				rest = s;
			assert_int_equal(make(&v, &d, new_sender, rest),
			    is_bad ? VARIABLES_UNSAFE : VARIABLES_OK);
			variables_free(&v);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_of_them),
	    cmocka_unit_test(few_dashes_and_dots),
	    cmocka_unit_test(no_shell_code_and_no_second_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
