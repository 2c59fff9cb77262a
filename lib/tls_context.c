/* tls_context: authorities, and what all connections of a process share. */
#include "lib/tls_inside.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
load_folder(X509_STORE *store, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char file[PATH_MAX];

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		int n;

		if (!is_hash(entry->d_name))
			continue;
		n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		if (n > 0 && (size_t)n < sizeof file)
			(void)X509_STORE_load_file(store, file);
	}
	(void)closedir(dir);
}

static void
load_system(X509_STORE *store)
{
	const char *file = setting(
	    X509_get_default_cert_file_env(), X509_get_default_cert_file());

	if (X509_STORE_load_file(store, file) != 1)
		load_folder(store, setting(X509_get_default_cert_dir_env(),
				       X509_get_default_cert_dir()));
	ERR_clear_error();
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

struct tls_context *
tls_context_new(const char *authorities, struct buf *error)
{
	struct tls_context *c = calloc(1, sizeof *c);
	X509_STORE *store;

	if (c == NULL)
		return failed(c, error, "TLS", strerror(errno));
	c->method = tls_bio_method();
	c->ssl = SSL_CTX_new(TLS_client_method());
	if (c->method == NULL || c->ssl == NULL || !set_up(c->ssl))
		return failed(c, error, "TLS", "unable to begin");
	store = SSL_CTX_get_cert_store(c->ssl);
	if (authorities == NULL)
		load_system(store);
	else if (X509_STORE_load_file(store, authorities) != 1)
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
	SSL_CTX_free(c->ssl);
	BIO_meth_free(c->method);
	free(c);
}
