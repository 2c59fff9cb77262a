/* takeover: what is known of other programs' files in control/. */
#include "control/takeover.h"

#include "control/rows.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* name, and a word of the answer; NULL: it is not known */
static const struct row {
	const char *name, *word;
} rows[] = {
    {"badmailfrom",       "unwanted senders"},
    {"badmailfrom.cdb",   "unwanted senders"},
    {"spfbehavior",       "SPF"             },
    {"simcontrol.cdb",    "simscan"         },
    {"tlshosts",          "tlspolicy"       },
    {"servercerts",       "control/tls/"    },
    {"concurrencysuppl3", "lanemax"         },
    {"validrcptto.cdb",   "usercheck"       },
    {"rcpt.envrules",     "tcp.smtp"        },
    {"locals~",           "backup"          },
    {".locals.swp",       "backup"          },
    {"me",		NULL              },
    {"spf",	       "SPF"             },
    {"xspf",	      NULL              },
    {"",		  NULL	      },
};

static void
each_file_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *what = takeover_known(rows[i].name);

		print_message("%s\n", rows[i].name);
		if (rows[i].word == NULL)
			assert_null(what);
		else
			assert_non_null(strstr(what, rows[i].word));
	}
}

/* What is a control here is taken, and needs no other answer. */
static void
only_controls_mean_more(void **state)
{
	enum control_id id;

	(void)state;
	assert_non_null(takeover_meaning("concurrencyremote"));
	assert_null(takeover_meaning("locals"));
	assert_true(row_find(str_of("concurrencyremote"), &id));
	assert_true(row_find(str_of("brtlimit"), &id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_file_has_its_answer),
	    cmocka_unit_test(only_controls_mean_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
