/* address: attacks.md 3.4 and 3.5 as rows, limits, UTF-8, and quoting back. */
#include "lib/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const result_names[] = {
    "ok", "syntax", "too long", "utf8", "memory"};

static void
expect_result(
    const char *what, enum address_result got, enum address_result want)
{
	if (got != want)
		fail_msg("%s: %s, not %s", what, result_names[got],
		    result_names[want]);
}

static void
expect_str(const char *what, struct str got, const char *want)
{
	if (!str_equal(got, str_of(want)))
		fail_msg(
		    "%s: '%.*s', not '%s'", what, (int)got.len, got.data, want);
}

struct good {
	const char *path, *local, *domain, *rest;
};

static void
good_paths(const struct good *rows, size_t n, bool utf8)
{
	struct buf out = {0};
	struct address a;
	struct str rest;

	for (size_t i = 0; i < n; i++) {
		const char *path = rows[i].path;

		expect_result(path,
		    address_parse_path(str_of(path), utf8, &out, &a, &rest),
		    ADDRESS_OK);
		expect_str(path, a.local, rows[i].local);
		expect_str(path, a.domain, rows[i].domain);
		expect_str(path, rest, rows[i].rest);
	}
	buf_free(&out);
}

static void
paths_that_are_allowed(void **state)
{
	static const struct good rows[] = {
	    {"<>",			       "",                    "",           ""       },
	    {"<> SIZE=1",                        "",                    "",           " SIZE=1"},
	    {"<u@local.test>",                   "u",                   "local.test", ""       },
	    {"<u@local.test> BODY=8BITMIME",     "u",                   "local.test",
             " BODY=8BITMIME"								  },
	    {"<u@local.test>>",                  "u",                   "local.test", ">"      },
	    {"<postmaster>",                     "postmaster",          "",           ""       },
	    {"<PostMaster>",                     "PostMaster",          "",           ""       },
	    {"<\"postmaster\">",                 "postmaster",          "",           ""       },
	    {"<PoStMaStEr@local.test>",          "PoStMaStEr",          "local.test", ""       },
	    {"<\"a b\"@local.test>",             "a b",                 "local.test", ""       },
	    {"<\"a\\\"b\"@local.test>",          "a\"b",                "local.test", ""       },
	    {"<\"a\\\\\"@local.test>",           "a\\",                 "local.test", ""       },
	    {"<\"\\a\"@local.test>",             "a",                   "local.test", ""       },
	    {"<\"@\"@local.test>",               "@",                   "local.test", ""       },
	    {"<\"a>b\"@local.test>",             "a>b",                 "local.test", ""       },
	    {"<\"a..b\"@local.test>",            "a..b",                "local.test", ""       },
	    {"<\"a@evil.test\"@local.test>",     "a@evil.test",         "local.test", ""       },
	    {"<\"|id\"@local.test>",             "|id",                 "local.test", ""       },
	    {"<user@local.test.>",               "user",                "local.test", ""       },
	    {"<user@LOCAL.TEST>",                "user",                "LOCAL.TEST", ""       },
	    {"<user@2130706433>",                "user",                "2130706433", ""       },
	    {"<u@a_b-c.test>",                   "u",                   "a_b-c.test", ""       },
	    {"<@a.test,@b.test:u@local.test>",   "u",                   "local.test", ""       },
	    {"<@a.test.:\"u\"@local.test>",      "u",                   "local.test", ""       },
	    {"<@[127.0.0.1]:n@third.test>",      "n",                   "third.test", ""       },
	    {"<@a.test:postmaster>",             "postmaster",          "",           ""       },
	    {"<u%evil.test@local.test>",         "u%evil.test",         "local.test", ""       },
	    {"<evil.test!u@local.test>",         "evil.test!u",         "local.test", ""       },
	    {"<-froot@local.test>",              "-froot",              "local.test", ""       },
	    {"<user/x@local.test>",              "user/x",              "local.test", ""       },
	    {"<|/bin/sh@local.test>",            "|/bin/sh",            "local.test", ""       },
	    {"</etc/passwd@local.test>",         "/etc/passwd",         "local.test", ""       },
	    {"<`id`@local.test>",                "`id`",                "local.test", ""       },
	    {"<!#$%&'*+-/=?^_`{|}~@local.test>", "!#$%&'*+-/=?^_`{|}~",
             "local.test",							    ""       },
	};

	(void)state;
	good_paths(rows, sizeof(rows) / sizeof(rows[0]), false);
	good_paths(rows, sizeof(rows) / sizeof(rows[0]), true);
}

static void
paths_that_are_refused(void **state)
{
	static const char *const rows[] = {"", "<", ">", "u@local.test",
	    "<u@local.test", " <u@local.test>", "< u@local.test>",
	    "<u@local.test >", "<u @local.test>", "<u@ local.test>", "<u>",
	    "<spamtest>", "<@>", "<@local.test>", "<u@>", "<u@.>", "<u@..>",
	    "<u@a..test>", "<u@.test>", "<u@a.test..>", "<\"\">",
	    "<\"\"@local.test>", "<\"a@local.test>", "<\"a\\\"@local.test>",
	    "<a\"b\"c@local.test>", "<\"a\"b@local.test>",
	    "<a.\"b\"@local.test>", "<.a@local.test>", "<a..b@local.test>",
	    "<a.@local.test>", "<.@local.test>", "<..@local.test>",
	    "<../../etc/passwd@local.test>", "<user-../../x@local.test>",
	    "<user-.@local.test>", "<user/.@local.test>", "<a\\b@local.test>",
	    "<a,b@local.test>", "<;id;@local.test>", "<$(id)@local.test>",
	    "<() { :;}; id@local.test>", "<:include:/etc/passwd@local.test>",
	    "<u@evil.test@local.test>", "<n@third@[192.0.2.1]>",
	    "<evil.test!u>", "<u%evil.test>", "<\"n@third.test\">",
	    "<<a@b.test>>", "<a@b.test,c@d.test>", "<@a.test u@local.test>",
	    "<@a.test:>", "<@a.test,:u@local.test>",
	    "<@a.test,b.test:u@local.test>", "<@:u@local.test>",
	    "<@a..test:u@local.test>", "<@a.test:@b.test:u@local.test>",
	    "<a@b/c.test>", "<a@b c.test>", "<a@b\"c.test>", "<a@b(c).test>",
	    "<a\tb@local.test>", "<\"a\tb\"@local.test>",
	    "<\"a\r\nb\"@local.test>", "<\"a\\\nb\"@local.test>",
	    "<\"\x1b[2J\"@local.test>", "<\"\x7f\"@local.test>",
	    "<a\x7f@local.test>", "<a@local\x01.test>"};
	struct buf out = {0};
	struct address a = {
	    .domain = {"kept", 4}
        };
	struct str rest = {"kept", 4};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_result(rows[i],
		    address_parse_path(str_of(rows[i]), false, &out, &a, &rest),
		    ADDRESS_SYNTAX);
		expect_str(rows[i], a.domain, "kept");
		expect_str(rows[i], rest, "kept");
	}
	buf_free(&out);
}

/* Never cut short at a NUL: "a@good.test\0.evil.test" is neither of the two. */
static void
a_nul_anywhere_is_refused(void **state)
{
	const char whole[] = "<\"a b\".c@local.test>";
	char text[sizeof(whole)];
	struct buf out = {0};
	struct address a;
	struct str rest;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		memcpy(text, whole, sizeof(whole));
		text[i] = '\0';
		expect_result("with NUL",
		    address_parse_path((struct str){text, sizeof(whole) - 1},
			true, &out, &a, &rest),
		    ADDRESS_SYNTAX);
	}
	buf_free(&out);
}

/* What stands behind the view is not read: a shorter view, another answer. */
static void
every_cut_of_a_path_is_refused(void **state)
{
	const char whole[] = "<@a.test,@[::1]:\"a\\\"b\"@[IPv6:::1]>";
	const char good[] = "<@a.test,@[IPv6:::1]:\"a\\\"b\"@[IPv6:::1]>";
	struct buf out = {0};
	struct address a;
	struct str rest;

	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		expect_result("cut",
		    address_parse_path(
			(struct str){good, n}, true, &out, &a, &rest),
		    ADDRESS_SYNTAX);
	expect_result(good,
	    address_parse_path(str_of(good), true, &out, &a, &rest),
	    ADDRESS_OK);
	expect_result(whole,
	    address_parse_path(str_of(whole), true, &out, &a, &rest),
	    ADDRESS_SYNTAX);
	buf_free(&out);
}

static void
literals_of_both_families(void **state)
{
	static const struct {
		const char *text, *ip; /* NULL: refused */
	} rows[] = {
	    {"user@[127.0.0.1]",             "127.0.0.1"  },
	    {"user@[IPv6:::1]",              "::1"        },
	    {"user@[ipv6:2001:DB8::1]",      "2001:db8::1"},
	    {"user@[IPv6:::ffff:127.0.0.1]", "127.0.0.1"  },
	    {"user@[1.2.3]",                 NULL         },
	    {"user@[300.1.1.1]",             NULL         },
	    {"user@[::1]",                   NULL         },
	    {"user@[IPv6:127.0.0.1]",        NULL         },
	    {"user@[IPv6:]",                 NULL         },
	    {"user@[]",                      NULL         },
	    {"#@[]",			 NULL         },
	    {"user@[127.0.0.1",              NULL         },
	    {"user@[127.0.0.1].test",        NULL         },
	    {"user@[127.0.0.1].",            NULL         },
	    {"user@[ 127.0.0.1]",            NULL         },
	    {"user@[x-tag:abc]",             NULL         },
	    {"user@127.0.0.1]",              NULL         },
	};
	char text[IP_SIZE];
	struct buf out = {0};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_result(rows[i].text,
		    address_parse(str_of(rows[i].text), false, &out, &a),
		    rows[i].ip == NULL ? ADDRESS_SYNTAX : ADDRESS_OK);
		if (rows[i].ip == NULL)
			continue;
		assert_true(a.literal);
		ip_format(text, &a.ip);
		assert_string_equal(text, rows[i].ip);
		expect_str("domain", a.domain, strchr(rows[i].text, '['));
	}
	expect_result("name",
	    address_parse(str_of("u@192.0.2.1"), false, &out, &a), ADDRESS_OK);
	assert_false(a.literal);
	buf_free(&out);
}

/* local_len bytes, '@', then labels of label_len until domain_len. */
static void
make(struct buf *b, size_t local_len, size_t domain_len, size_t label_len)
{
	buf_clear(b);
	for (size_t i = 0; i < local_len; i++)
		assert_true(buf_append_byte(b, 'l'));
	assert_true(buf_append_byte(b, '@'));
	for (size_t i = 1; i <= domain_len; i++)
		assert_true(
		    buf_append_byte(b, i % (label_len + 1) == 0 ? '.' : 'd'));
}

static void
limits(void **state)
{
	static const struct {
		size_t local, domain, label;
		enum address_result want;
	} rows[] = {
	    {255,     10,      63, ADDRESS_OK      },
	    {256,     10,      63, ADDRESS_TOO_LONG},
	    {1 << 21, 10,      63, ADDRESS_TOO_LONG},
	    {1,       255,     63, ADDRESS_OK      },
	    {1,       257,     63, ADDRESS_TOO_LONG},
	    {1,       63,      63, ADDRESS_OK      },
	    {1,       64,      64, ADDRESS_TOO_LONG},
	    {1,       1 << 21, 63, ADDRESS_TOO_LONG},
	};
	struct buf text = {.max = 1 << 23}, out = {.max = 2000};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(&text, rows[i].local, rows[i].domain, rows[i].label);
		if (text.data[text.len - 1] == '.')
			text.len--;
		expect_result("limit",
		    address_parse(buf_str(&text), false, &out, &a),
		    rows[i].want);
		assert_true(out.len <= ADDRESS_MAX);
	}
	buf_free(&text);
	buf_free(&out);
}

/* A route is dropped, but it counts: the path has a limit of its own. */
static void
a_route_of_any_length_is_refused(void **state)
{
	struct buf text = {.max = 1 << 21}, out = {0};
	struct address a;
	struct str rest;

	(void)state;
	assert_true(buf_append_text(&text, "<@a.test"));
	while (text.len < 1 << 20)
		assert_true(buf_append_text(&text, ",@a.test"));
	assert_true(buf_append_text(&text, ":u@local.test>"));
	expect_result("long route",
	    address_parse_path(buf_str(&text), false, &out, &a, &rest),
	    ADDRESS_TOO_LONG);
	buf_free(&text);
	buf_free(&out);
}

static void
utf8_only_when_asked_for(void **state)
{
	static const struct good good[] = {
	    {"<J\xc3\xb6rg@local.test>",                 "J\xc3\xb6rg",      "local.test", ""},
	    {"<\"\xe2\x82\xac x\"@b\xc3\xbc"
	     "cher.test>",		  "\xe2\x82\xac x",
             "b\xc3\xbc"
		"cher.test",							       ""},
	    {"<\xf0\x9f\x95\x8a@\xf0\x9f\x95\x8a.test>", "\xf0\x9f\x95\x8a",
             "\xf0\x9f\x95\x8a.test",						      ""},
	    {"<@b\xc3\xbc"
	     "cher.test:u@local.test>",     "u",                "local.test", ""},
	};
	static const char *const bad[] = {"<\xc0\x80@local.test>",
	    "<\xed\xa0\x80@local.test>", "<\xff@local.test>", "<a@\xff.test>",
	    "<a@b\xc3.test>", "<a\xc3>", "<\"\\\xc3\xb6\"@local.test>",
	    "<\xc2\x9b@local.test>", "<u@evil\xe3\x80\x82local.test>",
	    "<u@evil\xef\xbc\x8etest>", "<u@evil\xef\xbd\xa1test>"};
	struct buf out = {0};
	struct address a;
	struct str rest;

	(void)state;
	good_paths(good, sizeof(good) / sizeof(good[0]), true);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect_result(good[i].path,
		    address_parse_path(
			str_of(good[i].path), false, &out, &a, &rest),
		    ADDRESS_UTF8);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_result(bad[i],
		    address_parse_path(str_of(bad[i]), true, &out, &a, &rest),
		    ADDRESS_SYNTAX);
	buf_free(&out);
}

static void
the_buffer_holds_the_envelope_form(void **state)
{
	static const struct {
		const char *path, *envelope;
	} rows[] = {
	    {"<@x.test:\"a@b\"@local.test.>", "a@b@local.test"},
	    {"<postmaster>",                  "postmaster"    },
	    {"<>",			    ""              },
	};
	struct buf out = {0};
	struct address a;
	struct str rest, local, domain;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_result(rows[i].path,
		    address_parse_path(
			str_of(rows[i].path), false, &out, &a, &rest),
		    ADDRESS_OK);
		expect_str(rows[i].path, buf_str(&out), rows[i].envelope);
		address_split(buf_str(&out), &local, &domain);
		assert_true(str_equal(local, a.local));
		assert_true(str_equal(domain, a.domain));
	}
	buf_free(&out);
}

/* The whole text must be the address: nothing before, nothing behind. */
static void
bare_addresses(void **state)
{
	static const struct {
		const char *text;
		enum address_result want;
	} rows[] = {
	    {"u@local.test",     ADDRESS_OK    },
	    {"u@local.test.",    ADDRESS_OK    },
	    {"postmaster",       ADDRESS_OK    },
	    {"",		 ADDRESS_SYNTAX},
	    {"<u@local.test>",   ADDRESS_SYNTAX},
	    {"u@local.test>",    ADDRESS_SYNTAX},
	    {"u@local.test ",    ADDRESS_SYNTAX},
	    {"@a.test:u@b.test", ADDRESS_SYNTAX},
	    {"u",                ADDRESS_SYNTAX},
	    {"\xc3\xb6@b.test",  ADDRESS_UTF8  },
	};
	struct buf out = {0};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_result(rows[i].text,
		    address_parse(str_of(rows[i].text), false, &out, &a),
		    rows[i].want);
	buf_free(&out);
}

static void
without_memory_it_says_so(void **state)
{
	struct buf out = {.max = 3};
	struct address a;

	(void)state;
	expect_result("local",
	    address_parse(str_of("user@local.test"), false, &out, &a),
	    ADDRESS_MEMORY);
	expect_result("at sign",
	    address_parse(str_of("usr@local.test"), false, &out, &a),
	    ADDRESS_MEMORY);
	expect_result("domain",
	    address_parse(str_of("u@local.test"), false, &out, &a),
	    ADDRESS_MEMORY);
	buf_free(&out);
}

static void
quoting(void **state)
{
	static const struct {
		const char *local, *domain, *want; /* NULL: EINVAL */
	} rows[] = {
	    {"",            "",                 ""			  },
	    {"u",           "local.test",       "u@local.test"              },
	    {"postmaster",  "",                 "postmaster"                },
	    {"a.b",         "local.test",       "a.b@local.test"            },
	    {"a b",         "local.test",       "\"a b\"@local.test"        },
	    {".a",          "local.test",       "\".a\"@local.test"         },
	    {"a.",          "local.test",       "\"a.\"@local.test"         },
	    {"a..b",        "local.test",       "\"a..b\"@local.test"       },
	    {"",            "local.test",       "\"\"@local.test"           },
	    {"a\"b\\c",     "local.test",       "\"a\\\"b\\\\c\"@local.test"},
	    {"a@b",         "local.test",       "\"a@b\"@local.test"        },
	    {"J\xc3\xb6rg", "local.test",       "J\xc3\xb6rg@local.test"    },
	    {"#",           "[]",               "#@[]"                      },
	    {"a\nb",        "local.test",       NULL                        },
	    {"a\r",         "local.test",       NULL                        },
	    {"a\x7f",       "local.test",       NULL                        },
	    {"a",           "local.test\nX: y", NULL                        },
	    {"a",           "x> SIZE=1",        NULL                        },
	    {"a",           "x y",              NULL                        },
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool ok;

		buf_clear(&b);
		assert_true(buf_append_byte(&b, '<'));
		errno = 0;
		ok = address_quote(
		    &b, str_of(rows[i].local), str_of(rows[i].domain));
		assert_int_equal(ok, rows[i].want != NULL);
		if (ok)
			expect_str(rows[i].local,
			    str_slice(buf_str(&b), 1, b.len), rows[i].want);
		else
			assert_int_equal(errno, EINVAL);
		assert_true(ok || b.len == 1);
	}
	b.max = 8;
	b.len = 1;
	assert_false(address_quote(&b, str_of("user"), str_of("local.test")));
	assert_int_equal(b.len, 1);
	buf_free(&b);
}

/* Whatever can be written is read back as it was, two bytes at a time. */
static void
what_is_quoted_parses_back(void **state)
{
	struct buf b = {0}, out = {0};
	struct address a;
	char local[2];

	(void)state;
	for (int i = ' ' * 256; i < 127 * 256; i++) {
		local[0] = (char)(i / 256);
		local[1] = (char)(i % 256);
		buf_clear(&b);
		if (!address_quote(&b, (struct str){local, 2}, str_of("d")))
			continue;
		if (i % 256 >= 0x80)
			continue;
		expect_result("back",
		    address_parse(buf_str(&b), false, &out, &a), ADDRESS_OK);
		assert_int_equal(a.local.len, 2);
		assert_memory_equal(a.local.data, local, 2);
	}
	buf_free(&b);
	buf_free(&out);
}

static void
host_names(void **state)
{
	static const struct {
		const char *name;
		bool ascii, utf8;
	} rows[] = {
	    {"local.test",             true,  true },
	    {"localhost",              true,  true },
	    {"a_b.c-d.9",              true,  true },
	    {"xn--bcher-kva.test",     true,  true },
	    {"b\xc3\xbc"
	     "cher.test", false, true },
	    {"b\xc3.test",             false, false},
	    {"",		       false, false},
	    {".",		      false, false},
	    {"a.",		     false, false},
	    {".a",		     false, false},
	    {"a..b",                   false, false},
	    {"a b",		    false, false},
	    {"a\nb",                   false, false},
	    {"[127.0.0.1]",            false, false},
	    {"a/b",		    false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str s = str_of(rows[i].name);

		if (address_domain_ok(s, false) != rows[i].ascii ||
		    address_domain_ok(s, true) != rows[i].utf8)
			fail_msg("%s", rows[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_that_are_allowed),
	    cmocka_unit_test(paths_that_are_refused),
	    cmocka_unit_test(a_nul_anywhere_is_refused),
	    cmocka_unit_test(every_cut_of_a_path_is_refused),
	    cmocka_unit_test(literals_of_both_families),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(a_route_of_any_length_is_refused),
	    cmocka_unit_test(utf8_only_when_asked_for),
	    cmocka_unit_test(the_buffer_holds_the_envelope_form),
	    cmocka_unit_test(bare_addresses),
	    cmocka_unit_test(without_memory_it_says_so),
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(what_is_quoted_parses_back),
	    cmocka_unit_test(host_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
