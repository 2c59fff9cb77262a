/* authors: what a From names, and what every reader may take otherwise. */
#include "smtpd/authors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *value, *addresses; /* NULL: malformed */
};

static const struct row rows[] = {
  /* one mailbox */
    {" a@b\n",			  "a@b\n"			 },
    {"A.B@C.example",                   "A.B@C.example\n"               },
    {" A Person <a@b>",                 "a@b\n"                         },
    {" \"A, Person\" <a@b>",            "a@b\n"                         },
    {" John Q. Public <a@b>",           "a@b\n"                         },
    {" \"\" <a@b>",		     "a@b\n"                         },
    {" <a@b> (Boss)",                   "a@b\n"                         },
    {"\n a@b\n",			"a@b\n"			 },
    {" A\n <a@\n\tb>",                  "a@b\n"                         },
    {" a . b @ c . d",                  "a.b@c.d\n"                     },
    {" gr\xc3\xbc\xc3\x9f@b.example",   "gr\xc3\xbc\xc3\x9f@b.example\n"},
    {" a@[192.0.2.1]",                  "a@[192.0.2.1]\n"               },
    {" a@[IPv6:2001:db8::1]",           "a@[IPv6:2001:db8::1]\n"        },
    {" =?utf-8?q?ceo=40bank?= <a@b>",   "a@b\n"                         },
    {" =?utf-8?B?Y2VvQGJhbms=?= <a@b>", "a@b\n"                         },
 /* quoted local parts */
    {" \"a\"@b",			"a@b\n"			 },
    {" \"a b\"@c",		      "a b@c\n"                       },
    {" \"a\\\"\\\\b\"@c",               "a\"\\b@c\n"                    },
    {" \"c@d\"@b",		      "c@d@b\n"                       },
    {" a.\"b\".c@d",                    "a.b.c@d\n"                     },
    {" \"a\n b\"@c",                    "a b@c\n"                       },
 /* comments */
    {" a(c)@(d)b(e)",                   "a@b\n"                         },
    {" (c@d) a@b ((e@f) \\) g)",        "a@b\n"                         },
    {" (<c@d>) <a@b>",                  "a@b\n"                         },
 /* several */
    {" a@b, C <d@e>,f@g",               "a@b\nd@e\nf@g\n"               },
    {" ,a@b,,",			 "a@b\n"			 },
    {" A: a@b, <c@d>;, e@f",            "a@b\nc@d\ne@f\n"               },
    {" \"G\" H:a@b;",                   "a@b\n"                         },
 /* routes */
    {" <@c,@d:a@b>",                    "a@b\n"                         },
    {" <@c:a@b>",		       "a@b\n"			 },
    {" X <@c.example,,@d:a@b>",         "a@b\n"                         },
 /* none, or nobody */
    {"",				NULL			    },
    {"\n",			      NULL			    },
    {" (a@b)",			  NULL			    },
    {" undisclosed:;",                  NULL			    },
    {" <>",			     NULL			    },
    {" a",			      NULL			    },
    {" A <b>",			  NULL			    },
    {" A <@c:>",			NULL			    },
 /* what could be read in two ways */
    {" c@d <a@b>",		      NULL			    },
    {" <a@b> <c@d>",                    NULL			    },
    {" <a@b> c@d",		      NULL			    },
    {" <a@b>c",			 NULL			    },
    {" a@b c@d",			NULL			    },
    {" a@b; c@d",		       NULL			    },
    {" <a@b, c@d>",		     NULL			    },
    {" <<a@b>>",			NULL			    },
    {" A <a@b",			 NULL			    },
    {" a@b>",			   NULL			    },
    {" a@b@c",			  NULL			    },
    {" a b@c",			  NULL			    },
    {" \"a\" \"b\"@c",                  NULL			    },
    {" .a@b",			   NULL			    },
    {" a.@b",			   NULL			    },
    {" a..b@c",			 NULL			    },
    {" a@b.",			   NULL			    },
    {" a@.b",			   NULL			    },
    {" a@",			     NULL			    },
    {" @b",			     NULL			    },
    {" a@\"b\"",			NULL			    },
    {" a@[b[c]",			NULL			    },
    {" a@b[c]",			 NULL			    },
    {" A: B: a@b;;",                    NULL			    },
    {" A: a@b",			 NULL			    },
    {" : a@b;",			 NULL			    },
    {" A: a@b; c@d",                    NULL			    },
    {" A: a@b;;",		       NULL			    },
    {" a@b (c",			 NULL			    },
    {" a@b )",			  NULL			    },
    {" \"a@b",			  NULL			    },
    {" a@[b",			   NULL			    },
    {" a@b\\",			  NULL			    },
    {" \\a@b",			  NULL			    },
    {" a\x01@b",			NULL			    },
    {" \"a\x7f\"@b",                    NULL			    },
    {" (\x02) a@b",		     NULL			    },
    {" M\xc3\xbcller, Hans <a@b>",      NULL                            },
};

static void
it_names_whom_it_names_or_nobody(void **state)
{
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum authors_result r =
		    authors_read(str_of(rows[i].value), &out);
		const char *want = rows[i].addresses;

		if (want == NULL ? r == AUTHORS_MALFORMED
				 : r == AUTHORS_OK &&
				       str_equal(buf_str(&out), str_of(want)))
			continue;
		fail_msg("\"%s\": %d \"%.*s\"", rows[i].value, (int)r,
		    (int)out.len, out.data);
	}
	buf_free(&out);
}

static void
a_nul_is_nothing_of_it(void **state)
{
	struct buf out = {0};
	static const char texts[][5] = {"a\0@b", "a@\0b", "a@b\0", "\0a@b"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(authors_read((struct str){texts[i], 4}, &out),
		    AUTHORS_MALFORMED);
	buf_free(&out);
}

static void
deep_comments_need_no_stack(void **state)
{
	enum { DEEP = 200000 };
	struct buf text = {0}, out = {0};

	(void)state;
	for (int i = 0; i < DEEP; i++)
		assert_true(buf_append_byte(&text, '('));
	assert_int_equal(authors_read(buf_str(&text), &out), AUTHORS_MALFORMED);
	for (int i = 0; i < DEEP; i++)
		assert_true(buf_append_byte(&text, ')'));
	assert_true(buf_append_text(&text, "a@b"));
	assert_int_equal(authors_read(buf_str(&text), &out), AUTHORS_OK);
	buf_free(&text);
	buf_free(&out);
}

static void
what_does_not_fit_is_no_answer(void **state)
{
	struct buf out = {.max = 4};

	(void)state;
	assert_int_equal(authors_read(str_of("a@b"), &out), AUTHORS_OK);
	assert_int_equal(authors_read(str_of("ab@c"), &out), AUTHORS_MEMORY);
	assert_int_equal(
	    authors_read(str_of("a@b, c@d"), &out), AUTHORS_MEMORY);
	buf_free(&out);
}

/* Whatever comes: an answer, and addresses that each hold an '@'. */
static void
anything_is_read_to_its_end(void **state)
{
	static const char bytes[] = "ab@@.,<>:;()[]\"\\ \n\x01\xc3";
	unsigned seed = 7;
	struct buf out = {0};

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[16];
		struct str rest, one;

		for (size_t n = 0; n < sizeof(text); n++)
			text[n] =
			    bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
		if (authors_read((struct str){text,
				     (size_t)rand_r(&seed) % sizeof(text)},
			&out) != AUTHORS_OK)
			continue;
		rest = buf_str(&out);
		while (str_cut(&rest, '\n', &one))
			assert_true(str_find(one, '@') < one.len);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_names_whom_it_names_or_nobody),
	    cmocka_unit_test(a_nul_is_nothing_of_it),
	    cmocka_unit_test(deep_comments_need_no_stack),
	    cmocka_unit_test(what_does_not_fit_is_no_answer),
	    cmocka_unit_test(anything_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
