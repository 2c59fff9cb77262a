/* noticetext: whatever a host or a sender wrote, a notice stays one of ours. */
#include "send/noticetext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *in, *want;
};

static const struct row reports[] = {
    {"Sorry. (#5.1.1)\n",        "Sorry. (#5.1.1)\n"},
    {"no line end",              "no line end\n"    },
    {"a\nb\n\n\n",               "a\nb\n"           },
    {"a\n\nb",		   "a\n/b\n"          },
    {"a\n\n\nb",		 "a\n/\nb\n"        },
    {"\n\na",		    "/\na\n"           },
    {"",			 "\n"	       },
    {"\x1b[2J\r\x7f\xc3\xa4\t.", "?[2J?????.\n"     },
};

static const struct row fields[] = {
    {"550 no\n",       "550 no"       },
    {"550-a\n550 b\n", "550-a / 550 b"},
    {"a\r\nX: y",      "a? / X: y"    },
    {" \x80 ",         "?"            },
    {"",	       ""	     },
};

static const struct row addresses[] = {
    {"a b@c",  "a?b@c"},
    {"a\nb@c", "a?b@c"},
    {"a@b",    "a@b"  },
};

static const struct row xtexts[] = {
    {"rfc822;a+40b",   "rfc822;a@b"  },
    {"rfc822;a+2Bb@c", "rfc822;a+b@c"},
    {"a+0Ab",          "a?b"         },
    {"a+zz+4",         "a+zz+4"      },
    {"+",	      "+"           },
};

static const struct row statuses[] = {
    {"5.1.1",       "5.1.1"    },
    {"4.4.7",       "4.4.7"    },
    {"5.123.999",   "5.123.999"},
    {"2.0.0",       "5.0.0"    },
    {"5.1",         "5.0.0"    },
    {"5.1.1234",    "5.0.0"    },
    {"5.1.1x",      "5.0.0"    },
    {"5..1",        "5.0.0"    },
    {"",	    "5.0.0"    },
    {"5.1.1\nX: y", "5.0.0"    },
};

static void
check(
    const struct row *rows, size_t count, bool (*put)(struct buf *, struct str))
{
	for (size_t i = 0; i < count; i++) {
		struct buf b = {0};

		assert_true(put(&b, str_of(rows[i].in)) && buf_terminate(&b));
		assert_string_equal(b.data, rows[i].want);
		buf_free(&b);
	}
}

static void
what_is_put_stays_in_its_place(void **state)
{
	(void)state;
	check(reports, COUNT(reports), noticetext_report);
	check(fields, COUNT(fields), noticetext_field);
	check(addresses, COUNT(addresses), noticetext_address);
	check(xtexts, COUNT(xtexts), noticetext_xtext);
}

static void
fields_are_bounded(void **state)
{
	static char much[10 * NOTICE_FIELD];
	struct buf b = {0};

	(void)state;
	memset(much, '\n', sizeof(much));
	much[0] = 'a';
	much[sizeof(much) - 1] = 'b';
	assert_true(noticetext_field(&b, (struct str){much, sizeof(much)}));
	assert_true(b.len < NOTICE_FIELD + 3);
	buf_clear(&b);
	assert_true(noticetext_xtext(&b, (struct str){much, sizeof(much)}));
	assert_true(b.len < NOTICE_FIELD + 3);
	buf_free(&b);
}

static void
statuses_that_are_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++)
		assert_true(str_equal(noticetext_status(str_of(statuses[i].in)),
		    str_of(statuses[i].want)));
}

static void
replies_of_smtp_servers(void **state)
{
	(void)state;
	assert_true(noticetext_is_smtp(str_of("550 5.1.1 no")));
	assert_true(noticetext_is_smtp(str_of("450-x")));
	assert_false(noticetext_is_smtp(str_of("550")));
	assert_false(noticetext_is_smtp(str_of("5500 x")));
	assert_false(noticetext_is_smtp(str_of("250 ok")));
	assert_false(noticetext_is_smtp(str_of("Sorry")));
	assert_false(noticetext_is_smtp(str_of("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_stays_in_its_place),
	    cmocka_unit_test(fields_are_bounded),
	    cmocka_unit_test(statuses_that_are_one),
	    cmocka_unit_test(replies_of_smtp_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
