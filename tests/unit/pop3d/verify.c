/* verify: only the password is the password. */
#include "pop3d/verify.h"

#include "control/password.h"
#include "tests/unit/pop3d/home.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "secret", as openssl passwd -1 and -6 hash it. */
static const char md5[] = "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1";
static const char sha512[] =
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrV"
    "ACtLtip/cZ/1GM/O6IND4WQhG.";
static char yescrypt[CRYPT_OUTPUT_SIZE];

/* The verifier of RFC 7677's password "pencil". */
static const char pencil[] = "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
			     "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
			     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static const char stamp[] = "<1896.697170952@dbc.mtview.ca.us>";

static enum verdict
verify(const char *user, struct str password)
{
	struct table *t = table_open(AT_FDCWD, USERS_PASSWD);
	enum verdict v;

	assert_non_null(t);
	v = verify_login(t,
	    &(struct checkpw){str_of(user), password, str_of(stamp)},
	    LOGIN_PASS, USER_DISABLED | USER_NOPOP3);
	table_close(t);
	return v;
}

static void
users(void)
{
	const struct user rows[] = {
	    {"new@a.test",    yescrypt,                   0                          },
	    {"md5@a.test",    md5,                        0                          },
	    {"sha@a.test",    sha512,                     0                          },
	    {"smtp@a.test",   yescrypt,                   USER_NOPOP3                },
	    {"shut@a.test",   yescrypt,                   USER_DISABLED | USER_NOSMTP},
	    {"pop@a.test",    yescrypt,                   USER_NOSMTP                },
	    {"none@a.test",   "",                         0                          },
	    {"star@a.test",   "*",                        0                          },
	    {"star0@a.test",  "*0",                       0                          },
	    {"star1@a.test",  "*1",                       0                          },
	    {"bang@a.test",   "!$1$x",                    0                          },
	    {"clear@a.test",  "secret",                   0                          },
	    {"plain@a.test",  "{PLAIN}tanstaaf",          0                          },
	    {"hex@a.test",    "{PLAIN.HEX}61203a20",      0                          },
	    {"shut2@a.test",  "{PLAIN}tanstaaf",          USER_DISABLED              },
	    {"empty@a.test",  "{PLAIN}",                  0                          },
	    {"odd@a.test",    "{PLAIN.HEX}6",             0                          },
	    {"scheme@a.test", "{plain}tanstaaf",          0                          },
	    {"tim@a.test",    "{PLAIN}tanstaaftanstaaf",  0                          },
	    {"scram@a.test",  pencil,                     0                          },
	    {"scram2@a.test", pencil,                     USER_DISABLED              },
	    {"scram3@a.test", "{SCRAM-SHA-256}4096,QQ==", 0                          },
	};

	assert_true(
	    password_hash(str_of("secret"), password_method(0), yescrypt));
	home_users(USERS_PASSWD, rows, COUNT(rows));
}

static void
verdicts(void **state)
{
	static const struct {
		const char *user, *password;
		enum verdict verdict;
	} rows[] = {
	    {"new@a.test",    "secret",                           VERDICT_RIGHT   },
	    {"NEW@A.Test",    "secret",                           VERDICT_RIGHT   },
	    {"md5@a.test",    "secret",                           VERDICT_RIGHT   },
	    {"sha@a.test",    "secret",                           VERDICT_RIGHT   },
	    {"pop@a.test",    "secret",                           VERDICT_RIGHT   },
	    {"new@a.test",    "Secret",                           VERDICT_PASSWORD},
	    {"new@a.test",    "secret ",                          VERDICT_PASSWORD},
	    {"new@a.test",    "",				 VERDICT_PASSWORD},
	    {"md5@a.test",    "secre",                            VERDICT_PASSWORD},
	    {"new@b.test",    "secret",                           VERDICT_UNKNOWN },
	    {"@a.test",       "secret",                           VERDICT_UNKNOWN },
	    {"",              "",				 VERDICT_UNKNOWN },
	    {"smtp@a.test",   "secret",                           VERDICT_REFUSED },
	    {"shut@a.test",   "secret",                           VERDICT_REFUSED },
	    {"shut@a.test",   "wrong",                            VERDICT_PASSWORD},
	    {"none@a.test",   "",				 VERDICT_PASSWORD},
	    {"none@a.test",   "*0",                               VERDICT_PASSWORD},
	    {"star@a.test",   "*",                                VERDICT_PASSWORD},
	    {"star@a.test",   "secret",                           VERDICT_PASSWORD},
	    {"star0@a.test",  "secret",                           VERDICT_PASSWORD},
	    {"star1@a.test",  "*1",                               VERDICT_PASSWORD},
	    {"bang@a.test",   "secret",                           VERDICT_PASSWORD},
	    {"clear@a.test",  "secret",                           VERDICT_PASSWORD},
	    {"plain@a.test",  "tanstaaf",                         VERDICT_RIGHT   },
	    {"plain@a.test",  "tanstaa",                          VERDICT_PASSWORD},
	    {"plain@a.test",  "{PLAIN}tanstaaf",                  VERDICT_PASSWORD},
	    {"plain@a.test",  "c4c9334bac560ecc979e58001b3e22fb",
             VERDICT_PASSWORD						     },
	    {"hex@a.test",    "a : ",                             VERDICT_RIGHT   },
	    {"hex@a.test",    "61203a20",                         VERDICT_PASSWORD},
	    {"shut2@a.test",  "tanstaaf",                         VERDICT_REFUSED },
	    {"empty@a.test",  "",				 VERDICT_PASSWORD},
	    {"odd@a.test",    "",				 VERDICT_PASSWORD},
	    {"scheme@a.test", "tanstaaf",                         VERDICT_PASSWORD},
	    {"scram@a.test",  "pencil",                           VERDICT_RIGHT   },
	    {"scram@a.test",  "pencils",                          VERDICT_PASSWORD},
	    {"scram@a.test",  pencil,                             VERDICT_PASSWORD},
	    {"scram2@a.test", "pencil",                           VERDICT_REFUSED },
	    {"scram2@a.test", "pencils",                          VERDICT_PASSWORD},
	    {"scram3@a.test", "pencil",                           VERDICT_PASSWORD},
	};

	(void)state;
	users();
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(verify(rows[i].user, str_of(rows[i].password)),
		    rows[i].verdict);
}

/* The stamp, secret and digest of RFC 1939, 7. */
static void
digests(void **state)
{
	static const char right[] = "c4c9334bac560ecc979e58001b3e22fb";
	static const struct {
		const char *user, *digest;
		enum verdict verdict;
	} rows[] = {
	    {"plain@a.test",  right,                              VERDICT_RIGHT   },
	    {"plain@a.test",  "c4c9334bac560ecc979e58001b3e22fc",
             VERDICT_PASSWORD						     },
	    {"plain@a.test",  "C4C9334BAC560ECC979E58001B3E22FB",
             VERDICT_PASSWORD						     },
	    {"plain@a.test",  "tanstaaf",                         VERDICT_PASSWORD},
	    {"plain@a.test",  "",				 VERDICT_PASSWORD},
	    {"shut2@a.test",  right,                              VERDICT_REFUSED },
	    {"new@a.test",    right,                              VERDICT_PASSWORD},
	    {"none@a.test",   right,                              VERDICT_PASSWORD},
	    {"empty@a.test",  right,                              VERDICT_PASSWORD},
	    {"nobody@a.test", right,                              VERDICT_UNKNOWN },
	};
	struct table *t;

	(void)state;
	users();
	t = table_open(AT_FDCWD, USERS_PASSWD);
	assert_non_null(t);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct checkpw who = {str_of(rows[i].user),
		    str_of(rows[i].digest), str_of(stamp)};

		assert_int_equal(verify_login(t, &who, LOGIN_APOP,
				     USER_DISABLED | USER_NOPOP3),
		    rows[i].verdict);
	}
	table_close(t);
}

/* The challenge, secret and digest of RFC 2195, 2. */
static void
cram_digests(void **state)
{
	static const char right[] = "b913a602c7eda7a495b4e6e7334d3890";
	static const struct {
		const char *user, *digest;
		enum verdict verdict;
	} rows[] = {
	    {"tim@a.test",    right,                              VERDICT_RIGHT   },
	    {"tim@a.test",    "b913a602c7eda7a495b4e6e7334d3891",
             VERDICT_PASSWORD						     },
	    {"tim@a.test",    "tanstaaftanstaaf",                 VERDICT_PASSWORD},
	    {"tim@a.test",    "",				 VERDICT_PASSWORD},
	    {"plain@a.test",  right,                              VERDICT_PASSWORD},
	    {"new@a.test",    right,                              VERDICT_PASSWORD},
	    {"scram@a.test",  right,                              VERDICT_PASSWORD},
	    {"nobody@a.test", right,                              VERDICT_UNKNOWN },
	};
	struct table *t;

	(void)state;
	users();
	t = table_open(AT_FDCWD, USERS_PASSWD);
	assert_non_null(t);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct checkpw who = {str_of(rows[i].user),
		    str_of(rows[i].digest),
		    str_of("<1896.697170952@postoffice.reston.mci.net>")};

		assert_int_equal(
		    verify_login(t, &who, LOGIN_CRAM, 0), rows[i].verdict);
	}
	table_close(t);
}

static void
long_passwords_are_no_trouble(void **state)
{
	static char big[600];

	(void)state;
	memset(big, 'x', sizeof(big));
	users();
	assert_int_equal(
	    verify("new@a.test", (struct str){big, 600}), VERDICT_PASSWORD);
	assert_int_equal(
	    verify("old@a.test", (struct str){big, 600}), VERDICT_UNKNOWN);
	/* crypt takes 511; a NUL would end the password for it. */
	assert_int_equal(verify("new@a.test", (struct str){"secret\0x", 8}),
	    VERDICT_PASSWORD);
}

static void
no_table_is_nobody(void **state)
{
	(void)state;
	assert_int_equal(verify_login(NULL,
			     &(struct checkpw){str_of("a@b"), str_of("secret"),
				 str_of(stamp)},
			     LOGIN_PASS, 0),
	    VERDICT_UNKNOWN);
}

static void
damaged_record_is_told_later(void **state)
{
	struct table_maker *m = table_make(AT_FDCWD, USERS_PASSWD, 0644);

	(void)state;
	assert_non_null(m);
	assert_true(table_add(m, str_of("a@a.test"), str_of("no record")));
	assert_true(table_commit(m));
	assert_int_equal(verify("a@a.test", str_of("secret")), VERDICT_LATER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test(digests),
	    cmocka_unit_test(cram_digests),
	    cmocka_unit_test(long_passwords_are_no_trouble),
	    cmocka_unit_test(no_table_is_nobody),
	    cmocka_unit_test(damaged_record_is_told_later),
	};

	return cmocka_run_group_tests(tests, home_setup, home_teardown);
}
