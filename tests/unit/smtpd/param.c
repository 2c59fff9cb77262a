/* param: sizes do not wrap, nothing is taken twice, nothing unknown is taken. */
#include "smtpd/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *rest;
	enum param_result result;
	uint64_t size;
	enum param_body body;
};

static const struct row rows[] = {
    {"",			    PARAM_OK,        0,          BODY_UNSAID  },
    {"  ",			  PARAM_OK,        0,          BODY_UNSAID  },
    {" SIZE=0",		     PARAM_OK,        0,          BODY_UNSAID  },
    {" size=12  Body=8bitMIME ",    PARAM_OK,        12,         BODY_8BITMIME},
    {" BODY=7BIT SIZE=1",           PARAM_OK,        1,          BODY_7BIT    },
    {" SIZE=18446744073709551615",  PARAM_OK,        UINT64_MAX, BODY_UNSAID  },
    {" SIZE=18446744073709551616",  PARAM_TOO_LARGE, 0,          BODY_UNSAID  },
    {" SIZE=99999999999999999999",  PARAM_TOO_LARGE, 0,          BODY_UNSAID  },
    {" SIZE=100000000000000000000", PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE=-1",		    PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE=1e9",		   PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE=",		      PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE",		       PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE=1 SIZE=1",              PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE=1=2",		   PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" BODY=8BITMIME BODY=7BIT",    PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" BODY=BINARYMIME",            PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" BODY=",		      PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" SIZE=1\tBODY=7BIT",          PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {"SIZE=1",		      PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" =1",			 PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" -X=1",		       PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" <a@b>",		      PARAM_SYNTAX,    0,          BODY_UNSAID  },
    {" RET=FULL",		   PARAM_UNKNOWN,   0,          BODY_UNSAID  },
    {" SIZES=1",		    PARAM_UNKNOWN,   0,          BODY_UNSAID  },
    {" SMTPUTF8",		   PARAM_UNKNOWN,   0,          BODY_UNSAID  },
};

static void
parameters_of_mail_are_taken_whole_and_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct params p;

		assert_int_equal(
		    param_mail(str_of(rows[i].rest), &p), rows[i].result);
		if (rows[i].result != PARAM_OK)
			continue;
		assert_int_equal(p.size, rows[i].size);
		assert_int_equal(p.body, rows[i].body);
	}
}

static void
rcpt_takes_no_parameter(void **state)
{
	(void)state;
	assert_int_equal(param_rcpt(str_of(" ")), PARAM_OK);
	assert_int_equal(param_rcpt(str_of(" SIZE=1")), PARAM_UNKNOWN);
	assert_int_equal(param_rcpt(str_of("x")), PARAM_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_of_mail_are_taken_whole_and_once),
	    cmocka_unit_test(rcpt_takes_no_parameter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
