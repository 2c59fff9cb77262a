/* auth: log in to a host; see auth.h. */
#include "remote/auth.h"

#include "control/nexthop.h"
#include "lib/buf.h"
#include "lib/num.h"
#include "remote/session.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum {
	SECRET = 2 * NEXTHOP_LOGIN + 2, /* two NULs and both texts */
	ENCODED = (SECRET + 2) / 3 * 4 + 1,
	/* With a longer one the command could be too long: RFC 4954, 4. */
	INITIAL = 400,
	CHALLENGE = 1024,
	DIGEST = 16
};

/* One line of base64, and nothing of it left behind. */
static void
put_base64(struct session *s, struct str secret)
{
	unsigned char text[ENCODED];
	int n;

	if (secret.len > SECRET)
		secret.len = SECRET;
	n = EVP_EncodeBlock(
	    text, (const unsigned char *)secret.data, (int)secret.len);
	session_put(s, (struct str){(const char *)text, (size_t)n});
	OPENSSL_cleanse(text, sizeof(text));
}

static bool
answer(struct session *s, struct str secret)
{
	put_base64(s, secret);
	session_put_text(s, "\r\n");
	return session_flush(s) && session_reply(s);
}

/* The host wants the next answer. */
static bool
goes_on(const struct session *s)
{
	return s->reply.code == 334;
}

static enum auth_result
end(const struct session *s, bool said)
{
	return said && reply_class(&s->reply) == 2 ? AUTH_OK : AUTH_REFUSED;
}

static enum auth_result
plain(struct session *s, struct str user, struct str password)
{
	struct buf secret = {.max = SECRET};
	bool ok =
	    buf_append_byte(&secret, '\0') && buf_append_str(&secret, user) &&
	    buf_append_byte(&secret, '\0') && buf_append_str(&secret, password);

	if (ok && secret.len <= INITIAL) {
		session_put_text(s, "AUTH PLAIN ");
		ok = answer(s, buf_str(&secret));
	} else if (ok) {
		ok = session_command(s, "AUTH PLAIN") && goes_on(s) &&
		     answer(s, buf_str(&secret));
	} else {
		s->broken = true;
	}
	if (secret.data != NULL)
		OPENSSL_cleanse(secret.data, secret.len);
	buf_free(&secret);
	return end(s, ok);
}

static enum auth_result
login(struct session *s, struct str user, struct str password)
{
	return end(s, session_command(s, "AUTH LOGIN") && goes_on(s) &&
			  answer(s, user) && goes_on(s) && answer(s, password));
}

/* The challenge behind "334 ", decoded.  False when it is none. */
static bool
decode(const struct reply *r, char out[CHALLENGE], struct str *challenge)
{
	struct str in = str_trim(
	    str_slice((struct str){r->text, r->len}, strlen("334 "), r->len));
	int n;

	if (in.len == 0 || in.len % 4 != 0 || in.len / 4 * 3 > CHALLENGE)
		return false;
	n = EVP_DecodeBlock(
	    (unsigned char *)out, (const unsigned char *)in.data, (int)in.len);
	if (n < 0)
		return false;
	for (size_t i = in.len; i > in.len - 2 && in.data[i - 1] == '='; i--)
		n--;
	*challenge = (struct str){out, (size_t)n};
	return true;
}

/* "user digest", the digest being of the challenge, with the password. */
static bool
cram_answer(
    struct session *s, struct str user, struct str password, struct buf *out)
{
	char challenge[CHALLENGE], hex[2 * DIGEST + 1];
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct str said;

	if (!decode(&s->reply, challenge, &said) ||
	    HMAC(EVP_md5(), password.data, (int)password.len,
		(const unsigned char *)said.data, said.len, digest,
		NULL) == NULL)
		return false;
	num_hex(hex, digest, DIGEST);
	return buf_append_str(out, user) && buf_append_byte(out, ' ') &&
	       buf_append_text(out, hex);
}

static enum auth_result
cram_md5(struct session *s, struct str user, struct str password)
{
	struct buf text = {.max = SECRET};
	bool ok = session_command(s, "AUTH CRAM-MD5") && goes_on(s);

	if (ok && cram_answer(s, user, password, &text))
		ok = answer(s, buf_str(&text));
	else if (ok) /* RFC 4954, 4: give up */
		ok = session_command(s, "*");
	buf_free(&text);
	return end(s, ok);
}

enum auth_result
auth_run(struct session *s, struct str user, struct str password)
{
	unsigned has = s->offers.mechanisms;
	bool secret = s->stream.tls != NULL || s->local;

	if (secret && (has & AUTH_PLAIN) != 0)
		return plain(s, user, password);
	if (secret && (has & AUTH_LOGIN) != 0)
		return login(s, user, password);
	if ((has & AUTH_CRAM_MD5) != 0)
		return cram_md5(s, user, password);
	return AUTH_IMPOSSIBLE;
}
