/* identity: From and the envelope's sender, of what the environment says. */
#include "queue/identity.h"

#include "lib/env.h"
#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { SETTINGS = 6 };

static const char *const variables[] = {"QMAILUSER", "MAILUSER", "USER",
    "LOGNAME", "QMAILHOST", "MAILHOST", "QMAILNAME", "MAILNAME", "NAME",
    "QMAILSUSER", "QMAILSHOST"};

static const struct rewrite hosts = {
    {"def.example",  11},
    {"dom.example",  11},
    {"plus.example", 12}
};

/* the environment, From, the sender; NULL: they make no address */
static const struct {
	const char *set[SETTINGS][2];
	const char *from, *sender;
} rows[] = {
    {{{"USER", "u"}},					 "u@def.example",                   "u@def.example"   },
    {{{"LOGNAME", "l"}},				      "l@def.example",                   "l@def.example"   },
    {{{"USER", "u"}, {"LOGNAME", "l"}},                       "u@def.example",                   "u@def.example"   },
    {{{"USER", "u"}, {"MAILUSER", "m"}},                      "m@def.example",                   "m@def.example"   },
    {{{"MAILUSER", "m"}, {"QMAILUSER", "q"}},                 "q@def.example",                   "q@def.example"   },
    {{{"USER", "u"}, {"MAILHOST", "h"}},                      "u@h.dom.example",                 "u@h.dom.example" },
    {{{"USER", "u"}, {"MAILHOST", "h"}, {"QMAILHOST", "q+"}},
     "u@q.plus.example",									 "u@q.plus.example"},
    {{{"USER", "u"}, {"QMAILHOST", ""}},                      "u@def.example",                   "u@def.example"   },
    {{{"USER", "u"}, {"QMAILHOST", "[1.2.3.4]"}},             "u@[1.2.3.4]",                     "u@[1.2.3.4]"     },
    {{{"USER", "u"}, {"NAME", "A B"}},                        "\"A B\" <u@def.example>",
     "u@def.example"											       },
    {{{"USER", "u"}, {"NAME", "A"}, {"MAILNAME", "B"}},       "\"B\" <u@def.example>",
     "u@def.example"											       },
    {{{"USER", "u"}, {"MAILNAME", "B"}, {"QMAILNAME", "C"}},
     "\"C\" <u@def.example>",								    "u@def.example"   },
    {{{"USER", "u"}, {"NAME", "a \"b\\"}},                    "\"a \\\"b\\\\\" <u@def.example>",
     "u@def.example"											       },
    {{{"USER", "u"}, {"NAME", "a\nBcc: x"}},                  "\"a Bcc: x\" <u@def.example>",
     "u@def.example"											       },
    {{{"USER", "u"}, {"NAME", ""}},                           "\"\" <u@def.example>",            "u@def.example"   },
    {{{"USER", "a b"}},				       "\"a b\"@def.example",             "a b@def.example" },
    {{{"USER", "a@b"}},				       "\"a@b\"@def.example",             "a@b@def.example" },
    {{{"USER", "u"}, {"QMAILSUSER", "s"}},                    "u@def.example",                   "s@def.example"   },
    {{{"USER", "u"}, {"QMAILSHOST", "s.example"}},            "u@def.example",
     "u@s.example"												 },
    {{{"USER", "u"}, {"QMAILHOST", "h.x"}, {"QMAILSHOST", "s.x"},
	 {"QMAILSUSER", "s"}},
     "u@h.x",										    "s@s.x"           },
    {{{"USER", "u\n"}},				       NULL,			      NULL              },
    {{{"USER", "u"}, {"QMAILHOST", "a b"}},                   NULL,                              NULL              },
    {{{"USER", "u"}, {"QMAILHOST", "a\nBcc: x@y"}},           NULL,                              NULL              },
};

static void
set_environment(const char *const set[SETTINGS][2])
{
	for (size_t i = 0; i < COUNT(variables); i++)
		env_set(variables[i], NULL);
	for (size_t i = 0; i < SETTINGS && set[i][0] != NULL; i++)
		env_set(set[i][0], set[i][1]);
}

static void
compare(bool ok, const struct buf *got, const char *want, size_t row)
{
	if (ok != (want != NULL))
		fail_msg("row %zu", row);
	if (!ok)
		assert_int_equal(errno, EINVAL);
	else if (!str_equal(buf_str(got), str_of(want)))
		fail_msg("row %zu: %.*s", row, (int)got->len, got->data);
}

static void
rows_are_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf from = {0}, sender = {0};
		struct identity who;

		set_environment(rows[i].set);
		identity_read(&who);
		compare(
		    identity_from(&who, &hosts, &from), &from, rows[i].from, i);
		compare(identity_sender(&who, &hosts, 77, &sender), &sender,
		    rows[i].sender, i);
		buf_free(&from);
		buf_free(&sender);
	}
}

static void
letters_change_both(void **state)
{
	const char *const set[SETTINGS][2] = {
	    {"USER", "u"   },
            {"NAME", "a(b)"}
        };
	struct buf from = {0}, sender = {0};
	struct identity who;
	char want[128];

	(void)state;
	set_environment(set);
	identity_read(&who);
	who.name_in_comment = who.own_sender = who.own_recipients = true;
	assert_true(identity_from(&who, &hosts, &from));
	assert_true(
	    str_equal(buf_str(&from), str_of("u@def.example (a\\(b\\))")));
	assert_true(identity_sender(&who, &hosts, 77, &sender));
	snprintf(
	    want, sizeof(want), "u-77.%ld-@def.example-@[]", (long)getpid());
	assert_true(str_equal(buf_str(&sender), str_of(want)));
	buf_free(&from);
	buf_free(&sender);
}

static void
without_a_word_it_is_whose_uid_it_is(void **state)
{
	const char *const set[SETTINGS][2] = {
	    {NULL, NULL}
        };
	const struct passwd *entry = getpwuid(getuid());
	struct identity who;

	(void)state;
	set_environment(set);
	identity_read(&who);
	assert_true(str_equal(
	    who.user, str_of(entry == NULL ? "anonymous" : entry->pw_name)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_as_the_table_says),
	    cmocka_unit_test(letters_change_both),
	    cmocka_unit_test(without_a_word_it_is_whose_uid_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
