/* addrlist: lists are read as qmail-header(5) says, and written so that they
 * are read alike. */
#include "queue/addrlist.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct rewrite hosts = {
    {"def",          3 },
    {"dom.example",  11},
    {"plus.example", 12}
};

/* text, the field without its name, the addresses with '|' behind each */
static const struct {
	const char *text, *shown, *found;
} rows[] = {
  /* names of hosts */
    {"joe@host.example",                   "joe@host.example",                             "joe@host.example|"        },
    {"joe",				"joe@def.dom.example",                          "joe@def.dom.example|"     },
    {"joe@host",			   "joe@host.dom.example",                         "joe@host.dom.example|"    },
    {"joe@host.",			  "joe@host.dom.example",                         "joe@host.dom.example|"    },
    {"joe@host.example.",                  "joe@host.example",                             "joe@host.example|"        },
    {"joe@",			       "joe@def.dom.example",                          "joe@def.dom.example|"     },
    {"joe@.",			      "joe@def.dom.example",                          "joe@def.dom.example|"     },
    {"joe.",			       "joe@def.dom.example",                          "joe@def.dom.example|"     },
    {"joe@host+",			  "joe@host.plus.example",                        "joe@host.plus.example|"   },
    {"joe@host.cs+",		       "joe@host.cs.plus.example",                     "joe@host.cs.plus.example|"},
    {"joe+",			       "joe+@def.dom.example",                         "joe+@def.dom.example|"    },
    {"joe+x@a.b",			  "joe+x@a.b",				    "joe+x@a.b|"               },
    {"joe@[127.0.0.1]",                    "joe@[127.0.0.1]",                              "joe@[127.0.0.1]|"         },
    {"joe@[IPv6:::1]",                     "joe@[IPv6:::1]",                               "joe@[IPv6:::1]|"          },
    {"joe@[]",			     "joe@[]",				       "joe@[]|"                  },
    {"#@[]",			       "#@[]",					 "#@[]|"                    },
    {"joe@[1.2.3.4]+",                     "joe@[1.2.3.4], +@def.dom.example",
     "joe@[1.2.3.4]|+@def.dom.example|"									       },
    {"a.b.c@host.example",                 "a.b.c@host.example",                           "a.b.c@host.example|"      },
    {".a..b.@host.example",                ".a..b.@host.example",                          ".a..b.@host.example|"     },
    {"a@b@c.d",			    "a@b@c.d",				      "a@b@c.d|"                 },
    {"@",				  "",					     "|"			},
    {"<@>",				"<>",					   "|"			},
    {".",				  "",					     "|"			},
 /* blanks, folds and commas */
    {"a@b.c, d@e.f",		       "a@b.c, d@e.f",                                 "a@b.c|d@e.f|"             },
    {"a@b.c,d@e.f",			"a@b.c, d@e.f",                                 "a@b.c|d@e.f|"             },
    {" a@b.c ,\n\td@e.f ",                 "a@b.c, d@e.f",                                 "a@b.c|d@e.f|"             },
    {"a @ b . c",			  "a@b.c",					"a@b.c|"                   },
    {"a\n @\n b.c",			"a@b.c",					"a@b.c|"                   },
    {"djb fred",			   "djb@def.dom.example, fred@def.dom.example",
     "djb@def.dom.example|fred@def.dom.example|"								      },
    {"a@b.c d@e.f",			"a@b.c, d@e.f",                                 "a@b.c|d@e.f|"             },
    {"a@b.c (A) d@e.f",                    "a@b.c (A), d@e.f",                             "a@b.c|d@e.f|"             },
    {"<a@b.c> <d@e.f>",                    "<a@b.c>, <d@e.f>",                             "a@b.c|d@e.f|"             },
    {"a@b.c <d@e.f>",		      "a@b.c <d@e.f>",                                "d@e.f|"                   },
    {"<a@b.c> d@e.f",		      "<a@b.c>, d@e.f",                               "a@b.c|d@e.f|"             },
    {"a@b.c,, d@e.f",		      "a@b.c, , d@e.f",                               "a@b.c|d@e.f|"             },
    {", a@b.c,",			   ", a@b.c,",				     "a@b.c|"                   },
    {"",				   "",					     ""			 },
    {" \n ",			       "",					     ""			 },
    {"(nobody)",			   "(nobody)",				     ""                         },
 /* names of people */
    {"A Person <e@f.g>",                   "A Person <e@f.g>",                             "e@f.g|"                   },
    {"A Person<e@f.g>",                    "A Person <e@f.g>",                             "e@f.g|"                   },
    {"\"A, Person\" <e@f.g>",              "\"A, Person\" <e@f.g>",                        "e@f.g|"                   },
    {"Arthur R. Clark <e@f.g>",            "Arthur R. Clark <e@f.g>",                      "e@f.g|"                   },
    {"J.R. \"Bob\" Dobbs <e@f.g>",         "J.R. \"Bob\" Dobbs <e@f.g>",                   "e@f.g|"                   },
    {"=?utf-8?Q?J=C3=BCrgen?= <e@f.g>",    "=?utf-8?Q?J=C3=BCrgen?= <e@f.g>",
     "e@f.g|"													 },
    {"J\xc3\xbcrgen <e@f.g>",              "J\xc3\xbcrgen <e@f.g>",                        "e@f.g|"                   },
    {"joe@x.y <joe@x.y>",                  "joe@x.y <joe@x.y>",                            "joe@x.y|"                 },
    {"A B <e@f>, C <g>",                   "A B <e@f.dom.example>, C <g@def.dom.example>",
     "e@f.dom.example|g@def.dom.example|"									     },
    {"e@f.g (A Person)",                   "e@f.g (A Person)",                             "e@f.g|"                   },
    {"e@f.g(A (nested) Person)",           "e@f.g (A (nested) Person)",                    "e@f.g|"                   },
    {"e(c)@f.g",			   "e@f.g (c)",				    "e@f.g|"                   },
    {"(c) e@f.g",			  "(c) e@f.g",				    "e@f.g|"                   },
    {"A (c) B <e@f.g> (d)",                "A (c) B <e@f.g> (d)",                          "e@f.g|"                   },
    {"A <e@f.g (c)>",		      "A <e@f.g (c)>",                                "e@f.g|"                   },
    {"back\\\\slash <e@f.g>",              "\"back\\\\slash\" <e@f.g>",                    "e@f.g|"                   },
    {"par)en <e@f.g>",                     "\"par)en\" <e@f.g>",                           "e@f.g|"                   },
 /* quotes */
    {"\"joe smith\"@f.g",                  "\"joe smith\"@f.g",                            "joe smith@f.g|"           },
    {"\"joe\\\"s\"@f.g",                   "\"joe\\\"s\"@f.g",                             "joe\"s@f.g|"              },
    {"\"a@b\"@f.g",			"\"a@b\"@f.g",                                  "a@b@f.g|"                 },
    {"\"a\n b\"@f.g",		      "\"a\n b\"@f.g",                                "a b@f.g|"                 },
    {"a\\ b@f.g",			  "\"a b\"@f.g",				  "a b@f.g|"                 },
    {"joe\\\n doe <e@f.g>",                "\"joe\" doe <e@f.g>",                          "e@f.g|"                   },
    {"a\\\n @f.g",			 "\"a\"@f.g",				    "a@f.g|"                   },
    {"\"a\\\n b\"@f.g",                    "\"a\\\n b\"@f.g",                              "a b@f.g|"                 },
    {"a\\,b@f.g",			  "\"a,b\"@f.g",				  "a,b@f.g|"                 },
    {"\"a\".b@f.g",			"\"a\".b@f.g",                                  "a.b@f.g|"                 },
    {"\"\"@f.g",			   "\"\"@f.g",				     "@f.g|"                    },
    {"\"a\"\"b\"",			 "\"a\"@def.dom.example, \"b\"@def.dom.example",
     "a@def.dom.example|b@def.dom.example|"									   },
 /* angles and routes */
    {"<>",				 "<>",					   "|"			},
    {"A Person <>",			"A Person <>",                                  "|"                        },
    {"<joe>",			      "<joe@def.dom.example>",                        "joe@def.dom.example|"     },
    {"< joe @ f.g >",		      "<joe@f.g>",				    "joe@f.g|"                 },
    {"<@a,@b:joe@f.g>",                    "<joe@f.g>",                                    "joe@f.g|"                 },
    {"<@a:@b:joe@f.g>",                    "<@b:joe@f.g>",                                 "@b:joe@f.g|"              },
    {"<@a:>",			      "<>",					   "|"			},
    {"<@a.b>",			     "<>",					   "|"			},
    {"A <@a:joe>",			 "A <joe@def.dom.example>",                      "joe@def.dom.example|"     },
 /* groups */
    {"g: a@b.c, d@e.f;",                   "g: a@b.c, d@e.f;",                             "a@b.c|d@e.f|"             },
    {"random group: g@h.i, i@j.k;, k@l.m", "random group: g@h.i, i@j.k;, k@l.m",
     "g@h.i|i@j.k|k@l.m|"											     },
    {"x@y.z, g:;",			 "x@y.z, g:;",				   "x@y.z|"                   },
    {"recipient list not shown: ;",        "recipient list not shown: ;",                  ""                         },
    {"g: A <a@b.c>;",		      "g: A <a@b.c>;",                                "a@b.c|"                   },
    {"\"g h\": a;",			"\"g h\": a@def.dom.example;",                  "a@def.dom.example|"       },
    {"g: a@b.c; d@e.f",                    "g: a@b.c;, d@e.f",                             "a@b.c|d@e.f|"             },
    {"a@b.c, d@e.f;",		      "a@b.c, d@e.f;",                                "a@b.c|d@e.f|"             },
    {"g: a;, h: b;",		       "g: a@def.dom.example;, h: b@def.dom.example;",
     "a@def.dom.example|b@def.dom.example|"									   },
    {"x: <@r:a@b.c>, d;",                  "x: <a@b.c>, d@def.dom.example;",
     "a@b.c|d@def.dom.example|"										       },
 /* what is no list: shown is NULL; what none of can be sent: found is */
    {"a@b.c)",			     "a@b.\"c)\"",				   NULL                       },
    {"a@b.c]",			     "a@b.\"c]\"",				   NULL                       },
    {")",				  NULL,					   NULL		       },
    {"a ]",				NULL,					   NULL		       },
    {"(never closed",		      NULL,					   NULL                       },
    {"\"never closed",                     NULL,					   NULL                       },
    {"a@[never closed",                    NULL,					   NULL                       },
    {"(ends with \\",		      NULL,					   NULL                       },
    {"a@b.c>",			     NULL,					   NULL                       },
    {"<a@b.c",			     NULL,					   NULL                       },
    {"a < b@c.d",			  NULL,					   NULL                       },
    {"a: b",			       NULL,					   NULL		       },
    {"g: h: a;",			   "g: h: a@def.dom.example;",                     "a@def.dom.example|"       },
    {"a; b;",			      NULL,					   NULL                       },
    {"<joe smith@f.g>",                    "<joe smith@f.g>",                              NULL                       },
    {"<My Name>",			  "<My Name@def.dom.example>",                    NULL                       },
    {"\"a\001b\"@f.g",                     "\"a\001b\"@f.g",                               NULL                       },
    {"a@\"b c\"",			  "a@\"b c\"",				    NULL                       },
    {"a@b\\,c",			    "a@\"b,c\"",				    NULL                       },
};

static char *
joined(const struct buf *found)
{
	char *out = calloc(1, found->len + 1);

	assert_non_null(out);
	for (size_t i = 0; i < found->len; i++)
		out[i] = found->data[i] == '\0' ? '|' : found->data[i];
	return out;
}

static void
check(const char *text, const char *shown, const char *want)
{
	struct buf out = {0}, found = {0};
	struct fold f;
	bool ok;

	assert_true(fold_begin(&f, &out, str_of("To")));
	ok = addrlist_write(str_of(text), &hosts, &f,
	    want == NULL ? (shown == NULL ? &found : NULL) : &found);
	if (ok != (shown != NULL))
		fail_msg("%s: %s", text, ok ? "taken" : "refused");
	if (!ok)
		assert_int_equal(errno, EINVAL);
	if (ok) {
		char *list = joined(&found);

		assert_true(buf_terminate(&out));
		if (strcmp(out.data + strlen("To:") + (out.len > 3), shown) !=
			0 ||
		    (want != NULL && strcmp(list, want) != 0))
			fail_msg("%s: {%s} {%s}", text, out.data, list);
		free(list);
	}
	buf_free(&out);
	buf_free(&found);
}

static void
rows_are_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].text, rows[i].shown, rows[i].found);
}

/* What cannot be sent to is refused where it is a recipient. */
static void
no_address_is_guessed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0}, found = {0};
		struct fold f;

		if (rows[i].found != NULL)
			continue;
		assert_true(fold_begin(&f, &out, str_of("To")));
		if (addrlist_write(str_of(rows[i].text), &hosts, &f, &found))
			fail_msg("%s", rows[i].text);
		assert_int_equal(errno, EINVAL);
		buf_free(&out);
		buf_free(&found);
	}
}

/* What was written is read alike, and written alike. */
static void
a_second_time_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].shown == NULL || rows[i].found == NULL ||
		    strchr(rows[i].shown, ':') != NULL)
			continue;
		check(rows[i].shown, rows[i].shown,
		    rows[i].shown[0] == '\0' ? "" : rows[i].found);
	}
}

static void
long_lists_are_folded(void **state)
{
	struct buf text = {0}, out = {0}, found = {0};
	struct fold f;
	size_t column = 0, count = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(buf_append_text(&text, "A Person <a@b.example>,"));
	assert_true(fold_begin(&f, &out, str_of("To")));
	assert_true(addrlist_write(buf_str(&text), &hosts, &f, &found));
	for (size_t i = 0; i < out.len; i++) {
		column = out.data[i] == '\n' ? 0 : column + 1;
		assert_true(column <= FOLD_WIDTH);
		if (column == 1 && i > 1)
			assert_int_equal(out.data[i], ' ');
	}
	for (size_t i = 0; i < found.len; i++)
		count += found.data[i] == '\0';
	assert_int_equal(count, 1000);
	buf_free(&text);
	buf_free(&out);
	buf_free(&found);
}

static void
a_long_name_is_folded(void **state)
{
	struct buf text = {0}, out = {0};
	struct fold f;
	size_t column = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		assert_true(buf_append_text(&text, "word "));
	assert_true(buf_append_text(&text, "<a@b.example>"));
	assert_true(fold_begin(&f, &out, str_of("To")));
	assert_true(addrlist_write(buf_str(&text), &hosts, &f, NULL));
	for (size_t i = 0; i < out.len; i++) {
		column = out.data[i] == '\n' ? 0 : column + 1;
		assert_true(column <= FOLD_WIDTH);
	}
	buf_free(&text);
	buf_free(&out);
}

/* A header of a MiB of the smallest tokens there are. */
static void
the_worst_list_is_read(void **state)
{
	static const char *const worst[] = {
	    ",", "a ", "<>", "(", "\"\"", "a:;"};

	(void)state;
	for (size_t i = 0; i < COUNT(worst); i++) {
		struct buf text = {.max = 2 << 20}, found = {.max = 64 << 20},
			   out = {.max = 64 << 20};
		struct fold f;
		bool ok;

		while (text.len < 1 << 20)
			assert_true(buf_append_text(&text, worst[i]));
		assert_true(fold_begin(&f, &out, str_of("To")));
		ok = addrlist_write(buf_str(&text), &hosts, &f, &found);
		assert_true(ok || errno == EINVAL);
		buf_free(&text);
		buf_free(&out);
		buf_free(&found);
	}
}

/* Everything of four characters that mean something: it is taken or refused,
 * and what is found can be in an envelope. */
static void
short_lists_break_nothing(void **state)
{
	static const char alphabet[] = "a@<>:;,.(\")[]\\ +";
	enum { LETTERS = sizeof(alphabet) - 1, LENGTH = 4 };
	size_t all = 1;

	(void)state;
	for (int i = 0; i < LENGTH; i++)
		all *= LETTERS;
	for (size_t n = 0; n < all; n++) {
		struct buf out = {0}, found = {0};
		char text[LENGTH];
		size_t left = n;
		struct fold f;

		for (int i = 0; i < LENGTH; i++, left /= LETTERS)
			text[i] = alphabet[left % LETTERS];
		assert_true(fold_begin(&f, &out, str_of("To")));
		if (!addrlist_write(
			(struct str){text, LENGTH}, &hosts, &f, &found))
			assert_int_equal(errno, EINVAL);
		buf_free(&out);
		buf_free(&found);
	}
}

static void
addresses_of_a_command_line(void **state)
{
	static const struct {
		const char *from, *to; /* NULL: it is none */
	} table[] = {
	    {"joe",                   "joe@def.dom.example"  },
	    {"joe@host",              "joe@host.dom.example" },
	    {"joe@host+",             "joe@host.plus.example"},
	    {"joe@a.b",               "joe@a.b"              },
	    {"joe@a.b.",              "joe@a.b"              },
	    {"joe@",                  "joe@def.dom.example"  },
	    {"joe smith@a.b",         "joe smith@a.b"        },
	    {"\"joe\"@a.b",           "\"joe\"@a.b"          },
	    {"a@b@c.d",               "a@b@c.d"              },
	    {"joe@[1.2.3.4]",         "joe@[1.2.3.4]"        },
	    {"joe@[]",                "joe@[]"               },
	    {"joe-@host.example-@[]", "joe-@host.example-@[]"},
	    {"",		      ""		     },
	    {"@a.b",                  NULL                   },
	    {"joe@a b",               NULL                   },
	    {"joe@a,b",               NULL                   },
	    {"joe@a\n",               NULL                   },
	    {"jo\ne@a.b",             NULL                   },
	    {"jo\177e@a.b",           NULL                   },
	};
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		bool ok;

		buf_clear(&out);
		ok = rewrite_address(&hosts, str_of(table[i].from), &out);
		if (ok != (table[i].to != NULL))
			fail_msg("%s", table[i].from);
		if (!ok)
			assert_int_equal(errno, EINVAL);
		else if (!str_equal(buf_str(&out), str_of(table[i].to)))
			fail_msg(
			    "%s: %.*s", table[i].from, (int)out.len, out.data);
	}
	buf_free(&out);
}

static void
a_default_host_may_end_with_plus(void **state)
{
	static const struct rewrite plus = {
	    {"h+",           2 },
            {"dom.example",  11},
            {"plus.example", 12}
        };
	struct buf out = {0};

	(void)state;
	assert_true(rewrite_address(&plus, str_of("joe"), &out));
	assert_true(str_equal(buf_str(&out), str_of("joe@h.plus.example")));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_as_the_table_says),
	    cmocka_unit_test(no_address_is_guessed),
	    cmocka_unit_test(a_second_time_changes_nothing),
	    cmocka_unit_test(long_lists_are_folded),
	    cmocka_unit_test(a_long_name_is_folded),
	    cmocka_unit_test(the_worst_list_is_read),
	    cmocka_unit_test(short_lists_break_nothing),
	    cmocka_unit_test(addresses_of_a_command_line),
	    cmocka_unit_test(a_default_host_may_end_with_plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
