/* rule: what a line of an access list compiles to, and what is malformed. */
#include "control/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "key=value|key=value", NUL as "$". */
static void
tell(char *out, size_t size, struct str compiled)
{
	struct rule r;
	size_t n = 0;

	out[0] = '\0';
	while (rule_next(&compiled, &r)) {
		assert_int_equal(r.line, 7);
		assert_int_equal(rule_line(r.key), 7);
		n += (size_t)snprintf(out + n, size - n,
		    "%s%.*s=", n > 0 ? "|" : "", (int)r.key.len, r.key.data);
		for (size_t i = 0; i < r.value.len && n + 1 < size; i++)
			out[n++] =
			    r.value.data[i] == '\0' ? '$' : r.value.data[i];
		out[n] = '\0';
	}
	assert_int_equal(compiled.len, 0);
}

static void
a_line_compiles_to_the_pairs_of_tcprules(void **state)
{
	static const struct {
		const char *line, *pairs;
	} rows[] = {
	    {":allow",			   "="			   },
	    {":deny",			    "=D$"                         },
	    {"127.0.0.1:allow,RELAYCLIENT=\"\"", "127.0.0.1=+RELAYCLIENT=$"    },
	    {"127.:allow,A=/b,c/,B_2='\"'",      "127.=+A=b,c$+B_2=\"$"        },
	    {"1.2.3.:deny,A=\"b\"",              "1.2.3.=D$+A=b$"              },
	    {"1.2.3.9-11:allow",                 "1.2.3.9=|1.2.3.10=|1.2.3.11="},
	    {"1.2-3.:deny",                      "1.2.=D$|1.3.=D$"             },
	    {"1.2-3.4.5:allow",                  "1.2.4.5=|1.3.4.5="           },
	    {"1-1.2.:allow",                     "1.2.="                       },
	    {"=:allow",			  "=="                          },
	    {"=Mail.Example:deny",               "=mail.example=D$"            },
	    {"=.example:deny",                   "=.example=D$"                },
	    {"Joe@1.2.3.4:allow",                "joe@1.2.3.4="                },
	    {"joe@=a-b.test:allow",              "joe@=a-b.test="              },
	    {"a@b@[::1]:allow",                  "a@b@[::1]="                  },
	    {"[2001:DB8:0:0::1]:deny",           "[2001:db8::1]=D$"            },
	    {"[2001:db8::]/32:allow",            "[2001:db8::]/32="            },
	    {"[2001:db8::7]/128:allow",          "[2001:db8::7]="              },
	    {"[::]/0:deny",                      "[::]/0=D$"                   },
	    {"10.0.0.0/8:allow",                 "10.="                        },
	    {"172.16.0.0/12:allow",              "172.16.0.0/12="              },
	    {"192.168.0.0/16:allow",             "192.168.="                   },
	    {"192.168.7.0/24:allow",             "192.168.7.="                 },
	    {"192.0.2.7/32:allow",               "192.0.2.7="                  },
	    {"192.0.2.6/31:allow",               "192.0.2.6/31="               },
	    {"0.0.0.0/0:allow",                  "0.0.0.0/0="                  },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		struct fault f = {0};
		char text[256];

		if (!rule_compile(str_of(rows[i].line), 7, &b, &f))
			fail_msg("%s: %s", rows[i].line, f.what);
		tell(text, sizeof text, buf_str(&b));
		assert_string_equal(text, rows[i].pairs);
		buf_free(&b);
	}
}

static const struct {
	const char *line, *what;
} wrong[] = {
    {"",		       "no colon"				      },
    {"1.2.3.4",		"no colon"				      },
    {"1.2.3.4:",               "neither allow nor deny"                        },
    {"1.2.3.4:permit",         "neither allow nor deny"                        },
    {"1.2.3.4:Allow",          "neither allow nor deny"                        },
    {"1.2.3.4:allowed",        "neither a comma and NAME=\"VALUE\" nor the end"},
    {"1.2.3.4:allow,",         "neither a comma and NAME=\"VALUE\" nor the end"},
    {"1.2.3.4:allow,A",        "neither a comma and NAME=\"VALUE\" nor the end"},
    {"1.2.3.4:allow,1A=\"\"",  "neither a comma and NAME=\"VALUE\" nor the end"},
    {"1.2.3.4:allow,A-B=\"\"",
     "neither a comma and NAME=\"VALUE\" nor the end"                          },
    {"1.2.3.4:allow,=\"\"",    "neither a comma and NAME=\"VALUE\" nor the end"},
    {"1.2.3.4:allow,A=\"b\"c",
     "neither a comma and NAME=\"VALUE\" nor the end"                          },
    {"1.2.3.4:allow,A=",       "no quotation mark behind"                      },
    {"1.2.3.4:allow,A=\"b",    "the value has no second quotation mark"        },
    {"1.2.3:allow",            "not an address"                                },
    {"1.2.3.4.:allow",         "not an address"                                },
    {"1.2.3.256:allow",        "not an address"                                },
    {"1.2.300.:allow",         "not an address"                                },
    {"1.02.:allow",            "not an address"                                },
    {"1..:allow",              "not an address"                                },
    {".:allow",		"not an address"				},
    {" 1.2.3.4:allow",         "not an address"                                },
    {"host.example:allow",     "not an address"                                },
    {"=a b:allow",             "not an address"                                },
    {"=.:allow",               "not an address"                                },
    {"2001:db8::1:allow",      "neither allow nor deny"                        },
    {"[1.2.3.4]:allow",        "not an address"                                },
    {"[2001:db8::1:allow",     "no colon"				      },
    {"[2001:db8:::1]:allow",   "not an address"                                },
    {"@1.2.3.4:allow",         "nobody before the @"                           },
    {"joe@:allow",             "not an address"                                },
    {"joe@=.example:allow",    "not an address"                                },
    {"joe@1.2.3.:allow",       "not an address"                                },
    {"1.2.3.4/33:allow",       "not a network"                                 },
    {"1.2.3.0/:allow",         "not a network"                                 },
    {"1.2.3.0/0024:allow",     "not a network"                                 },
    {"[2001:db8::]/129:allow", "not a network"                                 },
    {"1.2.3.4/24:allow",       "the network has bits behind its prefix"        },
    {"[2001:db8::1]/64:allow", "the network has bits behind its prefix"        },
    {"1.2.3.9-8:allow",        "not a range of addresses"                      },
    {"1.2.3.1-256:allow",      "not a range of addresses"                      },
    {"1.2.3.1-2-3:allow",      "not a range of addresses"                      },
    {"1.2-3:allow",            "not a range of addresses"                      },
    {"1.2.3-:allow",           "not a range of addresses"                      },
    {"-1.2.:allow",            "not a range of addresses"                      },
    {"a-b.test:allow",         "not a range of addresses"                      },
};

static void
a_malformed_line_says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct buf b = {0};
		struct fault f = {0};

		if (rule_compile(str_of(wrong[i].line), 7, &b, &f))
			fail_msg("%s compiled", wrong[i].line);
		assert_string_equal(f.what, wrong[i].what);
		buf_free(&b);
	}
}

static void
a_list_of_networks_holds_nothing_else(void **state)
{
	static const struct {
		const char *line, *pairs; /* NULL: malformed */
	} rows[] = {
	    {"192.0.2.1",       "192.0.2.1="           },
	    {"192.0.2.",        "192.0.2.="            },
	    {"192.0.2.0/25",    "192.0.2.0/25="        },
	    {"192.0.2.1-2",     "192.0.2.1=|192.0.2.2="},
	    {"[2001:db8::]/32", "[2001:db8::]/32="     },
	    {"[2001:db8::1]",   "[2001:db8::1]="       },
	    {"2001:db8::1",     NULL                   },
	    {"192.0.2.1:allow", NULL                   },
	    {"192.0.2.1/25",    NULL                   },
	    {"=host.example",   NULL                   },
	    {"=",               NULL                   },
	    {"joe@192.0.2.1",   NULL                   },
	    {"host.example",    NULL                   },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		struct fault f = {0};
		char text[256];
		bool ok = rule_compile_network(str_of(rows[i].line), 7, &b, &f);

		if (ok != (rows[i].pairs != NULL))
			fail_msg("%s", rows[i].line);
		tell(text, sizeof text, buf_str(&b));
		assert_string_equal(text, ok ? rows[i].pairs : "");
		buf_free(&b);
	}
}

static void
what_is_formatted_compiles_to_the_same(void **state)
{
	static const char *const lines[] = {":allow", ":deny",
	    ":allow,A=\"\",B=\"c d\"", ":deny,A='\"'", ":allow,A=/\"'/",
	    ":allow,A=\"a=b\"",
	    ":allow,A=+\"'/|%~^:;!?*$&()<>{}[]=@#.,-_`\\+,B=\"x\""};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct buf one = {0}, two = {0}, text = {0};
		struct fault f = {0};
		struct str rest;
		struct rule r;

		assert_true(rule_compile(str_of(lines[i]), 1, &one, &f));
		rest = buf_str(&one);
		assert_true(rule_next(&rest, &r));
		assert_true(rule_format(&text, r.value));
		assert_true(rule_compile(buf_str(&text), 1, &two, &f));
		assert_true(str_equal(buf_str(&one), buf_str(&two)));
		buf_free(&one);
		buf_free(&two);
		buf_free(&text);
	}
}

static void
an_address_that_no_client_can_have_is_refused(void **state)
{
	struct buf line = {0}, out = {0};
	struct fault f = {0};

	(void)state;
	for (int i = 0; i < VALUE_KEY; i++)
		assert_true(buf_append_byte(&line, i == 0 ? '=' : 'a'));
	assert_true(buf_append_text(&line, ":allow"));
	assert_true(rule_compile(buf_str(&line), 1, &out, &f));
	line.len = VALUE_KEY;
	assert_true(buf_append_text(&line, "a:allow"));
	assert_false(rule_compile(buf_str(&line), 1, &out, &f));
	assert_string_equal(f.what, "the address is too long");
	buf_free(&line);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_compiles_to_the_pairs_of_tcprules),
	    cmocka_unit_test(a_malformed_line_says_what_is_wrong),
	    cmocka_unit_test(a_list_of_networks_holds_nothing_else),
	    cmocka_unit_test(what_is_formatted_compiles_to_the_same),
	    cmocka_unit_test(an_address_that_no_client_can_have_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
