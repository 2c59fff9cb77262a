/* show: what is printed is read again as the same configuration. */
#include "control/show.h"
#include "control/complaint.h"
#include "control/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct controls *
make(void)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);

	assert_non_null(c);
	return c;
}

static void
show_all(const struct controls *c, struct buf *b)
{
	for (enum control_id id = 0; id < CONTROL_COUNT; id++)
		assert_true(show_row(b, c, id));
	assert_true(buf_terminate(b));
}

static void
what_is_shown_reads_as_itself(void **state)
{
	static const struct {
		enum control_id id;
		const char *text;
	} files[] = {
	    {C_me,             "Mail.Example.ORG\nsecond line\n"                 },
	    {C_databytes,      "18446744073709551615"                            },
	    {C_doublebounceto, "\n"					      },
	    {C_smtpgreeting,   "  mail = {ready} # not a comment \t\n"           },
	    {C_rcpthosts,      "B.test\n\n# c\n.a.test\nb.test\n"                },
	    {C_virtualdomains, ":all\na.test:x: y \nB.test:\n"                   },
	    {C_locals,         ""						},
	    {C_proxyclients,   "10.0.0.0/8\n[2001:db8::]/32\n1.2.3.4-5\n"        },
	    {C_smtproutes,     ":r:26|joe|a:b |c\n[::1]:\nM\xc3\xbc.test:r;25\n" },
	    {C_tlspolicy,      ":may\nA.test:verify .b.test c.test\n[::1]:none\n"},
	    {C_authsenders,    "Joe@B.test::465\n@a.test:lmtp:[::1]\n"           },
	    {C_outgoingip,     "192.0.2.1, ::1\n.a.test:0.0.0.0\n"               },
	    {C_tcp_smtp,       "1.2-3.:deny\n[::1]:allow,A='\"'\n:allow\n"       },
	};
	struct controls *first = make(), *second = make();
	struct buf one = {0}, two = {0}, error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		assert_true(control_set(
		    first, files[i].id, str_of(files[i].text), &error));
	show_all(first, &one);
	assert_true(show_parse(second, buf_str(&one), &error));
	show_all(second, &two);
	assert_string_equal(one.data, two.data);
	for (enum control_id id = 0; id < CONTROL_COUNT; id++)
		assert_int_equal(
		    control_present(first, id), control_present(second, id));
	assert_non_null(strstr(one.data, "\nlocals {\n}\n"));
	assert_non_null(strstr(one.data, "\n# maxrcpt = 1000\n"));
	assert_non_null(strstr(one.data,
	    "\nvirtualdomains {\n\t:all\n\ta.test:x: y\n\tb.test:\n}\n"));
	control_free(first);
	control_free(second);
	buf_free(&one);
	buf_free(&two);
}

/* Bytes that matter to a file or to the form more often than others. */
static void
random_text(struct buf *b, uint32_t *seed)
{
	static const char letters[] = "ab.:#{}= \t\n\n\r-@[]\xc3\xa4\xff";

	buf_clear(b);
	for (uint32_t n = (*seed >> 16) % 24; n > 0; n--) {
		*seed = *seed * 1664525 + 1013904223;
		assert_true(buf_append_byte(
		    b, letters[(*seed >> 16) % (sizeof letters - 1)]));
	}
	*seed = *seed * 1664525 + 1013904223;
}

static void
whatever_a_file_may_say_reads_as_itself(void **state)
{
	static const enum control_id ids[] = {
	    C_me, C_databytes, C_smtpgreeting, C_rcpthosts, C_virtualdomains};
	struct buf text = {0}, one = {0}, two = {0}, error = {0};
	uint32_t seed = 1;
	size_t accepted = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		enum control_id id = ids[i % 5];
		struct controls *first = make(), *second = make();

		random_text(&text, &seed);
		if (control_set(first, id, buf_str(&text), &error)) {
			accepted++;
			buf_clear(&one);
			buf_clear(&two);
			show_all(first, &one);
			assert_true(show_parse(second, buf_str(&one), &error));
			show_all(second, &two);
			assert_string_equal(one.data, two.data);
		}
		control_free(first);
		control_free(second);
	}
	assert_true(accepted > 1000);
	buf_free(&text);
	buf_free(&one);
	buf_free(&two);
	buf_free(&error);
}

static void
without_any_file_all_is_comment(void **state)
{
	struct controls *c = make();
	struct buf b = {0};
	struct str rest, line;

	(void)state;
	show_all(c, &b);
	rest = buf_str(&b);
	while (str_cut(&rest, '\n', &line))
		assert_true(str_starts(line, str_of("# ")));
	assert_non_null(strstr(b.data, "# rcpthosts: none\n"));
	control_free(c);
	buf_free(&b);
}

static void
what_is_not_of_the_form_names_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
	    {"nosuch = 1\n",                      "line 1: no control has this name"               },
	    {"\n# c\nme\n",                       "line 3: neither \"NAME = VALUE\" nor \"NAME {\""},
	    {"me =x\n",			   "line 1: neither \"NAME = VALUE\" nor \"NAME {\""},
	    {"me = a.test\nme = b.test\n",        "line 2: this control comes twice"               },
	    {"me {\n}\n",                         "line 1: this control is no list"                },
	    {"rcpthosts = a\n",                   "line 1: this control is a list"                 },
	    {"rcpthosts {\n\ta\n",                "line 2: the list has no \"}\""                  },
	    {"rcpthosts {\na\n}\n",
             "line 2: neither a tab and an entry nor \"}\""                                        },
	    {"rcpthosts {\n\t\n}\n",              "line 2: not an entry"                           },
	    {"rcpthosts {\n\t#a\n}\n",            "line 2: not an entry"                           },
	    {"databytes = 10k\n",                 "control/databytes:1: not a number: 10k"         },
	    {"virtualdomains {\n\ta:b\n\tc\n}\n",
             "control/virtualdomains:2: no colon: c"                                               },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct controls *c = make();
		struct buf error = {0};

		assert_false(show_parse(c, str_of(rows[i].text), &error));
		assert_string_equal(complaint_text(&error), rows[i].error);
		control_free(c);
		buf_free(&error);
	}
}

static void
json_tells_where_a_value_comes_from(void **state)
{
	static const char want[] =
	    "{\"databytes\": {\"kind\": \"NUMBER\", \"source\": \"text\", "
	    "\"value\": 7}, "
	    "\"locals\": {\"kind\": \"LIST\", \"source\": \"default\", "
	    "\"value\": [\"me.test\"]}, "
	    "\"rcpthosts\": {\"kind\": \"LIST\", \"source\": \"none\", "
	    "\"value\": []}, "
	    "\"virtualdomains\": {\"kind\": \"MAP\", \"source\": \"text\", "
	    "\"value\": [{\"key\": \"a\", \"value\": \"b:c\"}]}}";
	static const enum control_id ids[] = {
	    C_databytes, C_locals, C_rcpthosts, C_virtualdomains};
	struct controls *c = make();
	struct buf error = {0};
	struct json j = {0};

	(void)state;
	assert_true(control_set(c, C_me, str_of("me.test"), &error));
	assert_true(control_set(c, C_databytes, str_of("7"), &error));
	assert_true(control_set(c, C_virtualdomains, str_of("A:b:c"), &error));
	json_object(&j, NULL);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		assert_true(show_json(&j, c, ids[i]));
	json_object_end(&j);
	assert_false(j.failed);
	assert_true(str_equal(buf_str(&j.out), str_of(want)));
	control_free(c);
	buf_free(&j.out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_shown_reads_as_itself),
	    cmocka_unit_test(whatever_a_file_may_say_reads_as_itself),
	    cmocka_unit_test(without_any_file_all_is_comment),
	    cmocka_unit_test(what_is_not_of_the_form_names_its_line),
	    cmocka_unit_test(json_tells_where_a_value_comes_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
