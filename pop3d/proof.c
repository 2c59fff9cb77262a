/* proof: nobody is told whether there is a verifier; see proof.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/proof.h"

#include "control/password.h"
#include "lib/num.h"
#include "lib/rng.h"
#include "lib/scram.h"
#include "lib/scramkey.h"
#include "wire/users.h"
#include <string.h>

_Static_assert((int)RECENT_SALT <= (int)SCRAM_SALT, "a salt of ours fits");

bool
proof_user(struct str client_first, struct buf *user)
{
	struct scram_first f;

	return scram_first_read(client_first, &f) && scram_name(user, f.name);
}

/* With a salt that stays the same, and keys that nobody's password leads to. */
static bool
dummy(const struct recent *r, struct str user, struct scram_verifier *v)
{
	*v = (struct scram_verifier){
	    .iterations = SCRAM_ITERATIONS, .salt_len = RECENT_SALT};
	return recent_salt(r, user, v->salt) &&
	       rng_bytes(v->stored, sizeof(v->stored)) &&
	       rng_bytes(v->server, sizeof(v->server));
}

/* The verifier of what is kept.  VERDICT_PASSWORD: there is none, and v is as
 * good as any other. */
static enum verdict
verifier_of(const struct recent *r, struct str user, struct str kept,
    struct scram_verifier *v)
{
	char secret[PASSWORD_MAX + 1];
	struct str clear = {secret, 0};
	bool ok;

	if (password_verifier(kept, v))
		return VERDICT_RIGHT;
	if (!dummy(r, user, v))
		return VERDICT_LATER;
	if (!password_clear(kept, secret, &clear.len))
		return VERDICT_PASSWORD;
	ok = scramkey_make(v, clear);
	explicit_bzero(secret, sizeof(secret));
	return ok ? VERDICT_RIGHT : VERDICT_LATER;
}

/* Likewise, by the table; *flags are the user's. */
static enum verdict
find(const struct table *passwd, const struct recent *r, struct str user,
    struct scram_verifier *v, unsigned *flags)
{
	struct user_record u = {.quota = 0};

	*flags = 0;
	switch (users_login(passwd, user, &u)) {
	case FOUND_ERROR:
		return VERDICT_LATER;
	case FOUND_NO:
		return dummy(r, user, v) ? VERDICT_UNKNOWN : VERDICT_LATER;
	case FOUND_YES:
		break;
	}
	*flags = u.flags;
	return verifier_of(r, user, u.hash, v);
}

bool
proof_first(const struct table *passwd, const struct recent *r, struct str user,
    struct str client_first, struct buf *out)
{
	unsigned char bytes[SCRAM_OURS / 2];
	char ours[SCRAM_OURS + 1];
	struct scram_verifier v;
	struct scram_first f;
	unsigned flags;

	if (!scram_first_read(client_first, &f) ||
	    find(passwd, r, user, &v, &flags) == VERDICT_LATER ||
	    !rng_bytes(bytes, sizeof(bytes)))
		return false;
	num_hex(ours, bytes, sizeof(bytes));
	return scramkey_first(out, &v, f.nonce, str_of(ours));
}

enum verdict
proof_final(const struct table *passwd, const struct recent *r, struct str user,
    const struct checkpw *messages, unsigned flags, struct buf *out)
{
	struct scram_verifier v;
	unsigned has;
	enum verdict found = find(passwd, r, user, &v, &has);

	if (found == VERDICT_LATER)
		return VERDICT_LATER;
	switch (scramkey_check(
	    &v, messages->user, messages->extra, messages->password, out)) {
	case SCRAMKEY_TROUBLE:
		return VERDICT_LATER;
	case SCRAMKEY_WRONG:
		return found == VERDICT_RIGHT ? VERDICT_PASSWORD : found;
	case SCRAMKEY_RIGHT:
		break;
	}
	if (found != VERDICT_RIGHT || (has & flags) != 0)
		buf_clear(out);
	if (found != VERDICT_RIGHT)
		return found;
	return (has & flags) != 0 ? VERDICT_REFUSED : VERDICT_RIGHT;
}
