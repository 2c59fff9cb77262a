/* value: what parses, what does not and where, which line counts. */
#include "control/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct control_row kinds[] = {
    [KIND_LINE] = {.name = "x",           .kind = KIND_LINE  },
    [KIND_NAME] = {.name = "x",           .kind = KIND_NAME  },
    [KIND_NUMBER] = {.name = "x",           .kind = KIND_NUMBER, .least = 5, .most = 99},
    [KIND_LIST] = {.name = "x",           .kind = KIND_LIST                             },
    [KIND_MAP] = {.name = "x",.kind = KIND_MAP},
    [KIND_SERVERS] = {.name = "x",            .kind = KIND_SERVERS                                               },
    [KIND_TIMES] = {.name = "x",.kind = KIND_TIMES},
    [KIND_QUOTA] = {.name = "x",              .kind = KIND_QUOTA								       },
    [KIND_ANSWER] = {.name = "x",.kind = KIND_ANSWER},
    [KIND_TEXT] = {.name = "x",             .kind = KIND_TEXT											      },
    [KIND_RATES] = {.name = "x",.kind = KIND_RATES},
};

static bool
parse(struct value *v, enum control_kind kind, const char *text, size_t len,
    struct fault *f)
{
	*v = (struct value){0};
	assert_true(buf_append(&v->text, text, len));
	return value_parse(v, &kinds[kind], f);
}

static void
one_line_files_give_their_first_line(void **state)
{
	static const struct {
		enum control_kind kind;
		const char *text, *line;
		uint64_t number;
		size_t idle;
	} rows[] = {
	    {KIND_LINE,   "",                   "",                   0,  0},
	    {KIND_LINE,   "\n",                 "",                   0,  0},
	    {KIND_LINE,   "one",                "one",                0,  0},
	    {KIND_LINE,   "one two \t\n",       "one two",            0,  0},
	    {KIND_LINE,   " one\n",             " one",               0,  0},
	    {KIND_LINE,   "#one\n",             "#one",               0,  0},
	    {KIND_LINE,   "one\n\n# note\n",    "one",                0,  0},
	    {KIND_LINE,   "one\n\ntwo\n",       "one",                0,  3},
	    {KIND_LINE,   "\none\n",            "",                   0,  2},
	    {KIND_NAME,   "Mail.Example.ORG\n", "Mail.Example.ORG",   0,  0},
	    {KIND_NAME,   "[192.0.2.1]\n",      "[192.0.2.1]",        0,  0},
	    {KIND_NAME,   "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", 0,  0},
	    {KIND_NUMBER, "5\n",                "5",                  5,  0},
	    {KIND_NUMBER, "99",                 "99",                 99, 0},
	    {KIND_NUMBER, "0010 \n",            "0010",               10, 0},
	    {KIND_TIMES,  "5m 2h \n",           "5m 2h",              0,  0},
	    {KIND_QUOTA,  "1000S,5C \n",        "1000S,5C",           0,  0},
	    {KIND_QUOTA,  "1000\n# all\n",      "1000",               0,  0},
	    {KIND_ANSWER, "refuse\n",           "refuse",             0,  0},
	    {KIND_ANSWER, "defer\n\nrefuse\n",  "defer",              0,  3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value v;
		struct fault f;

		if (!parse(&v, rows[i].kind, rows[i].text, strlen(rows[i].text),
			&f))
			fail_msg("row %zu: %s", i, f.what);
		assert_true(v.present);
		assert_true(str_equal(v.line, str_of(rows[i].line)));
		assert_int_equal(v.number, rows[i].number);
		assert_int_equal(v.idle_line, rows[i].idle);
		value_free(&v);
	}
}

#define TEXT(s) (s), sizeof(s) - 1
static const struct {
	enum control_kind kind;
	const char *text;
	size_t len;
	const char *said;
} malformed[] = {
    {KIND_LINE,   TEXT("a\0b\n"),                    "x:1: control byte within the line"       },
    {KIND_LINE,   TEXT("a\tb\n"),                    "x:1: control byte within the line"       },
    {KIND_LINE,   TEXT("a\x7f"),                     "x:1: control byte within the line"       },
    {KIND_LINE,   TEXT("a\r\n"),                     "x:1: ends with a carriage return: a"     },
    {KIND_LINE,   TEXT("\xe4\n"),                    "x:1: neither ASCII nor UTF-8"            },
    {KIND_LINE,   TEXT("\xc0\x80\n"),                "x:1: neither ASCII nor UTF-8"            },
    {KIND_NAME,   TEXT(""),			  "x:1: not a host name"                    },
    {KIND_NAME,   TEXT("\nme.test\n"),               "x:1: not a host name"                    },
    {KIND_NAME,   TEXT("# me\nme.test\n"),           "x:1: not a host name: # me"              },
    {KIND_NAME,   TEXT("me test\n"),                 "x:1: not a host name: me test"           },
    {KIND_NAME,   TEXT("me..test"),                  "x:1: not a host name: me..test"          },
    {KIND_NAME,   TEXT("[me]"),                      "x:1: not a host name: [me]"              },
    {KIND_NAME,   TEXT("[192.0.2.1"),                "x:1: not a host name: [192.0.2.1"        },
    {KIND_NUMBER, TEXT(""),                          "x:1: not a number"                       },
    {KIND_NUMBER, TEXT("10k\n"),                     "x:1: not a number: 10k"                  },
    {KIND_NUMBER, TEXT(" 10\n"),                     "x:1: not a number:  10"                  },
    {KIND_NUMBER, TEXT("-1\n"),                      "x:1: not a number: -1"                   },
    {KIND_NUMBER, TEXT("+9\n"),                      "x:1: not a number: +9"                   },
    {KIND_NUMBER, TEXT("0x9\n"),                     "x:1: not a number: 0x9"                  },
    {KIND_NUMBER, TEXT("4\n"),                       "x:1: too small a number: 4"              },
    {KIND_NUMBER, TEXT("100\n"),                     "x:1: too large a number: 100"            },
    {KIND_NUMBER, TEXT("18446744073709551616\n"),
     "x:1: not a number: 18446744073709551616"						 },
    {KIND_LIST,   TEXT("a\n\n#\nb\0c\n"),            "x:4: control byte within the line"       },
    {KIND_LIST,   TEXT("a b\n"),                     "x:1: blank within the key: a b"          },
    {KIND_LIST,   TEXT("a\n b\n"),                   "x:2: blank within the key:  b"           },
    {KIND_LIST,   TEXT("a\nb\r\n"),                  "x:2: ends with a carriage return: b"     },
    {KIND_MAP,    TEXT("a:b\nc\n"),                  "x:2: no colon: c"                        },
    {KIND_QUOTA,  TEXT("10k\n"),                     "x:1: not a quota like 1000000S,500C: 10k"},
    {KIND_QUOTA,  TEXT("\n"),                        "x:1: not a quota like 1000000S,500C"     },
    {KIND_ANSWER, TEXT("bounce\n"),                  "x:1: neither defer nor refuse: bounce"   },
    {KIND_ANSWER, TEXT(""),                          "x:1: neither defer nor refuse"           },
    {KIND_TEXT,   TEXT("Hello\n"),                   "x:1: not a line of a header: Hello"      },
    {KIND_TEXT,   TEXT(" Hello: x\n"),               "x:1: not a line of a header:  Hello: x"  },
    {KIND_TEXT,   TEXT("Subject: x\nyou, Sir: y\n"),
     "x:2: not a line of a header: you, Sir: y"                                                },
    {KIND_TEXT,   TEXT("Subject: x\n\na\rb\n"),
     "x:3: control byte within the line"						       },
    {KIND_TEXT,   TEXT("Subject: x\n\n\xe4\n"),      "x:3: neither ASCII nor UTF-8"            },
    {KIND_TIMES,  TEXT("\n"),                        "x:1: no list of times like 5m 2h"        },
    {KIND_TIMES,  TEXT("5m 2x\n"),                   "x:1: no list of times like 5m 2h: 5m 2x" },
    {KIND_RATES,  TEXT("a:9/m\nb\n"),                "x:2: no colon: b"                        },
    {KIND_RATES,  TEXT("a:9/m\nb:9\n"),              "x:2: not a rate like 100/h: 9"           },
    {KIND_MAP,    TEXT("a :b\n"),                    "x:1: blank within the key: a "           },
};

static void
malformed_text_names_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
		struct value v;
		struct fault f;
		struct buf said = {0};

		if (parse(&v, malformed[i].kind, malformed[i].text,
			malformed[i].len, &f))
			fail_msg("row %zu was accepted", i);
		fault_write(&said, "x", &f);
		assert_true(str_starts(buf_str(&said), str_of("control/")));
		assert_string_equal(
		    said.data + strlen("control/"), malformed[i].said);
		buf_free(&said);
		value_free(&v);
	}
}

static void
a_key_has_its_longest(void **state)
{
	char text[VALUE_KEY + 2];
	struct value v;
	struct fault f;

	(void)state;
	(void)memset(text, 'k', sizeof text);
	assert_true(parse(&v, KIND_LIST, text, VALUE_KEY, &f));
	value_free(&v);
	assert_false(parse(&v, KIND_LIST, text, VALUE_KEY + 1, &f));
	value_free(&v);
}

/* What stands in v: "key=value;" for each. */
static void
check_entries(const struct value *v, const char *want)
{
	char got[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < v->count; i++)
		len +=
		    (size_t)snprintf(got + len, sizeof got - len, "%.*s=%.*s;",
			(int)v->entries[i].key.len, v->entries[i].key.data,
			(int)v->entries[i].value.len, v->entries[i].value.data);
	assert_string_equal(got, want);
}

static void
servers_stay_in_their_order(void **state)
{
	static const char text[] = "192.0.2.9 \n#x\n\n[2001:DB8::1]:628\n"
				   "192.0.2.1:1\n192.0.2.9\n";
	static const char *const bad[] = {
	    "mail.example", "192.0.2.1:0", "192.0.2.1 628", "[192.0.2.1]"};
	struct value v;
	struct fault f;

	(void)state;
	assert_true(parse(&v, KIND_SERVERS, text, sizeof text - 1, &f));
	check_entries(&v, "192.0.2.9=;[2001:db8::1]:628=;192.0.2.1:1=;"
			  "192.0.2.9=;");
	value_free(&v);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(
		    parse(&v, KIND_SERVERS, bad[i], strlen(bad[i]), &f));
		assert_string_equal(f.what, "neither ADDRESS nor ADDRESS:PORT");
		value_free(&v);
	}
}

static void
a_text_keeps_every_line(void **state)
{
	static const char text[] =
	    "Subject: Full\n and more\nX: y\n\n# one \n\n no: header\n-- \n";
	char line[VALUE_TEXT_LINE + 16] = "Subject: x\n\n";
	const size_t head = strlen(line);
	struct value v;
	struct fault f;

	(void)state;
	assert_true(parse(&v, KIND_TEXT, text, sizeof text - 1, &f));
	check_entries(&v, "Subject: Full=; and more=;X: y=;=;# one =;=;"
			  " no: header=;-- =;");
	value_free(&v);
	(void)memset(line + head, 'a', VALUE_TEXT_LINE + 1);
	assert_true(parse(&v, KIND_TEXT, line, head + VALUE_TEXT_LINE, &f));
	value_free(&v);
	assert_false(
	    parse(&v, KIND_TEXT, line, head + VALUE_TEXT_LINE + 1, &f));
	assert_int_equal(f.line, 3);
	value_free(&v);
}

static void
lists_and_maps_fold_sort_and_keep_the_last(void **state)
{
	static const struct {
		enum control_kind kind;
		const char *text, *entries;
		size_t idle;
	} rows[] = {
	    {KIND_LIST,  "",                        "",                     0},
	    {KIND_LIST,  "\n\n#only\n \t\n",        "",                     0},
	    {KIND_LIST,  "B.test \n.C.test\n#x\na", ".c.test=;a=;b.test=;", 0},
	    {KIND_LIST,  "a\nA\na\n",               "a=;",                  0},
	    {KIND_LIST,  "a:b\n",                   "a:b=;",                0},
	    {KIND_MAP,   "B:X:y z \na:\n:all\n",    "=all;a=;b=X:y z;",     0},
	    {KIND_RATES, "B:9/h\n:1/s\n",           "=1/s;b=9/h;",          0},
	    {KIND_MAP,   "a:1\nb:2\nA:3\n",         "a=3;b=2;",             1},
	    {KIND_MAP,   "b:2\na:3\na:3\n",         "a=3;b=2;",             0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value v;
		struct fault f;

		assert_true(parse(
		    &v, rows[i].kind, rows[i].text, strlen(rows[i].text), &f));
		check_entries(&v, rows[i].entries);
		assert_int_equal(v.idle_line, rows[i].idle);
		value_free(&v);
	}
}

static void
each_of_many_keys_is_found(void **state)
{
	struct value v = {0};
	struct fault f;
	char key[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof key, "K%d:%d\n", i * 7 % 1000, i);
		assert_true(buf_append_text(&v.text, key));
	}
	assert_true(value_parse(&v, &kinds[KIND_MAP], &f));
	assert_int_equal(v.count, 1000);
	for (int i = 0; i < 1000; i++) {
		const struct entry *e;

		(void)snprintf(key, sizeof key, "k%d", i * 7 % 1000);
		e = value_find(&v, str_of(key));
		assert_non_null(e);
		(void)snprintf(key, sizeof key, "%d", i);
		assert_true(str_equal(e->value, str_of(key)));
	}
	assert_null(value_find(&v, str_of("k1000")));
	assert_null(value_find(&v, str_of("")));
	value_free(&v);
}

static void
mechanisms_are_names_of_ours(void **state)
{
	static const struct control_row row = {
	    .name = "x", .kind = KIND_MECHANISMS};
	static const struct {
		const char *text, *bad; /* NULL: it parses */
	} rows[] = {
	    {"plain  SCRAM-SHA-256-plus\n", NULL },
	    {"\n",			  NULL },
	    {"PLAIN FOO BAR\n",             "FOO"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct value v = {0};
		struct fault f;
		bool ok;

		assert_true(buf_append_text(&v.text, rows[i].text));
		ok = value_parse(&v, &row, &f);
		assert_int_equal(ok, rows[i].bad == NULL);
		if (!ok) {
			assert_int_equal(f.line, 1);
			assert_true(str_equal(f.near, str_of(rows[i].bad)));
		}
		value_free(&v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mechanisms_are_names_of_ours),
	    cmocka_unit_test(one_line_files_give_their_first_line),
	    cmocka_unit_test(malformed_text_names_its_line),
	    cmocka_unit_test(a_key_has_its_longest),
	    cmocka_unit_test(servers_stay_in_their_order),
	    cmocka_unit_test(a_text_keeps_every_line),
	    cmocka_unit_test(lists_and_maps_fold_sort_and_keep_the_last),
	    cmocka_unit_test(each_of_many_keys_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
