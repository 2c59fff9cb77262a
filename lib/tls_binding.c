/* tls_binding: what ties a proof to one connection; see tls.h. */
#include "lib/tls.h"

#include "lib/tls_inside.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum { EXPORTED = 32 /* bytes; RFC 9266, 2 */ };

_Static_assert((int)EVP_MAX_MD_SIZE <= (int)TLS_BINDING_MAX, "a digest fits");

static bool
is_13(const struct tls *t)
{
	return SSL_version(t->ssl) == TLS1_3_VERSION;
}

/* TLS 1.2 without it shares its secrets between connections that somebody in
 * the middle has made (RFC 7627, 1). */
static bool
is_extended(const struct tls *t)
{
	return is_13(t) || SSL_get_extms_support(t->ssl) == 1;
}

/* RFC 9266, 2: an empty context, which in TLS 1.2 is not the same as none. */
static bool
put_exported(const struct tls *t, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	static const unsigned char context[1];
	unsigned char bytes[EXPORTED];

	return SSL_export_keying_material(t->ssl, bytes, sizeof(bytes), label,
		   sizeof(label) - 1, context, 0, 1) == 1 &&
	       buf_append(out, bytes, sizeof(bytes));
}

/* RFC 5929, 3.1: the first Finished, which is the client's, since no session of
 * TLS 1.2 goes on here (lib/tls_ticket.c); t is a server's. */
static bool
put_finished(const struct tls *t, struct buf *out)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	size_t n = SSL_get_peer_finished(t->ssl, bytes, sizeof(bytes));

	return n > 0 && n <= sizeof(bytes) && !SSL_session_reused(t->ssl) &&
	       buf_append(out, bytes, n);
}

/* RFC 5929, 4.1: the hash of its signature, but SHA-256 in place of MD5 and
 * SHA-1; NULL: it has none, or more than one. */
static const EVP_MD *
digest_of(X509 *leaf)
{
	int hash = NID_undef;

	if (leaf == NULL ||
	    X509_get_signature_info(leaf, &hash, NULL, NULL, NULL) != 1)
		return NULL;
	if (hash == NID_md5 || hash == NID_sha1)
		return EVP_sha256();
	return hash == NID_undef ? NULL : EVP_get_digestbynid(hash);
}

static bool
has_digest(const struct tls *t)
{
	bool has = digest_of(SSL_get_certificate(t->ssl)) != NULL;

	ERR_clear_error();
	return has;
}

static bool
put_certificate(const struct tls *t, struct buf *out)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	X509 *leaf = SSL_get_certificate(t->ssl);
	const EVP_MD *md = digest_of(leaf);

	return md != NULL && X509_digest(leaf, md, bytes, &n) == 1 &&
	       buf_append(out, bytes, n);
}

static bool
is_unique(const struct tls *t)
{
	return !is_13(t) && is_extended(t);
}

static const struct {
	const char *name;
	bool (*may)(const struct tls *t);
	bool (*put)(const struct tls *t, struct buf *out);
} types[] = {
    {"tls-exporter",         is_extended, put_exported   },
    {"tls-unique",           is_unique,   put_finished   },
    {"tls-server-end-point", has_digest,  put_certificate},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

/* Of that name, where t may use it; TYPES. */
static int
find(const struct tls *t, struct str type)
{
	int i = 0;

	while (i < TYPES && !str_equal(type, str_of(types[i].name)))
		i++;
	return i < TYPES && t != NULL && types[i].may(t) ? i : TYPES;
}

bool
tls_can_bind(const struct tls *t, struct str type)
{
	return find(t, type) < TYPES;
}

bool
tls_binding(const struct tls *t, struct str type, struct buf *out)
{
	int i = find(t, type);
	bool ok = i < TYPES && types[i].put(t, out);

	ERR_clear_error();
	return ok;
}
