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

static const struct row utf8_addresses[] = {
    {"\xc3\xa4 b@c",          "\xc3\xa4?b@c"        },
    {"\xc3@\xa4",             "?@?"                 },
    {"\xc2\x80\x1b@c",        "???@c"               },
    {"a\n\xf0\x9f\x98\x80@c", "a?\xf0\x9f\x98\x80@c"},
};

static const struct row utf8_xtexts[] = {
    {"utf-8;\xc3\xa4+40b", "utf-8;\xc3\xa4@b"},
    {"rfc822;a+C3+A4",     "rfc822;a\xc3\xa4"},
    {"a+1B+00",            "a??"             },
};

static const struct row hosts[] = {
    {"smtp mx.example[192.0.2.1]:25",   "mx.example"   },
    {"lmtp [2001:db8::1]:24",           "[2001:db8::1]"},
    {"smtp mx.example",                 "mx.example"   },
    {"smtp [192.0.2.1",                 ""             },
    {"maildir /home/x.y",               ""             },
    {"forward",			 ""             },
    {"",				""	     },
    {"smtp ",			   ""             },
    {"smtp mx.exa\nmple[192.0.2.1]:25", ""             },
    {"smtp mx.(example)[192.0.2.1]:25", ""             },
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
	check(utf8_addresses, COUNT(utf8_addresses), noticetext_utf8_address);
	check(utf8_xtexts, COUNT(utf8_xtexts), noticetext_utf8_xtext);
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
		assert_true(
		    str_equal(noticetext_status(str_of(statuses[i].in), '5'),
			str_of(statuses[i].want)));
	assert_true(str_equal(
	    noticetext_status(str_of("5.1.1"), '4'), str_of("4.0.0")));
	assert_true(str_equal(
	    noticetext_status(str_of("4.4.1"), '4'), str_of("4.4.1")));
	assert_true(str_equal(
	    noticetext_status(str_of("4.4.1"), '2'), str_of("2.0.0")));
	assert_true(str_equal(
	    noticetext_status(str_of("2.1.5"), '2'), str_of("2.1.5")));
}

static void
only_hosts_are_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++)
		assert_true(str_equal(noticetext_host(str_of(hosts[i].in)),
		    str_of(hosts[i].want)));
}

static void
no_line_of_a_report_is_too_long(void **state)
{
	static char much[10 * NOTICE_FIELD];
	struct buf b = {0};
	struct str rest, line;

	(void)state;
	memset(much, 'x', sizeof(much));
	assert_true(noticetext_report(&b, (struct str){much, sizeof(much)}));
	rest = buf_str(&b);
	while (str_cut(&rest, '\n', &line))
		assert_in_range(line.len, 0, NOTICE_FIELD);
	buf_free(&b);
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
	assert_true(str_equal(
	    noticetext_smtp(str_of("192.0.2.1 does not like recipient.\n"
				   "Remote host said: 550 5.1.1 no\n"
				   "Giving up on 192.0.2.1.\n")),
	    str_of("550 5.1.1 no")));
	assert_true(
	    str_equal(noticetext_smtp(str_of("450-x")), str_of("450-x")));
	assert_int_equal(
	    noticetext_smtp(str_of("Remote host said: 250 ok")).len, 0);
	assert_int_equal(noticetext_smtp(str_of("Remote host said: ")).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_stays_in_its_place),
	    cmocka_unit_test(fields_are_bounded),
	    cmocka_unit_test(statuses_that_are_one),
	    cmocka_unit_test(only_hosts_are_hosts),
	    cmocka_unit_test(no_line_of_a_report_is_too_long),
	    cmocka_unit_test(replies_of_smtp_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
