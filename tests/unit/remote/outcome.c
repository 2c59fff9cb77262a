/* outcome: the words of qmail-remote, and what a reply makes of them. */
#include "remote/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SAID     "Remote host said: "
#define UP       "Giving up on 192.0.2.1.\n"

static struct reply
say(unsigned code, const char *status)
{
	struct reply r = {.code = code};

	(void)snprintf(r.status, sizeof(r.status), "%s", status);
	r.len =
	    (size_t)snprintf(r.text, sizeof(r.text), "%u %s x\n", code, status);
	return r;
}

static const struct {
	enum outcome_id id;
	unsigned code;
	const char *status;
	char letter;
	uint8_t fault;
	const char *is, *text;
} replies[] = {
    {OUTCOME_ACCEPTED,  250, "2.6.0",  'K', JOB_SERVED, "2.6.0",
     "192.0.2.1 accepted message.\n" SAID "250 2.6.0 x\n"                },
    {OUTCOME_ACCEPTED,  250, "",       'K', JOB_SERVED, "2.0.0",
     "192.0.2.1 accepted message.\n" SAID "250  x\n"                     },
    {OUTCOME_GREETING,  554, "5.7.1",  'Z', JOB_SLOW,   "4.4.0",
     "Connected to 192.0.2.1 but greeting failed.\n" SAID "554 5.7.1 x\n"},
    {OUTCOME_NAME,      550, "",       'Z', JOB_SLOW,   "4.5.0",
     "Connected to 192.0.2.1 but my name was rejected.\n" SAID "550  x\n"},
    {OUTCOME_AUTH,      535, "5.7.8",  'Z', JOB_DEAD,   "4.7.8",
     "Connected to 192.0.2.1 but authentication was rejected.\n" SAID
	"535 5.7.8 x\n"						  },
    {OUTCOME_SENDER,    550, "5.7.1",  'D', JOB_SERVED, "5.7.1",
     "Connected to 192.0.2.1 but sender was rejected.\n" SAID
	"550 5.7.1 x\n"						  },
    {OUTCOME_SENDER,    451, "",       'Z', JOB_SLOW,   "4.0.0",
     "Connected to 192.0.2.1 but sender was rejected.\n" SAID "451  x\n" },
    {OUTCOME_RECIPIENT, 550, "5.1.1",  'D', JOB_SERVED, "5.1.1",
     "192.0.2.1 does not like recipient.\n" SAID "550 5.1.1 x\n" UP      },
    {OUTCOME_RECIPIENT, 550, "",       'D', JOB_SERVED, "5.0.0",
     "192.0.2.1 does not like recipient.\n" SAID "550  x\n" UP           },
    {OUTCOME_RECIPIENT, 450, "4.2.1",  'Z', JOB_SERVED, "4.2.1",
     "192.0.2.1 does not like recipient.\n" SAID "450 4.2.1 x\n" UP      },
 /* Greylisting is of one recipient, the rest is of us. */
    {OUTCOME_RECIPIENT, 450, "4.7.1",  'Z', JOB_SERVED, "4.7.1",
     "192.0.2.1 does not like recipient.\n" SAID "450 4.7.1 x\n" UP      },
    {OUTCOME_RECIPIENT, 450, "4.7.28", 'Z', JOB_SLOW,   "4.7.28",
     "192.0.2.1 does not like recipient.\n" SAID "450 4.7.28 x\n" UP     },
    {OUTCOME_RECIPIENT, 450, "4.3.2",  'Z', JOB_SLOW,   "4.3.2",
     "192.0.2.1 does not like recipient.\n" SAID "450 4.3.2 x\n" UP      },
    {OUTCOME_RECIPIENT, 421, "",       'Z', JOB_SLOW,   "4.0.0",
     "192.0.2.1 does not like recipient.\n" SAID "421  x\n" UP           },
    {OUTCOME_DATA,      554, "",       'D', JOB_SERVED, "5.0.0",
     "192.0.2.1 failed on DATA command.\n" SAID "554  x\n"               },
    {OUTCOME_AFTER,     452, "4.3.1",  'Z', JOB_SERVED, "4.3.1",
     "192.0.2.1 failed after I sent the message.\n" SAID "452 4.3.1 x\n" },
    {OUTCOME_AFTER,     354, "",       'Z', JOB_SERVED, "4.0.0",
     "192.0.2.1 failed after I sent the message.\n" SAID "354  x\n"      },
};

static void
says_what_a_reply_means(void **state)
{
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct reply r = say(replies[i].code, replies[i].status);

		outcome_reply(&o, replies[i].id, "192.0.2.1", &r);
		if (o.letter != replies[i].letter ||
		    o.fault != replies[i].fault ||
		    strcmp(o.status, replies[i].is) != 0 ||
		    strcmp(o.text, replies[i].text) != 0)
			fail_msg("row %zu: %c %d %s %s", i, o.letter, o.fault,
			    o.status, o.text);
	}
}

static void
says_rows(void **state)
{
	struct outcome o;

	(void)state;
	outcome_say(&o, OUTCOME_DUPLICATE, "2001:db8::1");
	assert_string_equal(o.text, "Connected to 2001:db8::1 but connection "
				    "died. Possible duplicate! (#4.4.2)\n");
	assert_string_equal(o.status, "4.4.2");
	assert_int_equal(o.letter, 'Z');
}

/* A reply that fills a report is cut, and nothing behind it is touched. */
static void
text_is_cut(void **state)
{
	struct reply r = {.code = 550};
	struct outcome o;

	(void)state;
	memset(r.text, 'x', JOB_TEXT);
	r.len = JOB_TEXT;
	outcome_reply(&o, OUTCOME_RECIPIENT, "192.0.2.1", &r);
	assert_int_equal(strlen(o.text), JOB_TEXT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_what_a_reply_means),
	    cmocka_unit_test(says_rows),
	    cmocka_unit_test(text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
