/* verp: a list's sender with the recipient in it. */
#include "send/verp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *sender, *recipient, *want;
} rows[] = {
    {"list-@host-@[]",      "box@dom", "list-box=dom@host"   },
    {"list-@a.example-@[]", "a@b@c",   "list-a@b=c@a.example"},
    {"list@host",           "box@dom", "list@host"           },
    {"",		    "box@dom", ""                    },
    {"#@[]",		"box@dom", "#@[]"                },
    {"-@[]",		"box@dom", "-@[]"                },
    {"list@host-@[]",       "box@dom", "list@host-@[]"       },
    {"list-@-@[]",          "box@dom", "list-@-@[]"          },
};

static void
senders_become_what_qmail_send_makes_of_them(void **state)
{
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(verp_expand(
		    str_of(rows[i].sender), str_of(rows[i].recipient), &b));
		assert_true(buf_terminate(&b));
		assert_string_equal(b.data, rows[i].want);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(senders_become_what_qmail_send_makes_of_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
