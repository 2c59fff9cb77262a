/* tls_context: authorities, and what all connections of a process share. */
#include "lib/tls_inside.h"

#include "lib/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHORITIES_MAX = 1 << 24 }; /* bytes of a system's */

static struct tls_context *
failed(
    struct tls_context *c, struct buf *error, const char *what, const char *why)
{
	buf_clear(error);
	if (!buf_append_text(error, what) || !buf_append_text(error, ": ") ||
	    !buf_append_text(error, why) || !buf_terminate(error))
		buf_clear(error);
	tls_context_free(c);
	return NULL;
}

static const char *
setting(const char *variable, const char *preset)
{
	const char *value = getenv(variable);

	return value == NULL || value[0] == '\0' ? preset : value;
}

/* "1a2b3c4d.0", as c_rehash names them: each authority once. */
static bool
is_hash(const char *name)
{
	return strlen(name) > 9 && name[8] == '.' &&
	       strspn(name, "0123456789abcdef") == 8 &&
	       strspn(name + 9, "0123456789") == strlen(name + 9);
}

/* A folder is read now: later, within a jail, it is out of reach. */
static void
read_folder(struct buf *text, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (is_hash(entry->d_name) &&
		    fd_read_file(dirfd(dir), entry->d_name, text))
			(void)!buf_append_byte(text, '\n');
	(void)closedir(dir);
}

static void
read_system(struct buf *text)
{
	const char *file = setting(
	    X509_get_default_cert_file_env(), X509_get_default_cert_file());

	if (!fd_read_file(AT_FDCWD, file, text) || text->len == 0)
		read_folder(text, setting(X509_get_default_cert_dir_env(),
				      X509_get_default_cert_dir()));
}

/* Nobody is asked for the password of a certificate. */
static int
no_password(char *out, int size, int writes, void *unused)
{
	if (size > 0)
		out[0] = '\0';
	(void)writes;
	(void)unused;
	return -1;
}

/* What is no certificate, or none that can be read, is passed over. */
static bool
add_all(X509_STORE *store, BIO *from)
{
	while (BIO_pending(from) > 0) {
		long left = BIO_pending(from);
		X509 *x = PEM_read_bio_X509_AUX(from, NULL, no_password, NULL);
		bool added = x == NULL || X509_STORE_add_cert(store, x) == 1;

		X509_free(x);
		if (!added || BIO_pending(from) == left)
			return false;
	}
	return true;
}

static bool
learn(struct tls_context *c)
{
	BIO *from;
	bool ok;

	if (c->authorities.len == 0)
		return true;
	from = BIO_new_mem_buf(c->authorities.data, (int)c->authorities.len);
	ok = from != NULL && add_all(c->store, from);
	BIO_free(from);
	if (ok)
		buf_free(&c->authorities);
	return ok;
}

/* OpenSSL's callback: *s is the context's when it returns 1. */
static int
remember(SSL *ssl, SSL_SESSION *s)
{
	const struct tls *t = SSL_get_app_data(ssl);

	if (!t->remember)
		return 0;
	tls_session_keep(t->context, t->key, s);
	return 1;
}

static bool
set_up(SSL_CTX *x)
{
	SSL_CTX_set_options(x, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(
	    x, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(x, remember);
	return SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_dane_enable(x) == 1;
}

static bool
begin(struct tls_context *c)
{
	SSL_CTX *x = c->ssl == NULL ? SSL_CTX_new(TLS_client_method()) : NULL;

	if (c->ssl != NULL)
		return true;
	if (x == NULL || !set_up(x)) {
		SSL_CTX_free(x);
		return false;
	}
	SSL_CTX_set1_cert_store(x, c->store);
	c->ssl = x;
	return true;
}

bool
tls_context_ready(struct tls_context *c, enum tls_trust trust)
{
	bool ok = begin(c) && (trust != TLS_NAMED || learn(c));

	ERR_clear_error();
	return ok;
}

struct tls_context *
tls_context_new(const char *authorities, struct buf *error)
{
	struct tls_context *c = calloc(1, sizeof *c);

	if (c == NULL)
		return failed(c, error, "TLS", strerror(errno));
	c->authorities.max = AUTHORITIES_MAX;
	c->method = tls_bio_method();
	c->store = X509_STORE_new();
	/* OpenSSL reads its own settings now. */
	if (c->method == NULL || c->store == NULL ||
	    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		return failed(c, error, "TLS", "unable to begin");
	if (authorities == NULL)
		read_system(&c->authorities);
	else if (X509_STORE_load_file(c->store, authorities) != 1)
		return failed(c, error, authorities,
		    "no authorities can be read from it");
	ERR_clear_error();
	return c;
}

void
tls_context_free(struct tls_context *c)
{
	if (c == NULL)
		return;
	tls_session_clear(c);
	buf_free(&c->authorities);
	SSL_CTX_free(c->ssl);
	X509_STORE_free(c->store);
	BIO_meth_free(c->method);
	free(c);
}
