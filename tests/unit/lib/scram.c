/* scram: messages are read as RFC 5802 writes them, and nothing else is one. */
#include "lib/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
first_messages(void **state)
{
	static const struct {
		const char
		    *text; /* the parts: header, binding, authzid, name */
		const char *header;
		char binding;
		const char *type, *authzid, *name;
	} rows[] = {
	    {"n,,n=user,r=abc",                   "n,,",              'n', "", "",  "user"    },
	    {"y,,n=user,r=abc",                   "y,,",              'y', "", "",  "user"    },
	    {"n,a=x,n=us=2Cer,r=abc,x=1",         "n,a=x,",           'n', "", "x", "us=2Cer" },
	    {"p=tls-exporter,,n=a@b.test,r=!~+=", "p=tls-exporter,,", 'p',
             "tls-exporter",						   "",  "a@b.test"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scram_first f;

		assert_true(scram_first_read(str_of(rows[i].text), &f));
		assert_true(str_equal(f.header, str_of(rows[i].header)));
		assert_int_equal(f.binding, rows[i].binding);
		assert_true(str_equal(f.type, str_of(rows[i].type)));
		assert_true(str_equal(f.authzid, str_of(rows[i].authzid)));
		assert_true(str_equal(f.name, str_of(rows[i].name)));
		assert_int_equal(
		    f.bare.len, strlen(rows[i].text) - strlen(rows[i].header));
	}
}

static void
no_first_messages(void **state)
{
	static const char *const rows[] = {"", "n", "n,", "n,,", "n,,n=user",
	    "n,,r=abc,n=user", "n,,n=,r=abc", "n,,n=user,r=", "x,,n=user,r=abc",
	    "p,,n=user,r=abc", "p=,,n=user,r=abc", "n,b=x,n=user,r=abc",
	    "nn,,n=user,r=abc", ",,n=user,r=abc", "n,,m=x,n=user,r=abc",
	    "n,,n=user,r=a c", "n,,n=user,r=a\tc", "n,n=user,r=abc"};
	const struct str begin = str_of("n,,n=u,r=");
	char big[SCRAM_FIRST + 1];
	struct scram_first f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_false(scram_first_read(str_of(rows[i]), &f));
	memset(big, 'x', sizeof(big));
	memcpy(big, begin.data, begin.len);
	assert_false(scram_first_read((struct str){big, sizeof(big)}, &f));
	assert_false(
	    scram_first_read((struct str){big, 9 + SCRAM_NONCE + 1}, &f));
	assert_true(scram_first_read((struct str){big, 9 + SCRAM_NONCE}, &f));
	assert_false(scram_first_read((struct str){"n,,n=u\0x,r=abc", 14}, &f));
}

static void
final_messages(void **state)
{
	static const char *const wrong[] = {"", "c=biws", "c=biws,r=abc",
	    "c=biws,r=,p=xx", "r=abc,c=biws,p=xx", "c=biws,r=abc,p=xx,x=1",
	    "c=biws,r=abc,p=xx,", "c=biws,p=xx,r=abc", "c=biws,r=abc,,p=x"};
	struct scram_final f;

	(void)state;
	assert_true(scram_final_read(str_of("c=biws,r=abc,x=1,p=dHI="), &f));
	assert_true(str_equal(f.binding, str_of("biws")));
	assert_true(str_equal(f.nonce, str_of("abc")));
	assert_true(str_equal(f.without, str_of("c=biws,r=abc,x=1")));
	assert_true(str_equal(f.proof, str_of("dHI=")));
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(scram_final_read(str_of(wrong[i]), &f));
}

static void
names(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_true(scram_name(&b, str_of("a=2Cb=3Dc")));
	assert_true(str_equal(buf_str(&b), str_of("a,b=c")));
	assert_false(scram_name(&b, str_of("a=")));
	assert_false(scram_name(&b, str_of("a=2c")));
	assert_false(scram_name(&b, str_of("=41")));
	assert_int_equal(b.len, 5);
	buf_free(&b);
}

/* A nonce that is old, cut or only the client's, and another binding. */
static void
matching(void **state)
{
	static const struct {
		const char *first, *final;
		bool ok;
	} rows[] = {
	    {"n,,n=u,r=abc",   "c=biws,r=abcOURS,p=x",         true },
	    {"y,,n=u,r=abc",   "c=eSws,r=abcOURS,p=x",         true },
	    {"p=t,,n=u,r=abc", "c=cD10LCxkYXRh,r=abcOURS,p=x", true },
	    {"n,,n=u,r=abc",   "c=biws,r=abc,p=x",             false},
	    {"n,,n=u,r=abc",   "c=biws,r=abcOUR,p=x",          false},
	    {"n,,n=u,r=abc",   "c=biws,r=abcOURSx,p=x",        false},
	    {"n,,n=u,r=abd",   "c=biws,r=abcOURS,p=x",         false},
	    {"n,,n=u,r=abc",   "c=eSws,r=abcOURS,p=x",         false},
	    {"n,,n=u,r=abc",   "c=biw,r=abcOURS,p=x",          false},
	    {"p=t,,n=u,r=abc", "c=cD10LCw=,r=abcOURS,p=x",     false},
	    {"p=t,,n=u,r=abc", "c=cD10LCxkYXRo,r=abcOURS,p=x", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scram_first first;
		struct scram_final final;

		assert_true(scram_first_read(str_of(rows[i].first), &first));
		assert_true(scram_final_read(str_of(rows[i].final), &final));
		assert_int_equal(
		    scram_matches(&first, str_of("r=abcOURS,s=QSXCR,i=4096"),
			&final, str_of("data")),
		    rows[i].ok);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_messages),
	    cmocka_unit_test(no_first_messages),
	    cmocka_unit_test(final_messages),
	    cmocka_unit_test(names),
	    cmocka_unit_test(matching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
