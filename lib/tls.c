/* tls: TLS over a connected socket; see tls.h. */
#include "lib/tls_inside.h"

#include "lib/fd.h"
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
say(char why[TLS_WHY], const char *text)
{
	if (text == NULL || !str_copy(why, TLS_WHY, str_of(text)))
		(void)str_copy(why, TLS_WHY, str_of("unknown error"));
}

/* What OpenSSL met, as errno; events for EAGAIN. */
static void
fail(struct tls *t, int result, short *events)
{
	int code = SSL_get_error(t->ssl, result);

	*events = code == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return;
	}
	t->broken = true;
	if (code != SSL_ERROR_SYSCALL)
		errno = EPROTO;
	else if (errno == 0)
		errno = ECONNRESET;
}

static void
begin(void)
{
	ERR_clear_error();
	errno = 0;
}

static bool
await(const struct tls *t, short events, int64_t deadline)
{
	short unused;

	return fd_await(t->fd, events, deadline, &unused);
}

enum tls_fault
tls_shake_fault(const struct tls *t, enum tls_trust trust, char why[TLS_WHY])
{
	unsigned long code = ERR_peek_error();
	long verified = SSL_get_verify_result(t->ssl);

	if (errno == ETIMEDOUT) {
		say(why, tls_fault_text(TLS_TIMEOUT));
		return TLS_TIMEOUT;
	}
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		say(why, X509_verify_cert_error_string(verified));
		return tls_fault_of(verified, trust);
	}
	if (errno == EPROTO) {
		say(why, ERR_reason_error_string(code));
		return ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE
			   ? TLS_LOCAL
			   : TLS_PROTOCOL;
	}
	say(why, strerror(errno));
	return errno == ECONNRESET || errno == EPIPE ? TLS_CLOSED : TLS_LOCAL;
}

bool
tls_shake(struct tls *t, int64_t deadline)
{
	for (;;) {
		short events;
		int r;

		begin();
		r = SSL_do_handshake(t->ssl);
		if (r == 1)
			return true;
		fail(t, r, &events);
		if (errno != EAGAIN || !await(t, events, deadline)) {
			t->broken = true;
			return false;
		}
	}
}

/* Go on with a former session.  Without one, or memory, a new one is made. */
static void
resume(struct tls *t, const struct tls_wish *wish)
{
	SSL_SESSION *session;

	t->remember = tls_session_key(wish, t->key);
	if (!t->remember)
		return;
	session = tls_session_take(t->context, t->key);
	if (session != NULL)
		(void)SSL_set_session(t->ssl, session);
	SSL_SESSION_free(session);
}

/* TLS 1.2 gives no new session to whom went on with one. */
static void
keep_again(struct tls *t)
{
	SSL_SESSION *session;

	if (!t->remember || !tls_resumed(t) ||
	    SSL_version(t->ssl) != TLS1_2_VERSION)
		return;
	session = SSL_get1_session(t->ssl);
	if (session != NULL)
		tls_session_keep(t->context, t->key, session);
}

static struct tls *
new_client(struct tls_context *c, int fd, const struct tls_wish *wish)
{
	struct tls *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->context = c;
	t->fd = fd;
	t->ssl = SSL_new(c->ssl);
	if (t->ssl == NULL || !tls_bio_attach(t, c->method)) {
		tls_close(t, false);
		return NULL;
	}
	SSL_set_connect_state(t->ssl);
	(void)SSL_set_app_data(t->ssl, t);
	(void)snprintf(t->word, sizeof t->word, "%s",
	    wish->word == NULL ? "verified" : wish->word);
	return t;
}

static enum tls_fault
verdict(const struct tls *t, enum tls_trust trust)
{
	return trust == TLS_ANYBODY
		   ? TLS_UNTRUSTED
		   : tls_fault_of(SSL_get_verify_result(t->ssl), trust);
}

enum tls_fault
tls_connect(struct tls **out, struct tls_context *c, int fd,
    const struct tls_wish *wish, int64_t deadline, char why[TLS_WHY])
{
	bool ready = tls_context_ready(c, wish->trust);
	struct tls *t = ready ? new_client(c, fd, wish) : NULL;
	enum tls_fault f;

	*out = NULL;
	f = t == NULL ? TLS_LOCAL : tls_wish_apply(t->ssl, wish);
	if (f != TLS_OK) {
		say(why, tls_fault_text(f));
		tls_close(t, false);
		return f;
	}
	resume(t, wish);
	if (!tls_shake(t, deadline)) {
		f = tls_shake_fault(t, wish->trust, why);
		tls_close(t, false);
		return f;
	}
	t->verdict = verdict(t, wish->trust);
	keep_again(t);
	*out = t;
	return TLS_OK;
}

bool
tls_trusted(const struct tls *t)
{
	return t->verdict == TLS_OK;
}

enum tls_fault
tls_verdict(const struct tls *t)
{
	return t->verdict;
}

bool
tls_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

void
tls_describe(const struct tls *t, char out[TLS_TEXT])
{
	(void)snprintf(out, TLS_TEXT, "%s %s %s", SSL_get_version(t->ssl),
	    SSL_get_cipher_name(t->ssl),
	    tls_trusted(t) ? t->word : "untrusted");
}

ssize_t
tls_read(struct tls *t, void *data, size_t size, short *events)
{
	size_t n;
	int r;

	begin();
	r = SSL_read_ex(t->ssl, data, size, &n);
	if (r == 1)
		return (ssize_t)n;
	if (SSL_get_error(t->ssl, r) == SSL_ERROR_ZERO_RETURN)
		return 0;
	fail(t, r, events);
	return -1;
}

ssize_t
tls_read_patiently(struct tls *t, void *data, size_t size, short *events)
{
	ssize_t n;

	t->patient = true;
	n = tls_read(t, data, size, events);
	t->patient = false;
	return n;
}

ssize_t
tls_write(struct tls *t, const void *data, size_t size, short *events)
{
	size_t n;
	int r;

	begin();
	r = SSL_write_ex(t->ssl, data, size, &n);
	if (r == 1)
		return (ssize_t)n;
	fail(t, r, events);
	return -1;
}

bool
tls_readable(struct tls *t)
{
	char byte;
	size_t n;
	short unused;
	int r;

	begin();
	r = SSL_peek_ex(t->ssl, &byte, 1, &n);
	if (r == 1 || SSL_get_error(t->ssl, r) == SSL_ERROR_ZERO_RETURN)
		return true;
	fail(t, r, &unused);
	return errno != EAGAIN;
}

/* Without these flags OpenSSL takes the session for one that must not go on. */
static void
finish(struct tls *t, bool politely)
{
	if (t->ssl == NULL || t->broken)
		return;
	begin();
	if (!politely || SSL_shutdown(t->ssl) < 0)
		SSL_set_shutdown(
		    t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	ERR_clear_error();
}

void
tls_close(struct tls *t, bool politely)
{
	if (t == NULL)
		return;
	finish(t, politely);
	SSL_free(t->ssl);
	free(t);
}
