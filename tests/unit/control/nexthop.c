/* nexthop: which way mail takes, what a row may say, what it may not. */
#include "control/nexthop.h"
#include "control/inside.h"
#include "control/value.h"
#include "control/way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define U "m\xc3\xbcnchen.example"
#define A "xn--mnchen-3ya.example"

#define L26 "abcdefghijklmnopqrstuvwxyz."

static const char long_name[] = L26 L26 L26 L26 L26 L26;

static const char routes[] = "plain.example:Relay.Example.\n"
			     ".plain.example:below.example\n"
			     "mx.example:\n"
			     "mxport.example::2525\n"
			     "port.example:relay.example:587\n"
			     "semi.example:relay.example;587\n"
			     "six.example:2001:DB8::1;26\n"
			     "six2.example:[2001:db8::1]:26\n"
			     "six3.example:[IPv6:2001:db8::1]\n"
			     "four.example:192.0.2.5\n"
			     "four2.example:[192.0.2.5]:26\n"
			     "name.example:[relay.example]\n"
			     "tls.example:relay.example:465\n"
			     "auth.example:relay.example:587|joe@a|p:a|ss\n"
			     "anon.example:relay.example||\n"
			     "lmtp.example:lmtp:back.example\n"
			     "lmtp2.example:LMTP:[::1]:24\n"
			     "lmtp3.example:lmtp:127.0.0.1:465\n"
			     "lmtp4.example:lmtp:26\n"
			     "u.example:" U "\n" U ":u-relay.example\n"
			     "[192.0.2.9]:literal.example\n"
			     "[IPv6:2001:DB8:0::9]:literal6.example:26\n";

static const struct {
	const char *domain, *key, *table;
	bool mx, lmtp, tls;
} ways[] = {
    {"Other.Example.",         "other.example",                NULL,         true,  false, false},
    {"plain.example",          "relay.example:25",             "smtproutes", false, false, false},
    {"PLAIN.Example",          "relay.example:25",             "smtproutes", false, false, false},
    {"x.plain.example",        "below.example:25",             "smtproutes", false, false, false},
    {"y.x.plain.example",      "below.example:25",             "smtproutes", false, false,
     false										      },
    {"xplain.example",         "xplain.example",               NULL,         true,  false, false},
    {"mx.example",             "mx.example",                   "smtproutes", true,  false, false},
    {"mxport.example",         "mx:mxport.example:2525",       "smtproutes", true,  false,
     false										      },
    {"port.example",           "relay.example:587",            "smtproutes", false, false, false},
    {"semi.example",           "relay.example:587",            "smtproutes", false, false, false},
    {"six.example",            "[IPv6:2001:db8::1]:26",        "smtproutes", false, false, false},
    {"six2.example",           "[IPv6:2001:db8::1]:26",        "smtproutes", false, false,
     false										      },
    {"six3.example",           "[IPv6:2001:db8::1]:25",        "smtproutes", false, false,
     false										      },
    {"four.example",           "[192.0.2.5]:25",               "smtproutes", false, false, false},
    {"four2.example",          "[192.0.2.5]:26",               "smtproutes", false, false, false},
    {"name.example",           "relay.example:25",             "smtproutes", false, false, false},
    {"tls.example",            "relay.example:465",            "smtproutes", false, false, true },
    {"auth.example",           "auth:joe@a@relay.example:587", "smtproutes", false, false,
     false										      },
    {"anon.example",           "relay.example:25",             "smtproutes", false, false, false},
    {"lmtp.example",           "lmtp:back.example:24",         "smtproutes", false, true,  false},
    {"lmtp2.example",          "lmtp:[IPv6:::1]:24",           "smtproutes", false, true,  false},
    {"lmtp3.example",          "lmtp:[127.0.0.1]:465",         "smtproutes", false, true,  false},
    {"lmtp4.example",          "lmtp:26",                      "smtproutes", false, false, false},
    {"u.example",              A ":25",                        "smtproutes", false, false, false},
    {U,			"u-relay.example:25",           "smtproutes", false, false, false},
    {"M\xc3\x9cNCHEN.example", "u-relay.example:25",           "smtproutes", false, false,
     false										      },
    {A,			"u-relay.example:25",           "smtproutes", false, false, false},
    {"x." U,		   "x." A,			 NULL,         true,  false, false},
    {"[192.0.2.9]",            "literal.example:25",           "smtproutes", false, false, false},
    {"[192.0.2.8]",            "[192.0.2.8]:25",               NULL,         false, false, false},
    {"[ipv6:2001:db8::9]",     "literal6.example:26",          "smtproutes", false, false,
     false										      },
    {"192.0.2.8",              "[192.0.2.8]:25",               NULL,         false, false, false},
    {"192.0.2.9.",             "literal.example:25",           "smtproutes", false, false, false},
    {"[IPv6:2001:db8:0::8]",   "[IPv6:2001:db8::8]:25",        NULL,         false, false,
     false										      },
};

static const char *const no_domains[] = {"", ".", "a..b", "a b", "a/b",
    "[192.0.2]", "[relay.example]", "[", "[]", "\xff.example",
    "\xe2\x98\x83.example", "a\001b"};

static struct controls *
open_with(const char *smtproutes, const char *authsenders, const char *ips)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);
	struct buf e = {0};

	assert_non_null(c);
	if (!control_set(c, C_smtproutes, str_of(smtproutes), &e) ||
	    !control_set(c, C_authsenders, str_of(authsenders), &e) ||
	    !control_set(c, C_outgoingip, str_of(ips), &e))
		fail_msg("%s", e.data);
	buf_free(&e);
	return c;
}

static void
check_key(const struct nexthop *n, const char *want)
{
	struct buf key = {0};

	assert_true(nexthop_key(n, &key));
	assert_true(buf_terminate(&key));
	assert_string_equal(key.data, want);
	buf_free(&key);
}

static void
a_domain_has_its_way(void **state)
{
	struct controls *c = open_with(routes, "", "");

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct nexthop n;

		assert_int_equal(nexthop_find(c, str_of("joe@sender.example"),
				     str_of(ways[i].domain), &n),
		    FOUND_YES);
		check_key(&n, ways[i].key);
		assert_int_equal(n.mx, ways[i].mx);
		assert_int_equal(n.lmtp, ways[i].lmtp);
		assert_int_equal(n.tls, ways[i].tls);
		if (ways[i].table == NULL)
			assert_null(n.table);
		else
			assert_string_equal(n.table, ways[i].table);
	}
	control_free(c);
}

static void
user_and_password_are_what_stands_behind_the_bars(void **state)
{
	struct controls *c = open_with(routes, "", "");
	struct nexthop n;

	(void)state;
	assert_int_equal(
	    nexthop_find(c, str_of(""), str_of("auth.example"), &n), FOUND_YES);
	assert_true(str_equal(n.user, str_of("joe@a")));
	assert_true(str_equal(n.password, str_of("p:a|ss")));
	assert_int_equal(
	    nexthop_find(c, str_of(""), str_of("anon.example"), &n), FOUND_YES);
	assert_int_equal(n.user.len + n.password.len, 0);
	control_free(c);
}

static void
what_is_no_domain_has_no_way(void **state)
{
	struct controls *c = open_with(":relay.example", "", "");
	struct nexthop n;

	(void)state;
	for (size_t i = 0; i < sizeof no_domains / sizeof *no_domains; i++)
		assert_int_equal(
		    nexthop_find(c, str_of(""), str_of(no_domains[i]), &n),
		    FOUND_NO);
	control_free(c);
}

static void
the_empty_key_is_for_all_others(void **state)
{
	struct controls *c =
	    open_with(":smart.example:26\nown.example:\n", "", "");
	struct nexthop n;

	(void)state;
	assert_int_equal(
	    nexthop_find(c, str_of(""), str_of("any.example"), &n), FOUND_YES);
	check_key(&n, "smart.example:26");
	assert_int_equal(
	    nexthop_find(c, str_of(""), str_of("[192.0.2.1]"), &n), FOUND_YES);
	check_key(&n, "smart.example:26");
	assert_int_equal(
	    nexthop_find(c, str_of(""), str_of("own.example"), &n), FOUND_YES);
	check_key(&n, "own.example");
	control_free(c);
}

static void
a_sender_goes_before_the_domain(void **state)
{
	static const char senders[] =
	    "Joe@one.example:r1.example;587|joe|secret\n"
	    "@one.example:r2.example\n"
	    "two.example:r3.example\n"
	    "own@two.example:\n"
	    "@" U ":r4.example\n";
	static const struct {
		const char *sender, *key, *table;
	} rows[] = {
	    {"joe@one.example",   "auth:joe@r1.example:587", "authsenders"},
	    {"JOE@ONE.example",   "auth:joe@r1.example:587", "authsenders"},
	    {"ann@one.example",   "r2.example:25",           "authsenders"},
	    {"ann@two.example",   "r3.example:25",           "authsenders"},
	    {"own@two.example",   "to.example",              "authsenders"},
	    {"ann@" A,            "r4.example:25",           "authsenders"},
	    {"ann@" U,            "r4.example:25",           "authsenders"},
	    {"ann@x.two.example", "smart.example:25",        "smtproutes" },
	    {"two.example",       "smart.example:25",        "smtproutes" },
	    {"a@b..c",            "smart.example:25",        "smtproutes" },
	    {"#@[]",              "smart.example:25",        "smtproutes" },
	    {"",		  "smart.example:25",        "smtproutes" },
	};
	struct controls *c = open_with(":smart.example", senders, "");
	struct controls *all = open_with("", ":hub.example", "");
	struct nexthop n;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(nexthop_find(c, str_of(rows[i].sender),
				     str_of("to.example"), &n),
		    FOUND_YES);
		check_key(&n, rows[i].key);
		assert_string_equal(n.table, rows[i].table);
		assert_int_equal(nexthop_find(all, str_of(rows[i].sender),
				     str_of("to.example"), &n),
		    FOUND_YES);
		check_key(&n, "hub.example:25");
	}
	control_free(c);
	control_free(all);
}

static void
a_source_is_of_the_senders_domain(void **state)
{
	static const char ips[] = "192.0.2.1\n"
				  "both.example:192.0.2.2, [2001:db8::2]\n"
				  ".six.example:2001:DB8::3\n"
				  "none.example:0.0.0.0\n" U ":[192.0.2.4]\n";
	static const struct {
		const char *sender, *four, *six;
	} rows[] = {
	    {"",		  "192.0.2.1", NULL         },
	    {"joe@other.example", "192.0.2.1", NULL         },
	    {"joe@Both.example",  "192.0.2.2", "2001:db8::2"},
	    {"joe@a.six.example", NULL,        "2001:db8::3"},
	    {"joe@six.example",   "192.0.2.1", NULL         },
	    {"joe@none.example",  NULL,        NULL         },
	    {"joe@" A,            "192.0.2.4", NULL         },
	};
	struct controls *c = open_with("", "", ips);
	struct controls *six = open_with("", "", "::1");
	struct nexthop_source s;
	char text[IP_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool any = rows[i].four != NULL || rows[i].six != NULL;

		assert_int_equal(nexthop_source(c, str_of(rows[i].sender), &s),
		    any ? FOUND_YES : FOUND_NO);
		assert_int_equal(s.has4, rows[i].four != NULL);
		assert_int_equal(s.has6, rows[i].six != NULL);
		ip_format(text, &s.ip4);
		if (s.has4)
			assert_string_equal(text, rows[i].four);
		ip_format(text, &s.ip6);
		if (s.has6)
			assert_string_equal(text, rows[i].six);
	}
	assert_int_equal(nexthop_source(six, str_of("a@b"), &s), FOUND_YES);
	assert_true(s.has6 && !s.has4);
	control_free(c);
	control_free(six);
}

static const struct {
	enum control_id id;
	const char *text, *said;
} complaints[] = {
    {C_smtproutes,  "a:b\nc\n",                "smtproutes:2: no colon: c"                  },
    {C_smtproutes,  "c r|joe|secret\n",        "smtproutes:1: no colon: c"                  },
    {C_smtproutes,  "c|joe|secret:x\n",        "smtproutes:1: a bar within the key: c"      },
    {C_smtproutes,  "a:r|joe|secret\r\n",
     "smtproutes:1: ends with a carriage return"                                            },
    {C_smtproutes,  "a b:r\n",                 "smtproutes:1: blank within the key: a"      },
    {C_smtproutes,  "joe@a:r\n",
     "smtproutes:1: an address where a domain stands: joe@a"                                },
    {C_smtproutes,  "a..b:r\n",                "smtproutes:1: not a domain: a..b"           },
    {C_smtproutes,  "*.a:r\n",                 "smtproutes:1: not a domain: *.a"            },
    {C_smtproutes,  ".:r\n",                   "smtproutes:1: not a domain: ."              },
    {C_smtproutes,  "[192.0.2]:r\n",           "smtproutes:1: not a domain: [192.0.2]"      },
    {C_smtproutes,  "a:r r\n",                 "smtproutes:1: not a host: r"                },
    {C_smtproutes,  "a:r:0\n",                 "smtproutes:1: not a port: r:0"              },
    {C_smtproutes,  "a:r:65536\n",             "smtproutes:1: not a port: r:65536"          },
    {C_smtproutes,  "a:r:\n",                  "smtproutes:1: not a port: r:"               },
    {C_smtproutes,  "a:r:25 joe secret\n",     "smtproutes:1: not a port: r:25"             },
    {C_smtproutes,  "a:2001:db8::1\n",
     "smtproutes:1: an IPv6 address wants brackets: 2001:db8::1"                            },
    {C_smtproutes,  "a:[::1\n",                "smtproutes:1: a bracket is not closed: [::1"},
    {C_smtproutes,  "a:[::1]26\n",
     "smtproutes:1: neither a port nor the end: [::1]26"                                    },
    {C_smtproutes,  "a:[::z]\n",               "smtproutes:1: not a host: [::z]"            },
    {C_smtproutes,  "a:lmtp:\n",               "smtproutes:1: lmtp: without a host"         },
    {C_smtproutes,  "a:r|\n",                  "smtproutes:1: not |user|password"           },
    {C_smtproutes,  "a:r|joe\n",               "smtproutes:1: not |user|password"           },
    {C_smtproutes,  "a:r|joe|\n",              "smtproutes:1: not |user|password"           },
    {C_smtproutes,  "a:r||secret\n",           "smtproutes:1: not |user|password"           },
    {C_smtproutes,  "a:|joe|secret\n",
     "smtproutes:1: a password without a relay"                                             },
    {C_smtproutes,  "a:r:x|joe|secret\n",      "smtproutes:1: not a port: r:x"              },
    {C_smtproutes,  "a:\xe2\x98\x83.x\n",
     "smtproutes:1: not a host: \xe2\x98\x83.x"                                             },
    {C_authsenders, "joe@:r\n",
     "authsenders:1: neither an address nor a domain: joe@"                                 },
    {C_authsenders, ".a:r\n",
     "authsenders:1: neither an address nor a domain: .a"                                   },
    {C_outgoingip,  "a:192.0.2.1,192.0.2.2\n",
     "outgoingip:1: two addresses of one family: "
	"192.0.2.1,192.0.2.2"							       },
    {C_outgoingip,  "a:192.0.2\n",             "outgoingip:1: not an address: 192.0.2"      },
    {C_outgoingip,  "a:\n",                    "outgoingip:1: no address"                   },
    {C_outgoingip,  "192.0.2\n",               "outgoingip:1: no colon: 192.0.2"            },
    {C_outgoingip,  "a:mail.example\n",
     "outgoingip:1: not an address: mail.example"                                           },
};

static void
a_malformed_row_is_named(void **state)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
		struct buf e = {0};

		if (control_set(
			c, complaints[i].id, str_of(complaints[i].text), &e))
			fail_msg("accepted: %s", complaints[i].text);
		assert_true(str_starts(buf_str(&e), str_of("control/")));
		assert_string_equal(
		    e.data + strlen("control/"), complaints[i].said);
		buf_free(&e);
	}
	control_free(c);
}

static void
of_two_rows_for_one_name_the_last_counts(void **state)
{
	struct controls *c = open_with(
	    U ":one.example\nx.example:r\n" A ":two.example\n", "", "");
	struct nexthop n;

	(void)state;
	assert_int_equal(nexthop_find(c, str_of(""), str_of(U), &n), FOUND_YES);
	check_key(&n, "two.example:25");
	assert_int_equal(control_value(c, C_smtproutes)->idle_line, 1);
	control_free(c);
}

static void
what_was_not_read_is_not_guessed(void **state)
{
	struct controls *c = control_new(-1, CONTROL_TOOLS);
	struct nexthop n;
	struct nexthop_source s;

	(void)state;
	assert_int_equal(
	    nexthop_find(c, str_of(""), str_of("a.example"), &n), FOUND_ERROR);
	assert_int_equal(nexthop_source(c, str_of(""), &s), FOUND_ERROR);
	control_free(c);
}

static void
different_ways_have_different_keys(void **state)
{
	static const struct nexthop n[] = {
	    {.host = "a",         .mx = true, .port = 25},
	    {.host = "a",                   .port = 25                  },
	    {.host = "a",                   .mx = true, .port = 26},
	    {.host = "a",         .port = 26                  },
	    {.host = "a", .port = 26,.lmtp = true},
	    {.host = "a",         .port = 26,               .user = {"u", 1}},
	    {.host = "a",         .port = 26, .user = {"u@a", 3}},
	    {.host = "mx",                   .port = 25                  },
	    {.host = "lmtp", .port = 25          },
	    {.host = "auth",.mx = true,.port = 25},
	    {.host = "[192.0.2.1]",         .port = 25        },
	};
	enum { COUNT = sizeof n / sizeof *n };
	struct buf keys[COUNT] = {{0}};

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(nexthop_key(&n[i], &keys[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(
			    str_equal(buf_str(&keys[i]), buf_str(&keys[k])));
	}
	for (size_t i = 0; i < COUNT; i++)
		buf_free(&keys[i]);
}

/* A cheap generator of our own: the same rows on every run. */
static unsigned
draw(unsigned below)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(seed >> 33) % below;
}

/* A row of pieces that mean something, and of bytes that do not. */
static void
make_row(struct buf *row)
{
	static const char *const pieces[] = {":", ":", ":", ";", "|", "|", "@",
	    ".", ",", "[", "]", "lmtp:", "IPv6:", "a", "a.example",
	    ".b.example", "25", "465", "0", "65535", "65536",
	    "99999999999999999999", "192.0.2.1", "2001:db8::1", "::", "::1",
	    "[::1]", "[192.0.2.1]", "0.0.0.0", U, A, "\xe3\x80\x82",
	    "\xe2\x84\x80", "xn--", "-", "secret", "joe", " ", "\t", "\r", "\n",
	    "#", "%", long_name};
	unsigned count = 1 + draw(10);

	buf_clear(row);
	for (unsigned i = 0; i < count; i++) {
		bool wild = draw(16) == 0;

		assert_true(
		    wild ? buf_append_byte(row, (char)draw(256))
			 : buf_append_text(row,
			       pieces[draw(sizeof pieces / sizeof *pieces)]));
	}
}

/* What is found by a row that parsed is fit to be used. */
static void
check_fit(const struct nexthop *n)
{
	size_t len = strlen(n->host);
	struct buf key = {.max = NEXTHOP_KEY - 1};
	struct fault f;
	struct nexthop again;

	assert_in_range(len, 1, NEXTHOP_HOST - 1);
	assert_true(n->port > 0);
	assert_int_equal(n->user.len == 0, n->password.len == 0);
	assert_true(n->user.len == 0 || !n->mx);
	assert_true(!n->lmtp || (!n->mx && !n->tls));
	assert_true(nexthop_key(n, &key));
	buf_free(&key);
	/* The host is in its last form. */
	assert_true(way_parse(str_of(n->host), &again, &f));
	assert_string_equal(again.host, n->host);
}

static size_t parsed;

static void
try_row(enum control_id id, struct str text)
{
	struct controls *c = open_with("", "", "");
	struct buf e = {0};
	struct nexthop n;
	struct nexthop_source s;
	bool source = id == C_outgoingip;

	if (!control_set(c, id, text, &e)) {
		assert_true(str_starts(buf_str(&e), str_of("control/")));
		control_free(c);
		buf_free(&e);
		return;
	}
	for (size_t i = 0; i < control_value(c, id)->count; i++) {
		struct str key = control_value(c, id)->entries[i].key;
		struct str at =
		    str_slice(key, str_starts(key, str_of(".")), key.len);

		parsed++;
		if (source)
			assert_int_not_equal(
			    nexthop_source(c, at, &s), FOUND_ERROR);
		assert_int_equal(
		    nexthop_find(c, key, str_of("x.example"), &n), FOUND_YES);
		check_fit(&n);
		if (id != C_smtproutes || key.len == 0)
			continue;
		assert_int_equal(
		    nexthop_find(c, str_of(""), at, &n), FOUND_YES);
		check_fit(&n);
	}
	control_free(c);
	buf_free(&e);
}

static void
any_row_is_refused_or_fit(void **state)
{
	static const enum control_id ids[] = {
	    C_smtproutes, C_authsenders, C_outgoingip};
	struct buf row = {0};

	(void)state;
	for (size_t i = 0; i < 200000; i++) {
		make_row(&row);
		try_row(ids[i % 3], buf_str(&row));
	}
	assert_true(parsed > 2000); /* it was not all refused */
	buf_free(&row);
}

/* Whatever is wrong with it. */
static void
no_complaint_shows_a_password(void **state)
{
	struct controls *c = open_with("", "", "");
	struct buf row = {0}, e = {0};
	size_t refused = 0;

	(void)state;
	for (size_t i = 0; i < 50000; i++) {
		struct str text;

		make_row(&row);
		for (size_t k = 0; k < row.len; k++)
			if (strchr("s\n", row.data[k]) != NULL)
				row.data[k] = 'x';
		assert_true(buf_append_text(
		    &row, i % 3 == 0 ? " joe secret" : "|joe|secret"));
		if (draw(4) == 0)
			assert_true(buf_append_text(&row, "\r"));
		text = buf_str(&row);
		if (control_set(
			c, i % 2 == 0 ? C_smtproutes : C_authsenders, text, &e))
			continue;
		refused++;
		assert_null(strstr(e.data, "secret"));
	}
	assert_true(refused > 1000);
	control_free(c);
	buf_free(&row);
	buf_free(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_domain_has_its_way),
	    cmocka_unit_test(user_and_password_are_what_stands_behind_the_bars),
	    cmocka_unit_test(what_is_no_domain_has_no_way),
	    cmocka_unit_test(the_empty_key_is_for_all_others),
	    cmocka_unit_test(a_sender_goes_before_the_domain),
	    cmocka_unit_test(a_source_is_of_the_senders_domain),
	    cmocka_unit_test(a_malformed_row_is_named),
	    cmocka_unit_test(of_two_rows_for_one_name_the_last_counts),
	    cmocka_unit_test(what_was_not_read_is_not_guessed),
	    cmocka_unit_test(different_ways_have_different_keys),
	    cmocka_unit_test(any_row_is_refused_or_fit),
	    cmocka_unit_test(no_complaint_shows_a_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
