/* proof: who is there, and how his password is kept, is told by nothing that can
 * be seen: neither by the first answer nor by the work. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "pop3d/proof.h"

#include "control/password.h"
#include "lib/clock.h"
#include "lib/scramkey.h"
#include "tests/unit/pop3d/home.h"
#include <crypt.h>
#include <dlfcn.h>
#include <openssl/evp.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The work that was done: these stand before the libraries' own. */
static struct {
	unsigned rounds; /* of PBKDF2 */
	unsigned hashes; /* of crypt */
	char method[4];  /* of the last of these */
} work;

/* The parameters are OpenSSL's. */
int /* NOLINTNEXTLINE(readability-function-size) */
PKCS5_PBKDF2_HMAC(const char *pass, int passlen, const unsigned char *salt,
    int saltlen, int iter, const EVP_MD *digest, int keylen, unsigned char *out)
{
	int (*real)(const char *, int, const unsigned char *, int, int,
	    const EVP_MD *, int, unsigned char *);

	*(void **)&real = dlsym(RTLD_NEXT, "PKCS5_PBKDF2_HMAC");
	work.rounds += (unsigned)iter;
	return real(pass, passlen, salt, saltlen, iter, digest, keylen, out);
}

char *
crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	char *(*real)(const char *, const char *, struct crypt_data *);

	*(void **)&real = dlsym(RTLD_NEXT, "crypt_r");
	work.hashes++;
	(void)str_copy(
	    work.method, sizeof(work.method), str_slice(str_of(setting), 0, 3));
	return real(phrase, setting, data);
}

static const struct secret secret = {{7}};
static char hash[CRYPT_OUTPUT_SIZE], verifier[CRYPT_OUTPUT_SIZE];

static int
setup(void **state)
{
	const struct user rows[] = {
	    {"hash@a.test",  hash,            0            },
	    {"scram@a.test", verifier,        0            },
	    {"shut@a.test",  verifier,        USER_DISABLED},
	    {"clear@a.test", "{PLAIN}secret", 0            },
	    {"none@a.test",  "",              0            },
	};

	if (home_setup(state) != 0 ||
	    !password_hash(str_of("secret"), password_method(0), hash) ||
	    !password_hash(str_of("secret"), PASSWORD_SCRAM, verifier))
		return -1;
	home_users(USERS_PASSWD, rows, COUNT(rows));
	return 0;
}

static const char *const everybody[] = {"hash@a.test", "scram@a.test",
    "shut@a.test", "clear@a.test", "none@a.test", "nobody@a.test",
    "nobody@else.where"};

/* What is said to the first message; s: the salt and what follows it. */
static void
first_of(const struct secret *s, const char *user, struct buf *out)
{
	struct table *t = table_open(AT_FDCWD, USERS_PASSWD);

	assert_non_null(t);
	assert_true(
	    proof_first(t, s, str_of(user), str_of("n,,n=x,r=abc"), out));
	table_close(t);
}

static struct str
salt_of(const struct buf *b)
{
	struct str text = buf_str(b), part, salt = {NULL, 0};

	while (str_cut(&text, ',', &part))
		if (str_starts(part, str_of("s=")))
			salt = part;
	assert_true(salt.len > 2);
	return salt;
}

/* The same form for everybody, the same salt each time, another for each. */
static void
first_answers_are_alike(void **state)
{
	struct buf seen[COUNT(everybody)] = {{0}};

	(void)state;
	for (size_t i = 0; i < COUNT(everybody); i++) {
		struct buf again = {0};

		work.rounds = work.hashes = 0;
		first_of(&secret, everybody[i], &seen[i]);
		assert_int_equal(work.rounds + work.hashes, 0);
		first_of(&secret, everybody[i], &again);
		assert_true(str_equal(salt_of(&seen[i]), salt_of(&again)));
		assert_int_equal(seen[i].len, seen[0].len);
		assert_true(str_ends(buf_str(&seen[i]), str_of(",i=10000")));
		for (size_t j = 0; j < i; j++)
			/* Two have the same verifier. */
			assert_int_equal(
			    str_equal(salt_of(&seen[i]), salt_of(&seen[j])),
			    i == 2 && j == 1);
		buf_free(&again);
	}
	for (size_t i = 0; i < COUNT(everybody); i++)
		buf_free(&seen[i]);
}

/* As after a restart, or in another instance. */
static void
salts_are_the_secrets(void **state)
{
	static const struct secret same = {{7}}, other = {{8}};
	struct buf a = {0}, b = {0}, c = {0};

	(void)state;
	first_of(&secret, "nobody@a.test", &a);
	first_of(&same, "NOBODY@A.test", &b);
	first_of(&other, "nobody@a.test", &c);
	assert_true(str_equal(salt_of(&a), salt_of(&b)));
	assert_false(str_equal(salt_of(&a), salt_of(&c)));
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
}

static enum verdict
final_of(const char *user, int64_t *took)
{
	static const struct checkpw wrong = {
	    {"n,,n=x,r=abc",						 12},
	    {"c=biws,r=abcd,p=QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
             60								},
	    {"r=abcd,s=QQ==,i=4096",					 20}
        };
	struct table *t = table_open(AT_FDCWD, USERS_PASSWD);
	struct buf out = {0};
	enum verdict v;
	int64_t began;

	assert_non_null(t);
	work.rounds = work.hashes = 0;
	began = clock_boot();
	v = proof_final(t, &secret, str_of(user), &wrong, USER_DISABLED, &out);
	*took += clock_boot() - began;
	assert_int_equal(out.len, 0);
	table_close(t);
	buf_free(&out);
	return v;
}

enum { TRIES = 10 };

static void
print(const char *user, int64_t took)
{
	print_message("%-18s %6lld us in the mean of %d\n", user,
	    (long long)(took / TRIES), TRIES);
}

/* A wrong proof costs as much work of everybody; the time is printed. */
static void
wrong_proofs_cost_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(everybody); i++) {
		int64_t took = 0;

		for (int n = 0; n < TRIES; n++) {
			assert_int_equal(final_of(everybody[i], &took),
			    i < 5 ? VERDICT_PASSWORD : VERDICT_UNKNOWN);
			assert_int_equal(work.rounds, SCRAM_ITERATIONS);
			assert_int_equal(work.hashes, 0);
		}
		print(everybody[i], took);
	}
}

/* So does a wrong password: one hash by the method of today's, but of who has a
 * verifier, whose own work it is. */
static void
check_password(const struct table *t, size_t i)
{
	const struct checkpw who = {
	    str_of(everybody[i]), str_of("wrong"), str_of("")};
	bool own = everybody[i][0] == 's';

	work.rounds = work.hashes = 0;
	assert_int_equal(verify_login(t, &who, LOGIN_PASS, 0),
	    i < 5 ? VERDICT_PASSWORD : VERDICT_UNKNOWN);
	assert_int_equal(work.hashes, own ? 0 : 1);
	assert_int_equal(work.rounds, own ? SCRAM_ITERATIONS : 0);
	if (!own)
		assert_string_equal(work.method, "$y$");
}

static void
wrong_passwords_cost_the_same(void **state)
{
	struct table *t = table_open(AT_FDCWD, USERS_PASSWD);

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < COUNT(everybody); i++) {
		int64_t began = clock_boot();

		for (int n = 0; n < TRIES; n++)
			check_password(t, i);
		print(everybody[i], clock_boot() - began);
	}
	table_close(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_answers_are_alike),
	    cmocka_unit_test(salts_are_the_secrets),
	    cmocka_unit_test(wrong_proofs_cost_the_same),
	    cmocka_unit_test(wrong_passwords_cost_the_same),
	};

	return cmocka_run_group_tests(tests, setup, home_teardown);
}
