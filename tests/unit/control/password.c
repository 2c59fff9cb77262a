/* password: hashes that crypt(3) accepts, random ones, what is none. */
#include "control/password.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void
each_method_makes_what_crypt_checks(void **state)
{
	static const char *const prefixes[] = {
	    "$y$j8T$", "$2b$08$", "$6$rounds=20000$"};
	enum { COUNT = sizeof prefixes / sizeof *prefixes };

	(void)state;
	assert_null(password_method(COUNT));
	for (size_t i = 0; i < COUNT; i++) {
		char out[CRYPT_OUTPUT_SIZE], other[CRYPT_OUTPUT_SIZE];
		struct crypt_data d = {0};

		assert_true(password_hash(
		    str_of("secret word"), password_method(i), out));
		assert_true(str_starts(str_of(out), str_of(prefixes[i])));
		assert_string_equal(crypt_r("secret word", out, &d), out);
		assert_string_not_equal(crypt_r("secret wore", out, &d), out);
		assert_null(strchr(out, ':'));
		assert_true(password_hash(
		    str_of("secret word"), password_method(i), other));
		assert_string_not_equal(out, other); /* salted */
	}
}

static void
an_unknown_method_and_a_nul_are_refused(void **state)
{
	char out[CRYPT_OUTPUT_SIZE];

	(void)state;
	assert_false(password_hash(str_of("x"), "des", out));
	assert_int_equal(errno, EINVAL);
	assert_false(password_hash((struct str){"a\0b", 3}, "yescrypt", out));
	assert_int_equal(errno, EINVAL);
}

static void
plain_is_kept_in_clear(void **state)
{
	static const struct {
		const char *password, *kept;
	} rows[] = {
	    {"tanstaaf",      "{PLAIN}tanstaaf"     },
	    {"W\xc3\xb6rter", "{PLAIN}W\xc3\xb6rter"},
	    {"a : ",          "{PLAIN.HEX}61203a20" },
	    {"{PLAIN}",       "{PLAIN}{PLAIN}"      },
	};
	static const char *const none[] = {"", "{PLAIN}", "{PLAIN.HEX}",
	    "{PLAIN.HEX}6", "{PLAIN.HEX}6x", "{plain}x", "$1$x", "PLAIN"};
	char out[CRYPT_OUTPUT_SIZE], back[PASSWORD_MAX + 1];
	char most[PASSWORD_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(password_hash(
		    str_of(rows[i].password), PASSWORD_PLAIN, out));
		assert_string_equal(out, rows[i].kept);
		assert_true(password_clear(str_of(out), back, &len));
		assert_int_equal(len, strlen(rows[i].password));
		assert_string_equal(back, rows[i].password);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(password_clear(str_of(none[i]), back, &len));
	(void)memset(most, 'x', sizeof most);
	assert_true(password_hash(
	    (struct str){most, sizeof most}, PASSWORD_PLAIN, out));
	assert_true(password_clear(str_of(out), back, &len));
	assert_int_equal(len, PASSWORD_MAX);
	(void)memset(most, ' ', sizeof most);
	assert_false(password_hash(
	    (struct str){most, sizeof most}, PASSWORD_PLAIN, out));
	assert_int_equal(errno, EMSGSIZE);
	assert_false(
	    password_hash((struct str){"a\0b", 3}, PASSWORD_PLAIN, out));
	assert_int_equal(errno, EINVAL);
}

/* No two verifiers are the same, for their salts are not. */
static void
verifiers_are_read_as_kept(void **state)
{
	char a[CRYPT_OUTPUT_SIZE], b[CRYPT_OUTPUT_SIZE];
	struct scram_verifier v;

	(void)state;
	assert_true(password_hash(str_of("pencil"), PASSWORD_SCRAM, a));
	assert_true(password_hash(str_of("pencil"), PASSWORD_SCRAM, b));
	assert_string_not_equal(a, b);
	assert_true(password_is_verifier(str_of(a)));
	assert_true(password_verifier(str_of(a), &v));
	assert_int_equal(v.iterations, SCRAM_ITERATIONS);
	assert_true(str_find(str_of(a), ':') == strlen(a));
	assert_true(password_is_verifier(str_of("{SCRAM-SHA-256}4096,QQ==")));
	assert_false(password_verifier(str_of("{SCRAM-SHA-256}4096,QQ=="), &v));
	assert_false(password_is_verifier(str_of("{PLAIN}x")));
}

static void
faults_are_named(void **state)
{
	char most[PASSWORD_MAX + 1];

	(void)state;
	(void)memset(most, 'x', sizeof most);
	assert_null(password_fault(str_of("a")));
	assert_null(password_fault(str_of("W\xc3\xb6rter mit Raum: ja")));
	assert_null(password_fault((struct str){most, PASSWORD_MAX}));
	assert_non_null(password_fault((struct str){most, sizeof most}));
	assert_non_null(password_fault(str_of("")));
	assert_non_null(password_fault(str_of("a\tb")));
	assert_non_null(password_fault((struct str){"a\0b", 3}));
}

static void
random_ones_differ_and_can_be_typed(void **state)
{
	char one[PASSWORD_RANDOM_SIZE], two[PASSWORD_RANDOM_SIZE];

	(void)state;
	assert_true(password_random(one));
	assert_true(password_random(two));
	assert_int_equal(strlen(one), PASSWORD_RANDOM_SIZE - 1);
	assert_string_not_equal(one, two);
	assert_null(password_fault(str_of(one)));
	assert_int_equal(strspn(one, "abcdefghjkmnpqrstuvwxyz23456789_"),
	    PASSWORD_RANDOM_SIZE - 1);
}

static void
a_line_is_read_and_no_more_of_it(void **state)
{
	static const char text[] = "first\n\nlast";
	static const char *const want[] = {"first", "", "last", ""};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	assert_int_equal(close(ends[1]), 0);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct buf b = {0};

		assert_true(password_read(ends[0], &b));
		assert_true(str_equal(buf_str(&b), str_of(want[i])));
		buf_free(&b);
	}
	assert_int_equal(close(ends[0]), 0);
}

static void
an_endless_line_is_refused(void **state)
{
	struct buf b = {0};
	int zero = open("/dev/zero", O_RDONLY);

	(void)state;
	assert_true(zero >= 0);
	assert_false(password_read(zero, &b));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(close(zero), 0);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_method_makes_what_crypt_checks),
	    cmocka_unit_test(an_unknown_method_and_a_nul_are_refused),
	    cmocka_unit_test(plain_is_kept_in_clear),
	    cmocka_unit_test(verifiers_are_read_as_kept),
	    cmocka_unit_test(faults_are_named),
	    cmocka_unit_test(random_ones_differ_and_can_be_typed),
	    cmocka_unit_test(a_line_is_read_and_no_more_of_it),
	    cmocka_unit_test(an_endless_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
