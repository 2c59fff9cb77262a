/* tls_bio: between OpenSSL and a socket.  OpenSSL's own would raise SIGPIPE. */
#include "lib/tls_inside.h"

#include <errno.h>
#include <openssl/bio.h>
#include <sys/socket.h>

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int
bio_read(BIO *b, char *data, int size)
{
	struct tls *t = BIO_get_data(b);
	ssize_t n =
	    recv(t->fd, data, (size_t)size, t->patient ? 0 : MSG_DONTWAIT);

	t->patient = false; /* a part of a record has the time of the whole */
	BIO_clear_retry_flags(b);
	if (n < 0 && again())
		BIO_set_retry_read(b);
	return (int)n;
}

static int
bio_write(BIO *b, const char *data, int size)
{
	const struct tls *t = BIO_get_data(b);
	ssize_t n =
	    send(t->fd, data, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (n < 0 && again())
		BIO_set_retry_write(b);
	return (int)n;
}

static long
bio_ctrl(BIO *b, int what, long number, void *at)
{
	(void)b;
	(void)number;
	(void)at;
	return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *
tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(
	    BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "culver socket");

	if (m != NULL && BIO_meth_set_read(m, bio_read) == 1 &&
	    BIO_meth_set_write(m, bio_write) == 1 &&
	    BIO_meth_set_ctrl(m, bio_ctrl) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

bool
tls_bio_attach(struct tls *t, BIO_METHOD *method)
{
	BIO *b = BIO_new(method);

	if (b == NULL)
		return false;
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	return true;
}
