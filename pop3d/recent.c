/* recent: a table of tags, each in the row that its first byte says; see
 * recent.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/recent.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "wire/checkpw.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { TEXT_MAX = 2 * CHECKPW_MAX }; /* bytes of user, password and hash */

_Static_assert(RECENT_ROWS == UINT8_MAX + 1, "a row for each first byte");

bool
recent_open(struct recent *r)
{
	memset(r->rows, 0, sizeof(r->rows));
	return rng_bytes(r->secret, sizeof(r->secret));
}

/* The end bytes tell the three from one another: none of them holds one. */
static bool
put(struct buf *b, const struct checkpw *who, struct str hash)
{
	return buf_reserve(b, TEXT_MAX) && buf_append_str(b, who->user) &&
	       buf_append_byte(b, '\0') && buf_append_str(b, who->password) &&
	       buf_append_byte(b, '\0') && buf_append_str(b, hash);
}

bool
recent_tag(const struct recent *r, const struct checkpw *who, struct str hash,
    unsigned char tag[RECENT_TAG])
{
	struct buf b = {.max = TEXT_MAX};
	unsigned len = 0;
	bool ok =
	    OPENSSL_init_crypto(
		OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) ==
		1 &&
	    put(&b, who, hash) &&
	    HMAC(EVP_sha256(), r->secret, sizeof(r->secret),
		(const unsigned char *)b.data, b.len, tag, &len) != NULL &&
	    len == RECENT_TAG;

	if (b.data != NULL)
		explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return ok;
}

void
recent_keep(struct recent *r, const unsigned char tag[RECENT_TAG], int64_t now)
{
	struct recent_row *row = &r->rows[tag[0]];

	memcpy(row->tag, tag, RECENT_TAG);
	row->until = now + (int64_t)RECENT_SECONDS * CLOCK_SECOND;
}

bool
recent_has(
    const struct recent *r, const unsigned char tag[RECENT_TAG], int64_t now)
{
	const struct recent_row *row = &r->rows[tag[0]];

	return row->until > now &&
	       CRYPTO_memcmp(row->tag, tag, RECENT_TAG) == 0;
}

void
recent_forget(struct recent *r, int64_t now)
{
	for (size_t i = 0; i < RECENT_ROWS; i++)
		if (r->rows[i].until != 0 && r->rows[i].until <= now)
			explicit_bzero(&r->rows[i], sizeof(r->rows[i]));
}
