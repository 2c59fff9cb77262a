/* tls_server: what a client gets that has no private key behind the door. */
#include "lib/tls_server.h"

#include "lib/tls_scheme.h"
#include "tests/unit/lib/tlshost.h"
#include <errno.h>
#include <openssl/rsa.h>
#include <pthread.h>

/* Who holds the keys: one of each type, and a second name. */
static struct keys {
	EVP_PKEY *key;
	X509 *first, *second;
	enum tls_answer chain, sign, tickets; /* what it answers */
	unsigned asked, signed_with, generation;
	bool anew; /* it has begun so, and read no key yet */
} keys;

static enum tls_answer
give_chain(struct str name, struct buf *out)
{
	X509 *x = str_equal(name, str_of("second.example.org")) ? keys.second
								: keys.first;
	unsigned char *der = NULL, head[3];
	int n = i2d_X509(x, &der);

	keys.asked++;
	keys.anew = false;
	assert_true(n > 0);
	head[0] = (unsigned char)(n >> 16);
	head[1] = (unsigned char)(n >> 8);
	head[2] = (unsigned char)n;
	assert_true(
	    buf_append(out, head, 3) && buf_append(out, der, (size_t)n));
	OPENSSL_free(der);
	return keys.chain;
}

static enum tls_answer
give_signature(const unsigned char hash[TLS_KEY_HASH], uint16_t code,
    struct str message, struct buf *out)
{
	const struct tls_scheme *s = tls_scheme_of(code);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;
	unsigned char data[1024];
	size_t n = sizeof data;

	(void)hash;
	keys.signed_with = code;
	if (c == NULL || s == NULL)
		return TLS_ANSWER_TROUBLE;
	if (keys.anew) {
		EVP_MD_CTX_free(c);
		return TLS_ANSWER_NONE;
	}
	assert_int_equal(
	    EVP_DigestSignInit_ex(c, &p, s->digest, NULL, NULL, keys.key, NULL),
	    1);
	if (s->pss)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(
				p, RSA_PKCS1_PSS_PADDING) == 1 &&
			    EVP_PKEY_CTX_set_rsa_pss_saltlen(
				p, RSA_PSS_SALTLEN_DIGEST) == 1);
	assert_int_equal(EVP_DigestSign(c, data, &n,
			     (const unsigned char *)message.data, message.len),
	    1);
	EVP_MD_CTX_free(c);
	assert_true(buf_append(out, data, n));
	return keys.sign;
}

static enum tls_answer
give_tickets(struct tls_tickets *out)
{
	memset(&out->now, (int)keys.generation, sizeof out->now);
	memset(&out->former, (int)keys.generation - 1, sizeof out->former);
	out->seconds = 0; /* asked for each time */
	return keys.tickets;
}

static const struct tls_keeper keeper = {
    give_chain, give_signature, give_tickets};

static X509 *
card(EVP_PKEY *key, const char *name)
{
	X509 *x = make_card(name, NULL, -DAY, DAY, NULL);

	assert_true(X509_set_pubkey(x, key) == 1 &&
		    X509_sign(x, house.key, EVP_sha256()) > 0);
	return x;
}

static void
take_keys(EVP_PKEY *key)
{
	assert_non_null(key);
	keys = (struct keys){.key = key, .generation = 7};
	keys.first = card(key, "first");
	keys.second = card(key, "second");
}

static void
drop_keys(void)
{
	X509_free(keys.first);
	X509_free(keys.second);
	EVP_PKEY_free(keys.key);
}

/* A client of OpenSSL's own, in a thread. */
struct client {
	int fd, version;
	const char *sni;
	SSL_SESSION *offer; /* to go on with */
	bool renegotiate;
	/* what came of it */
	bool open, resumed, heard, renegotiated;
	char cn[64];
	SSL_SESSION *got;
};

static int
keep(SSL *ssl, SSL_SESSION *s)
{
	struct client *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->got);
	c->got = s;
	return 1;
}

static void
talk(struct client *c, SSL *ssl)
{
	char data[64];
	X509 *x = SSL_get1_peer_certificate(ssl);

	c->open = true;
	c->resumed = SSL_session_reused(ssl) == 1;
	if (x != NULL)
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(x),
		    NID_commonName, c->cn, sizeof c->cn);
	X509_free(x);
	c->heard = SSL_read(ssl, data, sizeof data) == 5 &&
		   memcmp(data, "hello", 5) == 0;
	if (c->renegotiate)
		c->renegotiated =
		    SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
	(void)SSL_shutdown(ssl);
}

static void *
run_client(void *context_of)
{
	struct client *c = context_of;
	SSL_CTX *x = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(x);
	char name[TLS_NAME_SIZE];

	SSL_CTX_set_session_cache_mode(
	    x, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(x, keep);
	SSL_free(ssl);
	SSL_CTX_set_security_level(x, 0);
	(void)SSL_CTX_set_min_proto_version(x, TLS1_VERSION);
	(void)SSL_CTX_set_max_proto_version(x, c->version);
	ssl = SSL_new(x);
	(void)SSL_set_app_data(ssl, c);
	if (c->sni != NULL && str_copy(name, sizeof name,
				  str_of(c->sni))) /* the macro drops const */
		(void)SSL_set_tlsext_host_name(ssl, name);
	if (c->offer != NULL)
		(void)SSL_set_session(ssl, c->offer);
	(void)SSL_set_fd(ssl, c->fd);
	if (SSL_connect(ssl) == 1)
		talk(c, ssl);
	SSL_free(ssl);
	SSL_CTX_free(x);
	(void)shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

/* One connection; what the server made of it. */
static enum tls_fault
connect_once(struct tls_server *s, struct client *c)
{
	char why[TLS_WHY], data[64];
	struct tls *t;
	enum tls_fault f;
	pthread_t thread;
	short events;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	c->fd = ends[0];
	assert_int_equal(pthread_create(&thread, NULL, run_client, c), 0);
	f = tls_accept(&t, s, ends[1], soon(), why);
	if (f == TLS_OK) {
		assert_int_equal(tls_write(t, "hello", 5, &events), 5);
		while (tls_read(t, data, sizeof data, &events) < 0 &&
		       errno == EAGAIN)
			assert_true(fd_await(ends[1], events, soon(), &events));
		tls_close(t, true);
	}
	(void)shutdown(ends[1], SHUT_RDWR);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return f;
}

static const struct {
	const char *type;
	int version;
	unsigned scheme;
} kinds[] = {
    {"RSA",     TLS1_3_VERSION, 0x0804},
    {"RSA",     TLS1_2_VERSION, 0x0804},
    {"EC",      TLS1_3_VERSION, 0x0403},
    {"EC",      TLS1_2_VERSION, 0x0403},
    {"ED25519", TLS1_3_VERSION, 0x0807},
    {"ED25519", TLS1_2_VERSION, 0x0807},
};

static EVP_PKEY *
make_key(const char *type)
{
	if (strcmp(type, "RSA") == 0)
		return EVP_RSA_gen(2048);
	if (strcmp(type, "EC") == 0)
		return EVP_EC_gen("P-256");
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static void
every_type_of_key_signs_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct tls_server *s = tls_server_new(&keeper, "smtp");
		struct client c = {.version = kinds[i].version};

		assert_non_null(s);
		take_keys(make_key(kinds[i].type));
		assert_int_equal(tls_server_ready(s), TLS_ANSWER_OK);
		assert_int_equal(connect_once(s, &c), TLS_OK);
		assert_true(c.open && c.heard);
		assert_int_equal(keys.signed_with, kinds[i].scheme);
		SSL_SESSION_free(c.got);
		tls_server_free(s);
		drop_keys();
	}
}

static struct tls_server *
begin_with_ec(void)
{
	struct tls_server *s = tls_server_new(&keeper, "smtp");

	assert_non_null(s);
	take_keys(make_key("EC"));
	return s;
}

static void
end_with_it(struct tls_server *s)
{
	tls_server_free(s);
	drop_keys();
}

static const struct {
	const char *sni, *cn;
} names[] = {
    {NULL,		 "first" },
    {"second.example.org", "second"},
    {"SECOND.example.ORG", "second"},
    {"third.example.org",  "first" },
    {"../second",          "first" },
    {"a b",		"first" },
};

static void
the_name_that_is_asked_for_chooses_the_certificate(void **state)
{
	struct tls_server *s = begin_with_ec();

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct client c = {
		    .version = TLS1_3_VERSION, .sni = names[i].sni};

		assert_int_equal(connect_once(s, &c), TLS_OK);
		assert_string_equal(c.cn, names[i].cn);
		SSL_SESSION_free(c.got);
	}
	/* Names that are none are not asked for. */
	assert_int_equal(keys.asked, 3);
	end_with_it(s);
}

static void
old_versions_are_refused(void **state)
{
	struct tls_server *s = begin_with_ec();
	struct client c = {.version = TLS1_1_VERSION};

	(void)state;
	assert_int_equal(connect_once(s, &c), TLS_PROTOCOL);
	assert_false(c.open);
	end_with_it(s);
}

static void
renegotiation_is_refused(void **state)
{
	struct tls_server *s = begin_with_ec();
	struct client c = {.version = TLS1_2_VERSION, .renegotiate = true};

	(void)state;
	assert_int_equal(connect_once(s, &c), TLS_OK);
	assert_true(c.heard);
	assert_false(c.renegotiated);
	SSL_SESSION_free(c.got);
	end_with_it(s);
}

/* What its certificates are is known for a while, and its key is not any more. */
static void
a_keeper_that_has_begun_anew_signs(void **state)
{
	struct tls_server *s = begin_with_ec();

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct client c = {
		    .version = TLS1_3_VERSION, .sni = names[i].sni};

		keys.anew = true;
		assert_int_equal(connect_once(s, &c), TLS_OK);
		assert_string_equal(c.cn, names[i].cn);
		SSL_SESSION_free(c.got);
	}
	end_with_it(s);
}

static void
a_keeper_that_fails_ends_the_handshake_and_no_more(void **state)
{
	struct tls_server *s = begin_with_ec();
	struct client c = {.version = TLS1_3_VERSION};
	struct client again = c, third = c;

	(void)state;
	keys.sign = TLS_ANSWER_TROUBLE;
	assert_int_equal(connect_once(s, &c), TLS_LOCAL);
	assert_false(c.open);
	keys.sign = TLS_ANSWER_OK;
	assert_int_equal(connect_once(s, &again), TLS_OK);
	SSL_SESSION_free(again.got);
	tls_server_free(s);
	s = tls_server_new(&keeper, "smtp");
	keys.chain = TLS_ANSWER_NONE;
	assert_int_equal(tls_server_ready(s), TLS_ANSWER_NONE);
	assert_int_equal(connect_once(s, &third), TLS_LOCAL);
	end_with_it(s);
}

static void
a_ticket_goes_on_until_its_key_is_forgotten(void **state)
{
	/* version, generations later, goes on */
	static const struct {
		int version;
		unsigned later;
		bool resumed;
	} rows[] = {
	    {TLS1_3_VERSION, 0, true },
	    {TLS1_3_VERSION, 1, true },
	    {TLS1_3_VERSION, 2, false},
	    {TLS1_2_VERSION, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_server *s = begin_with_ec();
		struct client c = {.version = rows[i].version};
		struct client again = c;

		assert_int_equal(connect_once(s, &c), TLS_OK);
		/* Another process takes it as well. */
		tls_server_free(s);
		s = tls_server_new(&keeper, "smtp");
		keys.generation += rows[i].later;
		again.offer = c.got;
		assert_int_equal(connect_once(s, &again), TLS_OK);
		assert_true(again.open && again.heard);
		assert_int_equal(again.resumed, rows[i].resumed);
		SSL_SESSION_free(c.got);
		SSL_SESSION_free(again.got);
		end_with_it(s);
	}
}

static void
a_ticket_is_good_at_one_service_and_for_one_certificate(void **state)
{
	/* The service, whether the certificate was replaced, the name that is
	 * asked for; whether it goes on. */
	static const struct {
		const char *service;
		bool replaced;
		const char *sni;
		bool resumed;
	} rows[] = {
	    {"smtp", false, NULL,                 true },
	    {"smtp", false, "third.example.org",  true },
	    {"smtp", false, "second.example.org", false},
	    {"pop3", false, NULL,                 false},
	    {"smtp", true,  NULL,                 false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_server *s = begin_with_ec();
		struct client c = {.version = TLS1_3_VERSION};
		struct client again = {
		    .version = TLS1_3_VERSION, .sni = rows[i].sni};

		assert_int_equal(connect_once(s, &c), TLS_OK);
		tls_server_free(s);
		s = tls_server_new(&keeper, rows[i].service);
		if (rows[i].replaced) {
			X509_free(keys.first);
			keys.first = card(keys.key, "first");
		}
		again.offer = c.got;
		assert_int_equal(connect_once(s, &again), TLS_OK);
		assert_true(again.open && again.heard);
		assert_int_equal(again.resumed, rows[i].resumed);
		SSL_SESSION_free(c.got);
		SSL_SESSION_free(again.got);
		end_with_it(s);
	}
}

/* RFC 8446, C.4: no ticket need be said twice.  0-RTT is never offered. */
static void
each_connection_gets_a_ticket_of_its_own_without_early_data(void **state)
{
	struct tls_server *s = begin_with_ec();
	SSL_SESSION *offer = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct client c = {.version = TLS1_3_VERSION, .offer = offer};

		assert_int_equal(connect_once(s, &c), TLS_OK);
		assert_int_equal(c.resumed, i > 0);
		assert_non_null(c.got);
		assert_int_equal(SSL_SESSION_get_max_early_data(c.got), 0);
		SSL_SESSION_free(offer);
		offer = c.got;
	}
	SSL_SESSION_free(offer);
	end_with_it(s);
}

static void
without_keys_of_tickets_every_handshake_is_whole(void **state)
{
	struct tls_server *s = begin_with_ec();
	struct client c = {.version = TLS1_3_VERSION};

	(void)state;
	keys.tickets = TLS_ANSWER_TROUBLE;
	assert_int_equal(connect_once(s, &c), TLS_OK);
	assert_true(c.heard);
	SSL_SESSION_free(c.got);
	end_with_it(s);
}

static void
garbage_is_a_fault_of_the_client(void **state)
{
	static const char *const rows[] = {"EHLO x\r\n", "GET / HTTP/1.0\r\n",
	    "\x16\x03\x01\xff\xff\x01", "\x80\x2e\x01\x00\x02"};
	struct tls_server *s = begin_with_ec();
	char why[TLS_WHY];
	struct tls *t;
	int ends[2];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum tls_fault f;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_true(fd_write_all(ends[0], rows[i], strlen(rows[i])));
		(void)shutdown(ends[0], SHUT_WR);
		f = tls_accept(&t, s, ends[1], soon(), why);
		assert_true(f == TLS_PROTOCOL || f == TLS_CLOSED);
		assert_null(t);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	end_with_it(s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_of_key_signs_elsewhere),
	    cmocka_unit_test(
		the_name_that_is_asked_for_chooses_the_certificate),
	    cmocka_unit_test(old_versions_are_refused),
	    cmocka_unit_test(renegotiation_is_refused),
	    cmocka_unit_test(a_keeper_that_has_begun_anew_signs),
	    cmocka_unit_test(
		a_keeper_that_fails_ends_the_handshake_and_no_more),
	    cmocka_unit_test(a_ticket_goes_on_until_its_key_is_forgotten),
	    cmocka_unit_test(
		a_ticket_is_good_at_one_service_and_for_one_certificate),
	    cmocka_unit_test(
		each_connection_gets_a_ticket_of_its_own_without_early_data),
	    cmocka_unit_test(without_keys_of_tickets_every_handshake_is_whole),
	    cmocka_unit_test(garbage_is_a_fault_of_the_client),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_all, close_all);
}
