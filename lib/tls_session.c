/* tls_session: sessions that may go on with the same peer. */
#include "lib/tls_inside.h"

#include "lib/clock.h"
#include <openssl/evp.h>
#include <string.h>

/* With its end byte, so that no two lists of texts look alike. */
static bool
add_text(EVP_MD_CTX *md, const char *s)
{
	return EVP_DigestUpdate(md, s, s == NULL ? 0 : strlen(s) + 1) == 1;
}

static bool
add_record(EVP_MD_CTX *md, const struct tls_record *r)
{
	unsigned char head[5] = {r->usage, r->selector, r->matching,
	    (unsigned char)(r->data.len >> 8), (unsigned char)r->data.len};

	return EVP_DigestUpdate(md, head, sizeof head) == 1 &&
	       EVP_DigestUpdate(md, r->data.data, r->data.len) == 1;
}

static bool
add_wish(EVP_MD_CTX *md, const struct tls_wish *wish)
{
	unsigned char head[4] = {(unsigned char)wish->trust, wish->lenient,
	    wish->sni != NULL, (unsigned char)wish->name_count};
	bool ok = EVP_DigestUpdate(md, head, sizeof head) == 1 &&
		  add_text(md, wish->peer) && add_text(md, wish->sni);

	for (size_t i = 0; ok && i < wish->name_count; i++)
		ok = add_text(md, wish->names[i]);
	for (size_t i = 0; ok && i < wish->record_count; i++)
		ok = add_record(md, &wish->records[i]);
	return ok;
}

bool
tls_session_key(const struct tls_wish *wish, unsigned char key[TLS_KEY])
{
	EVP_MD_CTX *md;
	bool ok;

	if (wish->peer == NULL)
		return false;
	md = EVP_MD_CTX_new();
	ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
	     add_wish(md, wish) && EVP_DigestFinal_ex(md, key, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

static void
forget(struct tls_session *s)
{
	SSL_SESSION_free(s->session);
	*s = (struct tls_session){0};
}

static struct tls_session *
find(struct tls_context *c, const unsigned char key[TLS_KEY])
{
	for (size_t i = 0; i < TLS_SESSIONS; i++)
		if (c->sessions[i].session != NULL &&
		    memcmp(c->sessions[i].key, key, TLS_KEY) == 0)
			return &c->sessions[i];
	return NULL;
}

/* A free place has no time, and so is the oldest. */
static struct tls_session *
oldest(struct tls_context *c)
{
	struct tls_session *s = &c->sessions[0];

	for (size_t i = 1; i < TLS_SESSIONS; i++)
		if (c->sessions[i].since < s->since)
			s = &c->sessions[i];
	return s;
}

void
tls_session_keep(struct tls_context *c, const unsigned char key[TLS_KEY],
    SSL_SESSION *session)
{
	struct tls_session *s = find(c, key);

	if (s == NULL)
		s = oldest(c);
	forget(s);
	memcpy(s->key, key, TLS_KEY);
	s->session = session;
	s->since = clock_boot();
}

SSL_SESSION *
tls_session_take(struct tls_context *c, const unsigned char key[TLS_KEY])
{
	struct tls_session *s = find(c, key);
	SSL_SESSION *session;

	if (s == NULL)
		return NULL;
	session = s->session;
	s->session = NULL;
	if (clock_boot() - s->since >
		(int64_t)TLS_SESSION_SECONDS * CLOCK_SECOND ||
	    SSL_SESSION_is_resumable(session) != 1) {
		SSL_SESSION_free(session);
		session = NULL;
	}
	forget(s);
	return session;
}

void
tls_session_clear(struct tls_context *c)
{
	for (size_t i = 0; i < TLS_SESSIONS; i++)
		forget(&c->sessions[i]);
}
