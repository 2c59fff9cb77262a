/* verify: hashes are compared in constant time; see verify.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/verify.h"

#include "control/password.h"
#include "lib/md5.h"
#include "lib/num.h"
#include "lib/scramkey.h"
#include "wire/users.h"
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

/* The time does not tell how much of them is the same. */
static bool
same(struct str a, struct str b)
{
	unsigned char differ = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		differ |= (unsigned char)(a.data[i] ^ b.data[i]);
	return differ == 0;
}

/* What crypt makes of a hash that is none begins with '*', and so may the hash
 * of an account that was shut: that is no password. */
static bool
hashes_to(const char *password, const char *hash, struct crypt_data *work)
{
	const char *got = crypt_r(password, hash, work);

	return got != NULL && got[0] != '*' && same(str_of(got), str_of(hash));
}

static enum verdict
compare(struct str password, struct str hash)
{
	struct crypt_data *work = calloc(1, sizeof(*work));
	char text[CHECKPW_MAX + 1], setting[CRYPT_OUTPUT_SIZE];
	enum verdict v = VERDICT_PASSWORD;

	if (work == NULL)
		return VERDICT_LATER;
	if (str_copy(text, sizeof(text), password) &&
	    str_copy(setting, sizeof(setting), hash) &&
	    hashes_to(text, setting, work))
		v = VERDICT_RIGHT;
	explicit_bzero(text, sizeof(text));
	explicit_bzero(work, sizeof(*work));
	free(work);
	return v;
}

/* As long as a hash takes. */
static enum verdict
hash_in_vain(struct str password)
{
	char out[CRYPT_OUTPUT_SIZE];

	return password_hash(str_slice(password, 0, PASSWORD_MAX),
		   password_method(0), out)
		   ? VERDICT_UNKNOWN
		   : VERDICT_LATER;
}

/* RFC 1939, 7; RFC 2195, 2 */
static bool
make_digest(unsigned char bytes[MD5_SIZE], enum login_how how,
    struct str challenge, struct str secret)
{
	unsigned len = 0;

	if (how == LOGIN_APOP)
		return md5_of(bytes, challenge, secret);
	return HMAC(EVP_md5(), secret.data, (int)secret.len,
		   (const unsigned char *)challenge.data, challenge.len, bytes,
		   &len) != NULL &&
	       len == MD5_SIZE;
}

static enum verdict
compare_digest(const struct checkpw *who, enum login_how how, struct str secret)
{
	unsigned char bytes[MD5_SIZE];
	char digest[2 * MD5_SIZE + 1];
	bool right;

	if (!make_digest(bytes, how, who->extra, secret))
		return VERDICT_LATER;
	num_hex(digest, bytes, sizeof(bytes));
	right = same(str_of(digest), who->password);
	explicit_bzero(digest, sizeof(digest));
	return right ? VERDICT_RIGHT : VERDICT_PASSWORD;
}

/* As "final" would be: by the keys that the password has. */
static enum verdict
compare_verifier(struct str password, struct str kept)
{
	struct scram_verifier v, said;
	bool right;

	if (!password_verifier(kept, &v))
		return VERDICT_PASSWORD;
	said = v;
	if (!scramkey_make(&said, password))
		return VERDICT_LATER;
	right = CRYPTO_memcmp(v.stored, said.stored, SCRAM_KEY) == 0;
	explicit_bzero(&said, sizeof(said));
	return right ? VERDICT_RIGHT : VERDICT_PASSWORD;
}

static enum verdict
check(const struct checkpw *who, enum login_how how, struct str kept)
{
	char secret[PASSWORD_MAX + 1];
	struct str clear = {secret, 0};
	enum verdict v = VERDICT_PASSWORD;

	if (!password_clear(kept, secret, &clear.len)) {
		if (how != LOGIN_PASS)
			return VERDICT_PASSWORD;
		return password_is_verifier(kept)
			   ? compare_verifier(who->password, kept)
			   : compare(who->password, kept);
	}
	if (how != LOGIN_PASS)
		v = compare_digest(who, how, clear);
	else if (same(clear, who->password))
		v = VERDICT_RIGHT;
	else if (hash_in_vain(who->password) == VERDICT_LATER)
		v = VERDICT_LATER;
	explicit_bzero(secret, sizeof(secret));
	return v;
}

/* Nobody has a secret, and a password is hashed all the same. */
static enum verdict
refuse(const struct checkpw *who, enum login_how how, enum verdict v)
{
	if (how == LOGIN_PASS && hash_in_vain(who->password) == VERDICT_LATER)
		return VERDICT_LATER;
	return v;
}

enum verdict
verify_login(const struct table *passwd, const struct checkpw *who,
    enum login_how how, unsigned flags)
{
	struct user_record r = {.quota = 0};
	enum verdict v;

	switch (users_login(passwd, who->user, &r)) {
	case FOUND_ERROR:
		return VERDICT_LATER;
	case FOUND_NO:
		return refuse(who, how, VERDICT_UNKNOWN);
	case FOUND_YES:
		break;
	}
	if (r.hash.len == 0)
		return refuse(who, how, VERDICT_PASSWORD);
	v = check(who, how, r.hash);
	if (v == VERDICT_RIGHT && (r.flags & flags) != 0)
		return VERDICT_REFUSED;
	return v;
}

bool
verify_hash(const struct table *passwd, const struct checkpw *who,
    unsigned flags, struct str *hash)
{
	struct user_record r = {.quota = 0};
	char secret[PASSWORD_MAX + 1];
	size_t len = 0;
	bool clear;

	if (users_login(passwd, who->user, &r) != FOUND_YES ||
	    r.hash.len == 0 || (r.flags & flags) != 0)
		return false;
	clear = password_clear(r.hash, secret, &len);
	explicit_bzero(secret, sizeof(secret));
	*hash = r.hash;
	return !clear;
}
