/* tlshost: certificates made on the spot, and a TLS server in a child. */
#ifndef TESTS_UNIT_LIB_TLSHOST_H
#define TESTS_UNIT_LIB_TLSHOST_H

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/tls.h"
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef COUNT
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#endif

enum { PATIENCE = 20 * CLOCK_SECOND, DAY = 86400 };

static int64_t UNUSED
soon(void)
{
	return clock_boot() + PATIENCE;
}

/* Which certificate a server shows. */
enum card {
	CARD_GOOD,  /* mx.example.org, from our authority */
	CARD_OTHER, /* other.example.net, likewise */
	CARD_STAR,  /* *.example.org, likewise */
	CARD_CN,    /* mx.example.org in its subject alone */
	CARD_EXPIRED,
	CARD_FUTURE,
	CARD_SELF, /* mx.example.org, self-signed */
	CARD_WEAK, /* as the first, with a key of RSA-1024 */
	CARD_COUNT
};

static struct {
	EVP_PKEY *key, *weak_key;
	X509 *authority, *cards[CARD_COUNT];
	char file[64]; /* the authority's, PEM */
} house;

static void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static EVP_PKEY *
key_of(enum card card)
{
	return card == CARD_WEAK ? house.weak_key : house.key;
}

static X509 *
make_card(const char *cn, const char *san, long from, long to, X509 *issuer)
{
	static long serial;
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	assert_non_null(x);
	assert_true(X509_set_version(x, 2) == 1 &&
		    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial) == 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			     (const unsigned char *)cn, -1, -1, 0),
	    1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), from));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), to));
	assert_int_equal(
	    X509_set_issuer_name(
		x, issuer == NULL ? name : X509_get_subject_name(issuer)),
	    1);
	assert_int_equal(X509_set_pubkey(x, house.key), 1);
	if (san != NULL)
		add_extension(x, NID_subject_alt_name, san);
	else if (issuer == NULL)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(x, house.key, EVP_sha256()) > 0);
	return x;
}

static void
write_authority(void)
{
	FILE *f;
	int fd;

	(void)snprintf(house.file, sizeof house.file, "/tmp/tlshost.XXXXXX");
	fd = mkstemp(house.file);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, house.authority), 1);
	assert_int_equal(fclose(f), 0);
}

static int UNUSED
house_open(void **state)
{
	static const char *const mx = "DNS:mx.example.org";
	X509 *ca;

	(void)state;
	house.key = EVP_EC_gen("P-256");
	house.weak_key = EVP_RSA_gen(1024);
	assert_true(house.key != NULL && house.weak_key != NULL);
	ca = house.authority =
	    make_card("authority", NULL, -2L * DAY, 2L * DAY, NULL);
	house.cards[CARD_GOOD] = make_card("x", mx, -DAY, DAY, ca);
	house.cards[CARD_OTHER] =
	    make_card("mx.example.org", "DNS:other.example.net", -DAY, DAY, ca);
	house.cards[CARD_STAR] =
	    make_card("x", "DNS:*.example.org", -DAY, DAY, ca);
	house.cards[CARD_CN] = make_card("mx.example.org", NULL, -DAY, DAY, ca);
	house.cards[CARD_EXPIRED] = make_card("x", mx, -2L * DAY, -DAY, ca);
	house.cards[CARD_FUTURE] = make_card("x", mx, DAY, 2L * DAY, ca);
	house.cards[CARD_SELF] = make_card("x", mx, -DAY, DAY, NULL);
	house.cards[CARD_WEAK] = make_card("x", mx, -DAY, DAY, ca);
	assert_true(
	    X509_set_pubkey(house.cards[CARD_WEAK], house.weak_key) == 1 &&
	    X509_sign(house.cards[CARD_WEAK], house.key, EVP_sha256()) > 0);
	write_authority();
	return 0;
}

static int UNUSED
house_close(void **state)
{
	(void)state;
	for (size_t i = 0; i < CARD_COUNT; i++)
		X509_free(house.cards[i]);
	X509_free(house.authority);
	EVP_PKEY_free(house.key);
	EVP_PKEY_free(house.weak_key);
	return unlink(house.file);
}

/* A server's context, that many connections may share. */
static UNUSED SSL_CTX *
host_context(enum card card)
{
	SSL_CTX *x = SSL_CTX_new(TLS_server_method());

	assert_non_null(x);
	SSL_CTX_set_security_level(x, 0);
	assert_int_equal(SSL_CTX_use_certificate(x, house.cards[card]), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(x, key_of(card)), 1);
	assert_int_equal(SSL_CTX_add1_chain_cert(x, house.authority), 1);
	return x;
}

struct host {
	int fd; /* the client's end, non-blocking */
	pid_t pid;
};

/* Run serve(fd, x) in a child, on the other end of a socket. */
static struct host UNUSED
host_start(void (*serve)(int fd, SSL_CTX *x), SSL_CTX *x)
{
	struct host h;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (h.pid == 0) {
		(void)alarm(60);
		(void)signal(SIGPIPE, SIG_IGN);
		(void)close(ends[0]);
		serve(ends[1], x);
		_exit(0);
	}
	(void)close(ends[1]);
	h.fd = ends[0];
	assert_true(fd_nonblock(h.fd));
	return h;
}

/* The client's end must be closed first. */
static void UNUSED
host_end(const struct host *h)
{
	int status;

	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
}

static UNUSED SSL *
host_accept(int fd, SSL_CTX *x)
{
	SSL *s = SSL_new(x);

	if (s == NULL || SSL_set_fd(s, fd) != 1 || SSL_accept(s) != 1)
		_exit(1);
	return s;
}

/* Greets within TLS, and gives back what it gets. */
static void UNUSED
serve_echo(int fd, SSL_CTX *x)
{
	SSL *s = host_accept(fd, x);
	char data[4096];
	int n;

	if (SSL_write(s, "220 hello\r\n", 11) != 11)
		_exit(1);
	while ((n = SSL_read(s, data, sizeof data)) > 0)
		if (SSL_write(s, data, n) != n)
			_exit(1);
	(void)SSL_shutdown(s);
}

/* A group's set-up and its end: the house, and who believes its authority. */
static struct tls_context *context;

static int
open_all(void **state)
{
	struct buf error = {0};

	assert_int_equal(house_open(state), 0);
	context = tls_context_new(house.file, &error);
	assert_non_null(context);
	buf_free(&error);
	return 0;
}

static int
close_all(void **state)
{
	tls_context_free(context);
	return house_close(state);
}

#endif
