/* key: what culver-keyd is asked, and what it would sign. */
#include "wire/key.h"

#include "lib/frame.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
a_request_comes_back_as_it_was_written(void **state)
{
	static const struct key_request rows[] = {
	    {.letter = 'C',    .name = {"mx.example.org", 14}},
	    {.letter = 'C',                .name = {"", 0}},
	    {.letter = 'S',
             .hash = "12345678901234567890123456789012",
             .scheme = 0x0804,
             .message = {"to sign", 7}},
	    {.letter = 'T'   },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		struct frame f;
		struct key_request got;
		size_t used;

		assert_true(key_write(&b, &rows[i]));
		assert_int_equal(frame_take(&b, &f, &used), FRAME_OK);
		assert_int_equal(used, b.len);
		assert_true(key_read(f.kind, f.payload, &got));
		assert_int_equal(got.letter, rows[i].letter);
		assert_true(str_equal(got.name, rows[i].name));
		assert_memory_equal(got.hash, rows[i].hash, TLS_KEY_HASH);
		assert_int_equal(got.scheme, rows[i].scheme);
		assert_true(str_equal(got.message, rows[i].message));
		buf_free(&b);
	}
}

static void
what_is_no_request_is_refused(void **state)
{
	static const struct {
		char letter;
		const char *payload;
	} rows[] = {
	    {'C', "../servercert"                     },
	    {'C', ".hidden"			   },
	    {'C', "a..b"			      },
	    {'C', "a.b."			      },
	    {'C', "a/b"			       },
	    {'C', "A.example.org"                     },
	    {'C', "a b"			       },
	    {'C', "a\nb"			      },
	    {'S', ""				  },
	    {'S', "1234567890123456789012345678901"   },
	    {'S', "1234567890123456789012345678901234"},
	    {'T', "x"				 },
	    {'X', ""				  },
	    {'K', ""				  },
	};
	struct key_request r;
	char name[KEY_NAME + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_false(
		    key_read(rows[i].letter, str_of(rows[i].payload), &r));
	memset(name, 'a', sizeof name);
	assert_true(key_read('C', (struct str){name, KEY_NAME}, &r));
	assert_false(key_read('C', (struct str){name, KEY_NAME + 1}, &r));
}

static void
over_its_limit_nothing_is_written(void **state)
{
	char text[KEY_MESSAGE + 1] = {0};
	struct key_request r = {
	    .letter = 'S', .message = {text, KEY_MESSAGE}
        };
	struct buf b = {0};

	(void)state;
	assert_true(key_write(&b, &r));
	buf_clear(&b);
	r.message.len++;
	assert_false(key_write(&b, &r));
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

enum { PAD = 64 };

/* n blanks, words, their NUL, and rest bytes of a digest. */
static struct str
tls13(char *out, size_t n, const char *words, size_t rest)
{
	memset(out, ' ', n);
	memcpy(out + n, words, strlen(words) + 1);
	memset(out + n + strlen(words) + 1, 'h', rest);
	return (struct str){out, n + strlen(words) + 1 + rest};
}

static void
only_a_handshake_of_a_server_is_signed(void **state)
{
	static const char server[] = "TLS 1.3, server CertificateVerify";
	static const char client[] = "TLS 1.3, client CertificateVerify";
	char m[KEY_MESSAGE] = {0};
	struct str curve = {m, PAD + 4 + 65};

	(void)state;
	assert_true(key_signable(tls13(m, PAD, server, 32)));
	assert_true(key_signable(tls13(m, PAD, server, 48)));
	assert_false(key_signable(tls13(m, PAD, server, 33)));
	assert_false(key_signable(tls13(m, PAD - 1, server, 33)));
	assert_false(key_signable(tls13(m, PAD, client, 32)));
	assert_false(key_signable(str_of("")));
	assert_false(key_signable(str_of("from:to:subject")));
	memset(m, 0, sizeof m);
	m[PAD] = 3;
	m[PAD + 2] = 23;
	m[PAD + 3] = 65;
	m[PAD + 4] = 4;
	assert_true(key_signable(curve));
	m[PAD + 4] = 2; /* a compressed point */
	assert_false(key_signable(curve));
	m[PAD + 4] = 4;
	m[PAD + 2] = 24; /* its points are longer */
	assert_false(key_signable(curve));
	m[PAD + 2] = 25; /* not offered */
	assert_false(key_signable(curve));
	m[PAD + 2] = 23;
	curve.len--;
	assert_false(key_signable(curve));
	curve.len++;
	m[PAD] = 1; /* a curve of its own */
	assert_false(key_signable(curve));
	assert_false(key_signable((struct str){m, PAD + 4}));
}

static void
keys_of_tickets_come_back(void **state)
{
	struct tls_tickets t, got;
	struct buf b = {0};

	(void)state;
	memset(&t, 7, sizeof t);
	memset(&t.former, 9, sizeof t.former);
	t.seconds = 1234;
	assert_true(key_tickets_write(&b, &t));
	assert_int_equal(b.len, KEY_TICKETS);
	assert_true(key_tickets_read(buf_str(&b), &got));
	assert_memory_equal(&got, &t, sizeof t);
	assert_false(
	    key_tickets_read(str_slice(buf_str(&b), 0, KEY_TICKETS - 1), &got));
	buf_free(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_comes_back_as_it_was_written),
	    cmocka_unit_test(what_is_no_request_is_refused),
	    cmocka_unit_test(over_its_limit_nothing_is_written),
	    cmocka_unit_test(only_a_handshake_of_a_server_is_signed),
	    cmocka_unit_test(keys_of_tickets_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
