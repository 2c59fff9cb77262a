/* scramkey: the exchange of RFC 7677, 3, and what is close to it. */
#include "lib/scramkey.h"

#include "lib/base64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char client_first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char server_first[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
#define FINAL "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
static const char client_final[] =
    FINAL "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char server_final[] =
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct scram_verifier
pencil(void)
{
	struct scram_verifier v = {.iterations = 4096};
	struct buf salt = {0};

	assert_true(base64_decode(&salt, str_of("W22ZaJ0SNY7soEsUEjb6gQ==")));
	memcpy(v.salt, salt.data, salt.len);
	v.salt_len = salt.len;
	assert_true(scramkey_make(&v, str_of("pencil")));
	buf_free(&salt);
	return v;
}

static void
first_message(void **state)
{
	struct scram_verifier v = pencil();
	struct buf b = {0};

	(void)state;
	assert_true(scramkey_first(&b, &v, str_of("rOprNGfwEbeRWgbNEkqO"),
	    str_of("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")));
	assert_true(str_equal(buf_str(&b), str_of(server_first)));
	buf_free(&b);
}

static void
proofs(void **state)
{
	static const struct {
		const char *first, *answer, *final;
		enum scramkey_result result;
	} rows[] = {
	    {client_first,                       server_first,              client_final,   SCRAMKEY_RIGHT},
	    {"n,,n=User,r=rOprNGfwEbeRWgbNEkqO", server_first,              client_final,
             SCRAMKEY_WRONG									       },
	    {client_first,                       server_first,
             FINAL "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU=",
             SCRAMKEY_WRONG									       },
	    {client_first,                       server_first,              FINAL "p=dHzb", SCRAMKEY_WRONG},
	    {client_first,                       server_first,              FINAL "p=",     SCRAMKEY_WRONG},
	    {client_first,                       server_first,              FINAL "p=!",    SCRAMKEY_WRONG},
	    {client_first,                       server_first,
             FINAL "x=1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
             SCRAMKEY_WRONG									       },
	    {client_first,                       "r=another,s=W22Z,i=4096", client_final,
             SCRAMKEY_WRONG									       },
	    {client_first,                       "",                        client_final,   SCRAMKEY_WRONG},
	    {"",				 server_first,              client_final,   SCRAMKEY_WRONG},
	    {client_first,                       server_first,              "",             SCRAMKEY_WRONG},
	};
	struct scram_verifier v = pencil();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};

		assert_int_equal(
		    scramkey_check(&v, str_of(rows[i].first),
			str_of(rows[i].answer), str_of(rows[i].final), &b),
		    rows[i].result);
		assert_true(str_equal(buf_str(&b),
		    str_of(
			rows[i].result == SCRAMKEY_RIGHT ? server_final : "")));
		buf_free(&b);
	}
}

static void
verifiers_are_read_as_written(void **state)
{
	static const char key[] =
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	static const char *const wrong[] = {"", "4096", "4095,QQ==,K,K",
	    "1000001,QQ==,K,K", "4096,,K,K", "4096,QQ==,K", "4096,QQ==,K,",
	    "4096,QQ==,K,K,", "4096,QQ==,K,K,x", "4096,QQ==,QQ==,K",
	    "x,QQ==,K,K", "4096,Q,K,K", "4096,K=,K,K"};
	struct scram_verifier v = pencil(), got;
	struct buf b = {0};

	(void)state;
	assert_true(scramkey_write(&b, &v));
	assert_true(scramkey_read(buf_str(&b), &got));
	assert_int_equal(got.iterations, v.iterations);
	assert_int_equal(got.salt_len, v.salt_len);
	assert_memory_equal(got.salt, v.salt, v.salt_len);
	assert_memory_equal(got.stored, v.stored, SCRAM_KEY);
	assert_memory_equal(got.server, v.server, SCRAM_KEY);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		buf_clear(&b); /* K is a key */
		for (const char *c = wrong[i]; *c != '\0'; c++)
			assert_true(*c == 'K' ? buf_append_text(&b, key)
					      : buf_append_byte(&b, *c));
		assert_false(scramkey_read(buf_str(&b), &got));
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_message),
	    cmocka_unit_test(proofs),
	    cmocka_unit_test(verifiers_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
