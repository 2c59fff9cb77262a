/* secret: read, or made once; see secret.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/secret.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/rng.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static const char name[] = "secret";

enum { TEXT_MAX = 1024, OWNER_ONLY = 0600 };

static void
wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static bool
read_kept(int folder, struct secret *s)
{
	struct buf b = {.max = SECRET_SIZE};
	bool ok =
	    buf_reserve(&b, SECRET_SIZE) && fd_read_file(folder, name, &b);

	if (ok && b.len != SECRET_SIZE) {
		errno = EPROTO;
		ok = false;
	}
	if (!ok && errno == EMSGSIZE)
		errno = EPROTO;
	if (ok)
		memcpy(s->bytes, b.data, SECRET_SIZE);
	wipe(&b);
	return ok;
}

static bool
keep(int folder, const struct secret *s)
{
	const struct str bytes = {(const char *)s->bytes, SECRET_SIZE};

	return fd_replace_file(folder, name, bytes, OWNER_ONLY);
}

enum secret_result
secret_open(struct secret *s, const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum secret_result r = SECRET_FRESH;
	int why;

	if (fd >= 0 && read_kept(fd, s)) {
		fd_close(&fd);
		return SECRET_KEPT;
	}
	why = errno;
	if (!rng_bytes(s->bytes, SECRET_SIZE))
		r = SECRET_NONE;
	else if (fd >= 0 && why == ENOENT && keep(fd, s))
		r = SECRET_KEPT;
	else if (why == ENOENT && fd >= 0)
		why = errno;
	fd_close(&fd);
	errno = why;
	return r;
}

bool
secret_mac(const struct secret *s, const char *purpose, struct str text,
    unsigned char mac[SECRET_MAC])
{
	struct buf b = {.max = TEXT_MAX};
	unsigned len = 0;
	/* In a jail there is no configuration to be read. */
	bool ok =
	    OPENSSL_init_crypto(
		OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) ==
		1 &&
	    buf_append(&b, purpose, strlen(purpose) + 1) &&
	    buf_append_lower(&b, text) &&
	    HMAC(EVP_sha256(), s->bytes, SECRET_SIZE,
		(const unsigned char *)b.data, b.len, mac, &len) != NULL &&
	    len == SECRET_MAC;

	buf_free(&b);
	return ok;
}
