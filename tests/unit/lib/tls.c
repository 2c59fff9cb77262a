/* tls: whom a client takes for the one it wants, and what ends a handshake. */
#include "tests/unit/lib/tlshost.h"

#include "lib/drop.h"
#include "lib/home.h"
#include <errno.h>
#include <poll.h>

/* A record of card's key or certificate. */
struct pin {
	uint8_t usage, selector, matching;
	X509 *x;
	unsigned char bytes[TLS_RECORD_MAX];
};

static struct tls_record
record(struct pin *p)
{
	unsigned char der[2048], *at = der;
	int n = p->selector == 0
		    ? i2d_X509(p->x, &at)
		    : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(p->x), &at);
	unsigned size = (unsigned)n;

	assert_true(n > 0 && n <= TLS_RECORD_MAX);
	if (p->matching == 0)
		memcpy(p->bytes, der, size);
	else
		assert_int_equal(
		    EVP_Digest(der, size, p->bytes, &size,
			p->matching == 1 ? EVP_sha256() : EVP_sha512(), NULL),
		    1);
	return (struct tls_record){
	    p->usage, p->selector, p->matching, {(const char *)p->bytes, size}
        };
}

struct met {
	enum tls_fault fault, verdict;
	bool resumed;
	char text[TLS_TEXT], why[TLS_WHY];
};

/* Read one greeting: tickets come with it. */
static void
greeting(struct tls *t, int fd)
{
	char data[64];
	short events;
	ssize_t n;

	while ((n = tls_read(t, data, sizeof data, &events)) < 0) {
		assert_int_equal(errno, EAGAIN);
		assert_true(fd_await(fd, events, soon(), &events));
	}
	assert_int_equal(n, 11);
	assert_memory_equal(data, "220 hello\r\n", 11);
}

static struct met
meet(SSL_CTX *x, const struct tls_wish *wish)
{
	struct host h = host_start(serve_echo, x);
	struct met m = {0};
	struct tls *t;

	m.fault = tls_connect(&t, context, h.fd, wish, soon(), m.why);
	if (m.fault == TLS_OK) {
		m.verdict = tls_verdict(t);
		m.resumed = tls_resumed(t);
		assert_int_equal(tls_trusted(t), m.verdict == TLS_OK);
		tls_describe(t, m.text);
		greeting(t, h.fd);
		tls_close(t, true);
	} else {
		assert_null(t);
		assert_true(m.why[0] != '\0');
	}
	assert_int_equal(close(h.fd), 0);
	host_end(&h);
	return m;
}

static void
names_are_taken_as_certificates_say(void **state)
{
	static const struct {
		enum card card;
		const char *name;
		enum tls_fault fault;
	} rows[] = {
	    {CARD_GOOD,    "mx.example.org",   TLS_OK       },
	    {CARD_GOOD,    "MX.Example.ORG",   TLS_OK       },
	    {CARD_GOOD,    ".example.org",     TLS_OK       },
	    {CARD_GOOD,    ".org",             TLS_NAME     },
	    {CARD_GOOD,    "example.org",      TLS_NAME     },
	    {CARD_GOOD,    "192.0.2.1",        TLS_NAME     },
	    {CARD_OTHER,   "mx.example.org",   TLS_NAME     },
	    {CARD_STAR,    "mx.example.org",   TLS_OK       },
	    {CARD_STAR,    "a.mx.example.org", TLS_NAME     },
	    {CARD_STAR,    "example.org",      TLS_NAME     },
	    {CARD_CN,      "mx.example.org",   TLS_NAME     },
	    {CARD_EXPIRED, "mx.example.org",   TLS_EXPIRED  },
	    {CARD_FUTURE,  "mx.example.org",   TLS_EXPIRED  },
	    {CARD_SELF,    "mx.example.org",   TLS_UNTRUSTED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_wish wish = {
		    .trust = TLS_NAMED,
		    .names = {"nothing.test", rows[i].name},
		    .name_count = 2
                };
		SSL_CTX *x = host_context(rows[i].card);
		struct met m;

		if (strcmp(rows[i].name, "192.0.2.1") == 0) {
			wish.names[0] = rows[i].name;
			wish.name_count = 1;
		}
		m = meet(x, &wish);
		if (m.fault != rows[i].fault)
			print_error("row %zu: %s\n", i, m.why);
		assert_int_equal(m.fault, rows[i].fault);
		/* The same is told, and nothing held, where one only looks. */
		wish.lenient = true;
		m = meet(x, &wish);
		assert_int_equal(m.fault, TLS_OK);
		assert_int_equal(m.verdict, rows[i].fault);
		SSL_CTX_free(x);
	}
}

static void
anybody_is_taken_and_trusted_by_nobody(void **state)
{
	(void)state;
	for (enum card c = 0; c < CARD_COUNT; c++) {
		struct tls_wish wish = {.sni = "mx.example.org"};
		SSL_CTX *x = host_context(c);
		struct met m = meet(x, &wish);

		assert_int_equal(m.fault, TLS_OK);
		assert_int_equal(m.verdict, TLS_UNTRUSTED);
		assert_string_equal(
		    m.text, "TLSv1.3 TLS_AES_256_GCM_SHA384 untrusted");
		SSL_CTX_free(x);
	}
}

/* A server without any certificate is better than clear text, no more. */
static void
only_who_takes_anybody_takes_the_anonymous(void **state)
{
	struct tls_wish wish = {0};
	SSL_CTX *x = host_context(CARD_GOOD);

	(void)state;
	assert_int_equal(SSL_CTX_set_cipher_list(x, "aNULL:@SECLEVEL=0"), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(x, TLS1_2_VERSION), 1);
	SSL_CTX_set_dh_auto(x, 1);
	assert_int_equal(meet(x, &wish).fault, TLS_OK);
	wish.trust = TLS_NAMED;
	wish.names[0] = "mx.example.org";
	wish.name_count = 1;
	assert_int_equal(meet(x, &wish).fault, TLS_PROTOCOL);
	SSL_CTX_free(x);
}

/* To look at a certificate is no reason to do without TLS. */
static void
weak_keys_are_refused_where_it_counts(void **state)
{
	struct tls_wish wish = {
	    .trust = TLS_NAMED, .names = {"mx.example.org"}, .name_count = 1};
	SSL_CTX *x = host_context(CARD_WEAK);

	(void)state;
	assert_int_equal(meet(x, &wish).fault, TLS_INVALID);
	wish.lenient = true;
	assert_int_equal(meet(x, &wish).fault, TLS_OK);
	wish = (struct tls_wish){0};
	assert_int_equal(meet(x, &wish).fault, TLS_OK);
	SSL_CTX_free(x);
}

static void
versions_before_1_2_are_refused(void **state)
{
	struct tls_wish wish = {0};
	SSL_CTX *x = host_context(CARD_GOOD);

	(void)state;
	assert_int_equal(SSL_CTX_set_min_proto_version(x, TLS1_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(x, TLS1_1_VERSION), 1);
	assert_int_equal(SSL_CTX_set_cipher_list(x, "ALL:@SECLEVEL=0"), 1);
	assert_int_equal(meet(x, &wish).fault, TLS_PROTOCOL);
	SSL_CTX_free(x);
}

enum { OWN, AUTHORITY, STRANGE };

static const struct {
	enum card card;
	uint8_t usage, selector, matching;
	int of;
	const char *base, *also;
	enum tls_fault fault;
} pins[] = {
    {CARD_GOOD,    3, 1, 1, OWN,       "mx.example.org", NULL,             TLS_OK      },
    {CARD_GOOD,    3, 0, 2, OWN,       "mx.example.org", NULL,             TLS_OK      },
    {CARD_GOOD,    3, 1, 0, OWN,       "mx.example.org", NULL,             TLS_OK      },
 /* RFC 7672, 3.1.1: neither names nor dates count. */
    {CARD_GOOD,    3, 1, 1, OWN,       "a.test",         NULL,             TLS_OK      },
    {CARD_EXPIRED, 3, 1, 1, OWN,       "mx.example.org", NULL,             TLS_OK      },
    {CARD_SELF,    3, 1, 1, OWN,       "mx.example.org", NULL,             TLS_OK      },
    {CARD_GOOD,    3, 0, 1, STRANGE,   "mx.example.org", NULL,             TLS_MISMATCH},
 /* With an authority they do. */
    {CARD_GOOD,    2, 0, 1, AUTHORITY, "mx.example.org", NULL,             TLS_OK      },
    {CARD_GOOD,    2, 1, 2, AUTHORITY, "a.test",         "mx.example.org", TLS_OK      },
    {CARD_CN,      2, 0, 1, AUTHORITY, "mx.example.org", NULL,             TLS_OK      },
    {CARD_GOOD,    2, 0, 1, AUTHORITY, "a.test",         NULL,             TLS_NAME    },
    {CARD_EXPIRED, 2, 0, 1, AUTHORITY, "mx.example.org", NULL,             TLS_EXPIRED },
    {CARD_GOOD,    2, 0, 1, STRANGE,   "mx.example.org", NULL,             TLS_MISMATCH},
 /* RFC 7672, 3.1.3: these do not count at all. */
    {CARD_GOOD,    1, 1, 1, OWN,       "mx.example.org", NULL,             TLS_UNUSABLE},
    {CARD_GOOD,    0, 0, 1, AUTHORITY, "mx.example.org", NULL,             TLS_UNUSABLE},
};

static void
records_pin_keys_and_authorities(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pins); i++) {
		struct pin p = {pins[i].usage, pins[i].selector,
		    pins[i].matching, house.cards[CARD_OTHER], {0}};
		struct tls_wish wish = {
		    .trust = TLS_PINNED,
		    .names = {pins[i].base, pins[i].also},
		    .name_count = pins[i].also == NULL ? 1 : 2,
		    .record_count = 1
                };
		SSL_CTX *x = host_context(pins[i].card);
		struct tls_record r;
		struct met m;

		if (pins[i].of == OWN)
			p.x = house.cards[pins[i].card];
		else if (pins[i].of == AUTHORITY)
			p.x = house.authority;
		r = record(&p);
		wish.records = &r;
		wish.word = "dane";
		m = meet(x, &wish);
		if (m.fault != pins[i].fault)
			print_error("row %zu: %s\n", i, m.why);
		assert_int_equal(m.fault, pins[i].fault);
		if (m.fault == TLS_OK)
			assert_string_equal(
			    m.text, "TLSv1.3 TLS_AES_256_GCM_SHA384 dane");
		SSL_CTX_free(x);
	}
}

static void
records_that_cannot_count_are_known_before(void **state)
{
	static const char bytes[64] = {0};
	static const struct {
		uint8_t usage, selector, matching;
		size_t len;
		bool usable;
	} rows[] = {
	    {3, 1, 1, 32, true },
	    {2, 0, 2, 64, true },
	    {3, 1, 1, 31, false},
	    {3, 1, 1, 0,  false},
	    {3, 1, 2, 32, false},
	    {3, 1, 3, 32, false},
	    {3, 2, 1, 32, false},
	    {1, 1, 1, 32, false},
	    {0, 0, 1, 32, false},
	    {4, 1, 1, 32, false},
	    {3, 0, 0, 64, false},
	    {3, 1, 0, 64, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tls_record r = {
		    rows[i].usage, rows[i].selector, rows[i].matching,
		    {bytes, rows[i].len}
                };

		assert_int_equal(tls_record_usable(&r), rows[i].usable);
	}
}

static void
a_session_goes_on_with_the_same_wish_alone(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct tls_wish wish = {.trust = TLS_NAMED,
		    .names = {"mx.example.org"},
		    .name_count = 1,
		    .peer = i == 0 ? "192.0.2.1:25" : "192.0.2.1:26"};
		struct tls_wish other = wish, nobody = {0};
		SSL_CTX *x = host_context(CARD_GOOD);
		struct met m;

		assert_int_equal(
		    SSL_CTX_set_max_proto_version(x, versions[i]), 1);
		nobody.peer = wish.peer;
		assert_false(meet(x, &wish).resumed);
		for (int again = 0; again < 3; again++) {
			m = meet(x, &wish);
			assert_true(m.resumed);
			assert_int_equal(m.verdict, TLS_OK);
		}
		other.names[0] = ".example.org";
		assert_false(meet(x, &other).resumed);
		assert_false(meet(x, &nobody).resumed);
		assert_true(meet(x, &nobody).resumed);
		other = wish;
		other.peer = "192.0.2.2:25";
		assert_false(meet(x, &other).resumed);
		other.peer = NULL;
		assert_false(meet(x, &other).resumed);
		assert_false(meet(x, &other).resumed);
		SSL_CTX_free(x);
	}
}

/* What was let pass as untrusted stays so when it is resumed. */
static void
a_session_keeps_its_verdict(void **state)
{
	struct tls_wish wish = {.trust = TLS_NAMED,
	    .lenient = true,
	    .names = {"mx.example.org"},
	    .name_count = 1,
	    .peer = "192.0.2.9:25"};
	SSL_CTX *x = host_context(CARD_EXPIRED);
	struct met m;

	(void)state;
	assert_int_equal(meet(x, &wish).verdict, TLS_EXPIRED);
	m = meet(x, &wish);
	assert_true(m.resumed);
	assert_int_equal(m.verdict, TLS_EXPIRED);
	SSL_CTX_free(x);
}

static void
sessions_are_of_a_bounded_number(void **state)
{
	SSL_CTX *x = host_context(CARD_GOOD);
	char peer[32];
	struct tls_wish wish = {.peer = peer};

	(void)state;
	for (int i = 0; i <= TLS_SESSIONS; i++) {
		(void)snprintf(peer, sizeof peer, "full:%d", i);
		assert_false(meet(x, &wish).resumed);
	}
	(void)snprintf(peer, sizeof peer, "full:%d", TLS_SESSIONS);
	assert_true(meet(x, &wish).resumed);
	(void)snprintf(peer, sizeof peer, "full:0");
	assert_false(meet(x, &wish).resumed);
	SSL_CTX_free(x);
}

/* Says nothing, until the client has gone. */
static void
serve_stall(int fd, SSL_CTX *x)
{
	char data[4096];

	(void)x;
	while (read(fd, data, sizeof data) > 0)
		continue;
}

static void
serve_close(int fd, SSL_CTX *x)
{
	char byte;

	(void)x;
	if (read(fd, &byte, 1) != 1)
		_exit(1);
}

static void
serve_junk(int fd, SSL_CTX *x)
{
	(void)x;
	if (write(fd, "500 what?\r\n", 11) != 11)
		_exit(1);
	serve_stall(fd, NULL);
}

static void
handshakes_end(void **state)
{
	static const struct {
		void (*serve)(int fd, SSL_CTX *x);
		int64_t patience;
		enum tls_fault fault;
	} rows[] = {
	    {serve_stall, CLOCK_SECOND / 10, TLS_TIMEOUT },
	    {serve_stall, 0,                 TLS_TIMEOUT },
	    {serve_close, PATIENCE,          TLS_CLOSED  },
	    {serve_junk,  PATIENCE,          TLS_PROTOCOL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct host h = host_start(rows[i].serve, NULL);
		struct tls_wish wish = {0};
		char why[TLS_WHY];
		struct tls *t;

		assert_int_equal(tls_connect(&t, context, h.fd, &wish,
				     clock_boot() + rows[i].patience, why),
		    rows[i].fault);
		assert_null(t);
		assert_int_equal(close(h.fd), 0);
		host_end(&h);
	}
}

static void
authorities_are_read_at_once_or_complained_about(void **state)
{
	struct buf error = {0};
	struct tls_context *c;

	(void)state;
	assert_null(tls_context_new("/nonexistent/ca.pem", &error));
	assert_string_equal(error.data,
	    "/nonexistent/ca.pem: no authorities can be read from it");
	assert_null(tls_context_new("/dev/null", &error));
	assert_int_equal(setenv("SSL_CERT_FILE", house.file, 1), 0);
	c = tls_context_new(NULL, &error);
	assert_non_null(c);
	tls_context_free(c);
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	buf_free(&error);
}

/* A folder of hashed names is read now and not when a certificate comes. */
static void
a_folder_of_authorities_may_go_away(void **state)
{
	struct tls_wish wish = {
	    .trust = TLS_NAMED, .names = {"mx.example.org"}, .name_count = 1};
	struct tls_context *before = context;
	SSL_CTX *x = host_context(CARD_GOOD);
	char folder[] = "/tmp/tlshost.XXXXXX", path[64];
	struct buf error = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/%08lx.0", folder,
	    X509_subject_name_hash(house.authority));
	assert_int_equal(symlink(house.file, path), 0);
	assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
	assert_int_equal(setenv("SSL_CERT_DIR", folder, 1), 0);
	context = tls_context_new(NULL, &error);
	assert_non_null(context);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(meet(x, &wish).fault, TLS_OK);
	tls_context_free(context);
	context = before;
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	assert_int_equal(unsetenv("SSL_CERT_DIR"), 0);
	SSL_CTX_free(x);
	buf_free(&error);
}

/* All that OpenSSL opens it has opened by then. */
static int
shake_in_jail(int fd)
{
	static const struct drop jail = {
	    .account = ACCOUNT_SELF, .jailed = true, .promises = PROMISE_INET};
	struct tls_wish wish = {
	    .trust = TLS_NAMED, .names = {"mx.example.org"}, .name_count = 1};
	char why[TLS_WHY];
	struct tls *t;

	if (setenv("CULVER_HOME", "/tmp", 1) != 0)
		return 1;
	home_enter();
	drop_to(&jail);
	if (open(house.file, O_RDONLY) >= 0)
		return 2;
	if (tls_connect(&t, context, fd, &wish, soon(), why) != TLS_OK)
		return 3;
	greeting(t, fd);
	tls_close(t, true);
	return 0;
}

static void
check_jail(void)
{
	SSL_CTX *x = host_context(CARD_GOOD);
	struct host h = host_start(serve_echo, x);
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(shake_in_jail(h.fd));
	assert_int_equal(close(h.fd), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	host_end(&h);
	SSL_CTX_free(x);
}

static void
a_jail_stops_no_handshake(void **state)
{
	(void)state;
	check_jail();
}

/* The system's authorities are needed first where they are out of reach; what
 * is damaged among them costs the others nothing. */
static void
nor_does_it_stop_the_systems_authorities(void **state)
{
	static const char damaged[] = "-----BEGIN CERTIFICATE-----\n!\n"
				      "-----END CERTIFICATE-----\nwords\n";
	struct tls_context *before = context;
	struct buf text = {0}, error = {0};
	char file[] = "/tmp/tlshost.XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(buf_append_text(&text, damaged));
	assert_true(fd_read_file(AT_FDCWD, house.file, &text));
	assert_true(buf_append_text(&text, damaged));
	assert_true(fd >= 0 && fd_write_all(fd, text.data, text.len));
	assert_int_equal(setenv("SSL_CERT_FILE", file, 1), 0);
	context = tls_context_new(NULL, &error);
	assert_non_null(context);
	assert_int_equal(unlink(file), 0);
	check_jail();
	tls_context_free(context);
	context = before;
	assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
	assert_int_equal(close(fd), 0);
	buf_free(&text);
	buf_free(&error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_taken_as_certificates_say),
	    cmocka_unit_test(anybody_is_taken_and_trusted_by_nobody),
	    cmocka_unit_test(only_who_takes_anybody_takes_the_anonymous),
	    cmocka_unit_test(weak_keys_are_refused_where_it_counts),
	    cmocka_unit_test(versions_before_1_2_are_refused),
	    cmocka_unit_test(records_pin_keys_and_authorities),
	    cmocka_unit_test(records_that_cannot_count_are_known_before),
	    cmocka_unit_test(a_session_goes_on_with_the_same_wish_alone),
	    cmocka_unit_test(a_session_keeps_its_verdict),
	    cmocka_unit_test(sessions_are_of_a_bounded_number),
	    cmocka_unit_test(handshakes_end),
	    cmocka_unit_test(authorities_are_read_at_once_or_complained_about),
	    cmocka_unit_test(a_folder_of_authorities_may_go_away),
	    cmocka_unit_test(a_jail_stops_no_handshake),
	    cmocka_unit_test(nor_does_it_stop_the_systems_authorities),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
