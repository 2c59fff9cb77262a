/* scramkey: HMAC upon HMAC; see scramkey.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "lib/scramkey.h"

#include "lib/base64.h"
#include "lib/num.h"
#include "lib/scram.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static bool
sign(unsigned char out[SCRAM_KEY], const unsigned char key[SCRAM_KEY],
    struct str text)
{
	unsigned len = 0;

	return HMAC(EVP_sha256(), key, SCRAM_KEY,
		   (const unsigned char *)text.data, text.len, out,
		   &len) != NULL &&
	       len == SCRAM_KEY;
}

/* In a jail there is no configuration to be read. */
static bool
ready(void)
{
	return OPENSSL_init_crypto(
		   OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
		   NULL) == 1;
}

static bool
digest(unsigned char out[SCRAM_KEY], const unsigned char key[SCRAM_KEY])
{
	return EVP_Digest(key, SCRAM_KEY, out, NULL, EVP_sha256(), NULL) == 1;
}

bool
scramkey_make(struct scram_verifier *v, struct str password)
{
	unsigned char salted[SCRAM_KEY], client[SCRAM_KEY];
	bool ok = PKCS5_PBKDF2_HMAC(password.data, (int)password.len, v->salt,
		      (int)v->salt_len, (int)v->iterations, EVP_sha256(),
		      SCRAM_KEY, salted) == 1 &&
		  sign(client, salted, str_of("Client Key")) &&
		  sign(v->server, salted, str_of("Server Key")) &&
		  digest(v->stored, client);

	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	return ok;
}

static struct str
bytes(const unsigned char *data, size_t n)
{
	return (struct str){(const char *)data, n};
}

bool
scramkey_write(struct buf *b, const struct scram_verifier *v)
{
	size_t before = b->len;

	if (buf_append_number(b, v->iterations) && buf_append_byte(b, ',') &&
	    base64_encode(b, bytes(v->salt, v->salt_len)) &&
	    buf_append_byte(b, ',') &&
	    base64_encode(b, bytes(v->stored, SCRAM_KEY)) &&
	    buf_append_byte(b, ',') &&
	    base64_encode(b, bytes(v->server, SCRAM_KEY)))
		return true;
	b->len = before;
	return false;
}

/* The base64 up to the next comma: least bytes, at most size. */
static bool
take(struct str *rest, unsigned char *out, size_t least, size_t size,
    size_t *len)
{
	struct buf b = {.max = size};
	struct str one;
	bool ok = str_cut(rest, ',', &one) && base64_decode(&b, one) &&
		  b.len >= least;

	if (ok)
		memcpy(out, b.data, b.len);
	*len = b.len;
	buf_free(&b);
	return ok;
}

bool
scramkey_read(struct str text, struct scram_verifier *v)
{
	struct str number;
	uint64_t n = 0;
	size_t len;

	if (str_ends(text, str_of(",")) || !str_cut(&text, ',', &number) ||
	    !num_parse(number, SCRAM_ITERATIONS_MOST, &n) ||
	    n < SCRAM_ITERATIONS_LEAST)
		return false;
	v->iterations = (uint32_t)n;
	return take(&text, v->salt, 1, SCRAM_SALT, &v->salt_len) &&
	       take(&text, v->stored, SCRAM_KEY, SCRAM_KEY, &len) &&
	       take(&text, v->server, SCRAM_KEY, SCRAM_KEY, &len) &&
	       text.len == 0;
}

bool
scramkey_first(struct buf *b, const struct scram_verifier *v, struct str nonce,
    struct str ours)
{
	return buf_append_text(b, "r=") && buf_append_str(b, nonce) &&
	       buf_append_str(b, ours) && buf_append_text(b, ",s=") &&
	       base64_encode(b, bytes(v->salt, v->salt_len)) &&
	       buf_append_text(b, ",i=") && buf_append_number(b, v->iterations);
}

/* The AuthMessage. */
static bool
join(struct buf *b, struct str client_first, struct str server_first,
    struct str without)
{
	return buf_append_str(b, client_first) && buf_append_byte(b, ',') &&
	       buf_append_str(b, server_first) && buf_append_byte(b, ',') &&
	       buf_append_str(b, without);
}

static enum scramkey_result
compare(const struct scram_verifier *v, struct str message, struct str proof)
{
	unsigned char key[SCRAM_KEY], said[SCRAM_KEY], stored[SCRAM_KEY];
	size_t len;
	bool same;

	if (!take(&proof, said, SCRAM_KEY, SCRAM_KEY, &len))
		return SCRAMKEY_WRONG;
	if (!ready() || !sign(key, v->stored, message))
		return SCRAMKEY_TROUBLE;
	for (size_t i = 0; i < SCRAM_KEY; i++)
		key[i] ^= said[i];
	if (!digest(stored, key))
		return SCRAMKEY_TROUBLE;
	same = CRYPTO_memcmp(stored, v->stored, SCRAM_KEY) == 0;
	explicit_bzero(key, sizeof(key));
	return same ? SCRAMKEY_RIGHT : SCRAMKEY_WRONG;
}

enum scramkey_result
scramkey_check(const struct scram_verifier *v, struct str client_first,
    struct str server_first, struct str client_final, struct buf *b)
{
	unsigned char signature[SCRAM_KEY];
	enum scramkey_result r = SCRAMKEY_TROUBLE;
	struct buf message = {0};
	struct scram_first first;
	struct scram_final final;

	if (!scram_first_read(client_first, &first) ||
	    !scram_final_read(client_final, &final) ||
	    !str_equal(scram_nonce(server_first), final.nonce))
		return SCRAMKEY_WRONG;
	if (join(&message, first.bare, server_first, final.without))
		r = compare(v, buf_str(&message), final.proof);
	if (r == SCRAMKEY_RIGHT &&
	    !(sign(signature, v->server, buf_str(&message)) &&
		buf_append_text(b, "v=") &&
		base64_encode(b, bytes(signature, SCRAM_KEY))))
		r = SCRAMKEY_TROUBLE;
	buf_free(&message);
	return r;
}
