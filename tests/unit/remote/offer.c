/* offer: which words of a host are understood, and which are passed over. */
#include "remote/offer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
reads_lines(void **state)
{
	static const struct {
		const char *line;
		struct offers is;
	} rows[] = {
	    {"PIPELINING",                      {.bits = OFFER_PIPELINING}        },
	    {"pipelining ",                     {.bits = OFFER_PIPELINING}        },
	    {"PIPELININGS",                     {.bits = 0}                       },
	    {"",				{.bits = 0}                       },
	    {" ",			       {.bits = 0}                       },
	    {"X-OTHER SIZE",                    {.bits = 0}                       },
	    {"8BITMIME",                        {.bits = OFFER_8BITMIME}          },
	    {"SIZE 1000",                       {.bits = OFFER_SIZE, .size = 1000}},
	    {"SIZE  1000 x",                    {.bits = OFFER_SIZE, .size = 1000}},
	    {"SIZE",			    {.bits = OFFER_SIZE}              },
	    {"SIZE 0",			  {.bits = OFFER_SIZE}              },
	    {"SIZE -1",			 {.bits = OFFER_SIZE}              },
	    {"SIZE 18446744073709551616",       {.bits = OFFER_SIZE}              },
	    {"AUTH plain Login X CRAM-MD5",
             {.bits = OFFER_AUTH,
		    .mechanisms = AUTH_PLAIN | AUTH_LOGIN | AUTH_CRAM_MD5}        },
	    {"AUTH",			    {.bits = OFFER_AUTH}              },
	    {"AUTH=PLAIN",                      {.bits = 0}                       },
	    {"LIMITS RCPTMAX=20 MAILMAX=3 X=1",
             {.bits = OFFER_LIMITS, .recipients = 20, .transactions = 3}          },
	    {"LIMITS RCPTMAX RCPTMAX=x =3",     {.bits = OFFER_LIMITS}            },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct offers o = {.bits = 0};

		offer_line(&o, str_of(rows[i].line));
		if (o.bits != rows[i].is.bits ||
		    o.mechanisms != rows[i].is.mechanisms ||
		    o.size != rows[i].is.size ||
		    o.recipients != rows[i].is.recipients ||
		    o.transactions != rows[i].is.transactions)
			fail_msg("%s", rows[i].line);
	}
}

static void
has_what_was_said(void **state)
{
	struct offers o = {.bits = 0};

	(void)state;
	offer_line(&o, str_of("DSN"));
	offer_line(&o, str_of("STARTTLS"));
	assert_true(offer_has(&o, OFFER_DSN));
	assert_true(offer_has(&o, OFFER_STARTTLS));
	assert_false(offer_has(&o, OFFER_SMTPUTF8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_lines),
	    cmocka_unit_test(has_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
