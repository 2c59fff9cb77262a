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

_Static_assert((int)PASSWORD_SALT <= (int)SECRET_MAC, "a salt can be made");
_Static_assert((int)PASSWORD_SALT <= (int)SCRAM_SALT, "a salt of ours fits");

/* What is known of who wants to log in. */
struct claim {
	enum verdict found; /* RIGHT: there is something to check him by */
	unsigned flags;
	struct scram_verifier v; /* as good as any other where there is not */
	bool keyed;              /* its keys are made of a password, here */
};

bool
proof_user(struct str client_first, struct buf *user)
{
	struct scram_first f;

	return scram_first_read(client_first, &f) && scram_name(user, f.name);
}

/* With a salt that stays the same, and keys that nobody's password leads to. */
static bool
dummy(const struct secret *secret, struct str user, struct scram_verifier *v)
{
	unsigned char mac[SECRET_MAC];

	*v = (struct scram_verifier){
	    .iterations = SCRAM_ITERATIONS, .salt_len = PASSWORD_SALT};
	if (!secret_mac(secret, "salt", user, mac))
		return false;
	memcpy(v->salt, mac, PASSWORD_SALT);
	return rng_bytes(v->stored, sizeof(v->stored)) &&
	       rng_bytes(v->server, sizeof(v->server));
}

/* By what is kept; keys: they are needed. */
static void
use(struct claim *c, const struct secret *secret, struct str user,
    struct str kept, bool keys)
{
	char password[PASSWORD_MAX + 1];
	struct str clear = {password, 0};

	c->found = VERDICT_RIGHT;
	if (password_verifier(kept, &c->v))
		return;
	c->found = VERDICT_LATER;
	if (!dummy(secret, user, &c->v))
		return;
	if (!password_clear(kept, password, &clear.len))
		c->found = VERDICT_PASSWORD;
	else if (!keys || scramkey_make(&c->v, clear))
		c->found = VERDICT_RIGHT;
	c->keyed = keys && c->found == VERDICT_RIGHT;
	explicit_bzero(password, sizeof(password));
}

static void
find(struct claim *c, const struct table *passwd, const struct secret *secret,
    struct str user, bool keys)
{
	struct user_record u = {.quota = 0};

	*c = (struct claim){.found = VERDICT_LATER};
	switch (users_login(passwd, user, &u)) {
	case FOUND_ERROR:
		return;
	case FOUND_NO:
		if (dummy(secret, user, &c->v))
			c->found = VERDICT_UNKNOWN;
		return;
	case FOUND_YES:
		break;
	}
	c->flags = u.flags;
	use(c, secret, u.address, u.hash, keys);
}

bool
proof_first(const struct table *passwd, const struct secret *secret,
    struct str user, struct str client_first, struct buf *out)
{
	unsigned char bytes[SCRAM_OURS / 2];
	char ours[SCRAM_OURS + 1];
	struct claim c;
	struct scram_first f;

	find(&c, passwd, secret, user, false);
	if (c.found == VERDICT_LATER || !scram_first_read(client_first, &f) ||
	    !rng_bytes(bytes, sizeof(bytes)))
		return false;
	num_hex(ours, bytes, sizeof(bytes));
	return scramkey_first(out, &c.v, f.nonce, str_of(ours));
}

/* The work of a password that is kept in clear, where there was none. */
static enum verdict
refuse(const struct claim *c, enum verdict v)
{
	struct scram_verifier unused = {
	    .iterations = SCRAM_ITERATIONS, .salt_len = PASSWORD_SALT};

	if (!c->keyed && !scramkey_make(&unused, str_of("a password")))
		v = VERDICT_LATER;
	explicit_bzero(&unused, sizeof(unused));
	return v;
}

enum verdict
proof_final(const struct table *passwd, const struct secret *secret,
    struct str user, const struct checkpw *messages, unsigned flags,
    struct buf *out)
{
	enum scramkey_result r = SCRAMKEY_TROUBLE;
	struct claim c;

	find(&c, passwd, secret, user, true);
	if (c.found != VERDICT_LATER)
		r = scramkey_check(&c.v, messages->user, messages->extra,
		    messages->password, out);
	if (r == SCRAMKEY_TROUBLE)
		return VERDICT_LATER;
	if (r == SCRAMKEY_RIGHT && c.found == VERDICT_RIGHT &&
	    (c.flags & flags) == 0)
		return VERDICT_RIGHT;
	buf_clear(out);
	if (c.found != VERDICT_RIGHT)
		return refuse(&c, c.found);
	return refuse(
	    &c, r == SCRAMKEY_RIGHT ? VERDICT_REFUSED : VERDICT_PASSWORD);
}
