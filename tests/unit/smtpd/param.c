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
    {" NOTIFY=NEVER",               PARAM_UNKNOWN,   0,          BODY_UNSAID  },
    {" AUTH=<>",		    PARAM_UNKNOWN,   0,          BODY_UNSAID  },
    {" SIZES=1",		    PARAM_UNKNOWN,   0,          BODY_UNSAID  },
    {" SMTPUTF9",		   PARAM_UNKNOWN,   0,          BODY_UNSAID  },
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
mail_says_what_notices_are_to_hold(void **state)
{
	struct params p;

	(void)state;
	assert_int_equal(
	    param_mail(str_of(" RET=hdrs ENVID=a+2Bb SMTPUTF8"), &p), PARAM_OK);
	assert_int_equal(p.ret, RET_HDRS);
	assert_true(p.utf8);
	assert_int_equal(p.envid_len, 3);
	assert_memory_equal(p.envid, "a+b", 3);
	assert_int_equal(param_mail(str_of(" RET=FULL"), &p), PARAM_OK);
	assert_int_equal(p.ret, RET_FULL);
	assert_int_equal(p.envid_len, 0);
	assert_false(p.utf8);
	assert_int_equal(param_mail(str_of(" SIZE=4294967297"), &p), PARAM_OK);
	assert_true(p.size == UINT64_C(4294967297)); /* L5 */
	assert_int_equal(param_mail(str_of(" RET=X"), &p), PARAM_SYNTAX);
	assert_int_equal(param_mail(str_of(" ENVID=+0A"), &p), PARAM_SYNTAX);
	assert_int_equal(param_mail(str_of(" SMTPUTF8=1"), &p), PARAM_SYNTAX);
	assert_int_equal(param_mail(str_of(" SMTPUTF8="), &p), PARAM_SYNTAX);
}

static void
rcpt_says_who_hears_of_what(void **state)
{
	struct params p;

	(void)state;
	assert_int_equal(param_rcpt(str_of(" "), false, &p), PARAM_OK);
	assert_int_equal(p.notify, 0);
	assert_int_equal(p.orcpt.len, 0);
	assert_int_equal(
	    param_rcpt(str_of(" ORCPT=rfc822;a NOTIFY=DELAY"), false, &p),
	    PARAM_OK);
	assert_int_equal(p.notify, DSN_DELAY);
	assert_true(str_equal(p.orcpt, str_of("rfc822;a")));
	assert_int_equal(param_rcpt(str_of(" ORCPT=utf-8;\xc3\xa4"), false, &p),
	    PARAM_SYNTAX);
	assert_int_equal(
	    param_rcpt(str_of(" ORCPT=utf-8;\xc3\xa4"), true, &p), PARAM_OK);
	assert_int_equal(
	    param_rcpt(str_of(" SIZE=1"), false, &p), PARAM_UNKNOWN);
	assert_int_equal(
	    param_rcpt(str_of(" SMTPUTF8"), true, &p), PARAM_UNKNOWN);
	assert_int_equal(param_rcpt(str_of("x"), false, &p), PARAM_SYNTAX);
}

static void
a_path_is_read_as_utf8_where_the_word_is(void **state)
{
	(void)state;
	assert_true(param_may_be_utf8(str_of("FROM:<a@b> smtputf8")));
	assert_true(param_may_be_utf8(str_of("FROM:<a@b>  SMTPUTF8  SIZE=1")));
	assert_false(param_may_be_utf8(str_of("FROM:<a@b> SMTPUTF8=1")));
	assert_false(param_may_be_utf8(str_of("FROM:<SMTPUTF8@b>")));
	assert_false(param_may_be_utf8(str_of("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_of_mail_are_taken_whole_and_once),
	    cmocka_unit_test(mail_says_what_notices_are_to_hold),
	    cmocka_unit_test(rcpt_says_who_hears_of_what),
	    cmocka_unit_test(a_path_is_read_as_utf8_where_the_word_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
