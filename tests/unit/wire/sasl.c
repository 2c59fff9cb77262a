/* sasl: what is asked of culver-authd, and what its answers mean. */
#include "wire/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(lit)                                                             \
	{                                                                      \
		lit, sizeof(lit) - 1                                           \
	}

/* culver-authd: it says this, and was asked that. */
static struct {
	char letter;
	const char *text;
	unsigned asked;
	enum login_how how;
	char user[64], password[64], extra[64];
} authd;

static char
ask(void *context, enum login_how how, const struct checkpw *who,
    struct buf *user, struct buf *text)
{
	(void)context;
	authd.asked++;
	authd.how = how;
	(void)str_copy(authd.user, sizeof(authd.user), who->user);
	(void)str_copy(authd.password, sizeof(authd.password), who->password);
	(void)str_copy(authd.extra, sizeof(authd.extra), who->extra);
	if (authd.letter == 'K' && user != NULL)
		assert_true(buf_append_text(user, "u@own.test"));
	if (text != NULL)
		assert_true(buf_append_text(text, authd.text));
	return authd.letter;
}

static struct sasl s;
static struct sasl_door door = {.ask = ask};

static int
setup(void **state)
{
	(void)state;
	memset(&authd, 0, sizeof(authd));
	authd.letter = 'K';
	authd.text = "";
	door.me = str_of("mail.test");
	door.offered =
	    str_of("PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 SCRAM-SHA-256-PLUS");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sasl_free(&s);
	return 0;
}

static enum sasl_result
start(const char *name)
{
	const struct sasl_mechanism *m = sasl_find(&door, str_of(name));

	assert_non_null(m);
	return sasl_begin(&s, &door, m);
}

static enum sasl_result
say(const char *text)
{
	return sasl_step(&s, &door, str_of(text));
}

static void
plain_messages(void **state)
{
	static const struct {
		struct str message;
		char letter;
		enum sasl_result result;
		const char *user, *password; /* NULL: nobody is asked */
	} rows[] = {
	    {BYTES("\0u\0p"),    'K', SASL_RIGHT,     "u",  "p"  },
	    {BYTES("\0u\0p"),    'N', SASL_WRONG,     "u",  "p"  },
	    {BYTES("\0u\0p"),    'Z', SASL_LATER,     "u",  "p"  },
	    {BYTES("\0u\0"),     'N', SASL_WRONG,     "u",  ""   },
	    {BYTES("U\0u\0p q"), 'K', SASL_RIGHT,     "u",  "p q"},
	    {BYTES("v\0u\0p"),   'K', SASL_WRONG,     NULL, NULL },
	    {BYTES("\0\0p"),     'K', SASL_WRONG,     NULL, NULL },
	    {BYTES("\0u\n\0p"),  'K', SASL_WRONG,     NULL, NULL },
	    {BYTES("u\0p"),      'K', SASL_MALFORMED, NULL, NULL },
	    {BYTES(""),          'K', SASL_MALFORMED, NULL, NULL },
	    {BYTES("\0u\0p\0"),  'K', SASL_MALFORMED, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		authd.asked = 0;
		authd.letter = rows[i].letter;
		assert_int_equal(start("plain"), SASL_CHALLENGE);
		assert_int_equal(s.challenge.len, 0);
		assert_int_equal(
		    sasl_step(&s, &door, rows[i].message), rows[i].result);
		assert_int_equal(authd.asked, rows[i].user == NULL ? 0 : 1);
		assert_false(sasl_counts(&s));
		if (rows[i].user == NULL)
			continue;
		assert_int_equal(authd.how, LOGIN_PASS);
		assert_string_equal(authd.user, rows[i].user);
		assert_string_equal(authd.password, rows[i].password);
	}
}

/* Whose mailbox it is says the answer. */
static void
who_has_logged_in_is_who_authd_says(void **state)
{
	(void)state;
	assert_int_equal(start("LOGIN"), SASL_CHALLENGE);
	assert_true(str_equal(buf_str(&s.challenge), str_of("Username:")));
	assert_int_equal(say("alias"), SASL_CHALLENGE);
	assert_true(str_equal(buf_str(&s.challenge), str_of("Password:")));
	assert_int_equal(say("p"), SASL_RIGHT);
	assert_string_equal(authd.user, "alias");
	assert_true(str_equal(buf_str(&s.user), str_of("u@own.test")));
	sasl_forget(&s);
	assert_int_equal(s.user.len, 0);
	assert_int_equal(start("LOGIN"), SASL_CHALLENGE);
	assert_int_equal(say(""), SASL_WRONG);
}

static void
cram_challenges_differ(void **state)
{
	static const char digest[] = "u b913a602c7eda7a495b4e6e7334d3890";
	char first[64];

	(void)state;
	assert_true(sasl_server_first(sasl_find(&door, str_of("CRAM-MD5"))));
	assert_int_equal(start("CRAM-MD5"), SASL_CHALLENGE);
	assert_true(str_ends(buf_str(&s.challenge), str_of("@mail.test>")));
	assert_true(str_copy(first, sizeof(first), buf_str(&s.challenge)));
	assert_int_equal(say(digest), SASL_RIGHT);
	assert_int_equal(authd.how, LOGIN_CRAM);
	assert_string_equal(authd.extra, first);
	assert_int_equal(start("CRAM-MD5"), SASL_CHALLENGE);
	assert_false(str_equal(buf_str(&s.challenge), str_of(first)));
	assert_int_equal(say("u b913"), SASL_MALFORMED);
}

static void
scram_begins(const char *first)
{
	authd.letter = 'C';
	authd.text = "r=abcOURS,s=QUFBQQ==,i=4096";
	assert_int_equal(start("SCRAM-SHA-256"), SASL_CHALLENGE);
	assert_false(sasl_counts(&s));
	assert_int_equal(say(first), SASL_CHALLENGE);
	assert_int_equal(authd.how, LOGIN_FIRST);
	assert_true(str_equal(buf_str(&s.challenge), str_of(authd.text)));
	assert_true(sasl_counts(&s));
}

static void
scram_to_its_end(void **state)
{
	static const char final[] = "c=biws,r=abcOURS,p=QUFBQQ==";

	(void)state;
	scram_begins("n,,n=u,r=abc");
	authd.letter = 'K';
	authd.text = "v=QQ==";
	assert_int_equal(say(final), SASL_CHALLENGE);
	assert_int_equal(authd.how, LOGIN_FINAL);
	assert_string_equal(authd.user, "n,,n=u,r=abc");
	assert_string_equal(authd.password, final);
	assert_string_equal(authd.extra, "r=abcOURS,s=QUFBQQ==,i=4096");
	assert_true(str_equal(buf_str(&s.challenge), str_of("v=QQ==")));
	assert_false(sasl_counts(&s));
	assert_int_equal(say(""), SASL_RIGHT);
	assert_true(str_equal(buf_str(&s.user), str_of("u@own.test")));
	scram_begins("n,,n=u,r=abc");
	authd.letter = 'K';
	authd.text = "v=QQ==";
	assert_int_equal(say(final), SASL_CHALLENGE);
	assert_int_equal(say("x"), SASL_WRONG);
}

/* Another nonce, header or binding is not even asked about. */
static void
scram_of_another_exchange(void **state)
{
	static const char *const rows[] = {
	    "c=biws,r=abcTHEIRS,p=QUFBQQ==", "c=biws,r=abc,p=QUFBQQ==",
	    "c=eSws,r=abcOURS,p=QUFBQQ==", "c=biwsQUFB,r=abcOURS,p=QUFBQQ=="};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		scram_begins("n,,n=u,r=abc");
		authd.asked = 0;
		assert_int_equal(say(rows[i]), SASL_WRONG);
		assert_int_equal(authd.asked, 0);
	}
	assert_int_equal(start("SCRAM-SHA-256"), SASL_CHALLENGE);
	assert_int_equal(say("p=tls-exporter,,n=u,r=abc"), SASL_WRONG);
	assert_int_equal(start("SCRAM-SHA-256"), SASL_CHALLENGE);
	assert_int_equal(say("n,a=v,n=u,r=abc"), SASL_WRONG);
	assert_int_equal(start("SCRAM-SHA-256"), SASL_CHALLENGE);
	assert_int_equal(say("n,,n=u"), SASL_MALFORMED);
	/* Without TLS nothing is offered that is bound: the client is right. */
	scram_begins("y,,n=u,r=abc");
}

static void
what_is_offered(void **state)
{
	struct buf b = {0};

	(void)state;
	door.offered = str_of("login  SCRAM-SHA-256-PLUS CRAM-MD5");
	assert_true(sasl_offer(&door, &b));
	assert_true(str_equal(buf_str(&b), str_of("login CRAM-MD5")));
	assert_null(sasl_find(&door, str_of("PLAIN")));
	assert_null(sasl_find(&door, str_of("SCRAM-SHA-256-PLUS")));
	assert_null(sasl_find(&door, str_of("")));
	assert_non_null(sasl_find(&door, str_of("cram-md5")));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(plain_messages),
	    TEST(who_has_logged_in_is_who_authd_says),
	    TEST(cram_challenges_differ),
	    TEST(scram_to_its_end),
	    TEST(scram_of_another_exchange),
	    TEST(what_is_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
