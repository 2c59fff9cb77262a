/* received: a stranger's words never leave their place in the field. */
#include "smtpd/received.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TAIL                                                                   \
	"\n\tby mail.example with ESMTP id 1.2.3;\n"                           \
	"\tSat, 21 Nov 2026 02:50:20 +0000\n"

struct row {
	const char *helo, *host, *info, *ip;
	const char *want; /* before TAIL */
};

static const struct row rows[] = {
    {"client.example",           "",          "",      "192.0.2.9",
     "Received: from client.example ([192.0.2.9])"								},
    {"[192.0.2.9]",              "a.example", "",      "192.0.2.9",
     "Received: from [192.0.2.9] (a.example [192.0.2.9])"                                                         },
    {"a",			"",          "",      "2001:db8::1", "Received: from a ([IPv6:2001:db8::1])"     },
    {"a",			"b",         "joe",   "192.0.2.9",   "Received: from a (joe@b [192.0.2.9])"      },
    {"a",			"",          "joe",   "192.0.2.9",   "Received: from a (joe@unknown [192.0.2.9])"},
    {"a",			"",          "",      NULL,          "Received: from a (unknown)"                },
    {"a b)\n\r\"(c\x80\x1b%s@d", "e]\nf: g",  "(;h@i", "192.0.2.9",
     "Received: from a?b?????c???s?d (??h?i@e]?f:?g [192.0.2.9])"                                                 },
};

static void
the_field_holds_what_is_known_in_safe_characters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		struct ip ip;
		struct received r = {
		    .helo = str_of(rows[i].helo),
		    .host = str_of(rows[i].host),
		    .info = str_of(rows[i].info),
		    .me = str_of("mail.example"),
		    .protocol = "ESMTP",
		    .id = str_of("1.2.3"),
		    .seconds = 1795229420,
		};

		if (rows[i].ip != NULL) {
			assert_true(ip_parse(str_of(rows[i].ip), &ip));
			r.remote = &ip;
		}
		assert_true(received_write(&b, &r));
		assert_true(buf_append_byte(&b, '\0'));
		assert_memory_equal(b.data, rows[i].want, strlen(rows[i].want));
		assert_string_equal(b.data + strlen(rows[i].want), TAIL);
		buf_free(&b);
	}
}

static void
a_hidden_client_is_not_told_of(void **state)
{
	struct buf b = {0};
	struct ip ip;
	struct received r = {.hidden = true,
	    .helo = str_of("secret"),
	    .host = str_of("secret"),
	    .info = str_of("secret"),
	    .remote = &ip,
	    .me = str_of("mail.example"),
	    .protocol = "ESMTP",
	    .id = str_of("1.2.3"),
	    .seconds = 1795229420};

	(void)state;
	assert_true(ip_parse(str_of("192.0.2.9"), &ip));
	assert_true(received_write(&b, &r));
	assert_true(str_equal(
	    buf_str(&b), str_of("Received: from hidden (authenticated)" TAIL)));
	buf_free(&b);
}

static void
a_full_buffer_is_left_as_it_was(void **state)
{
	struct buf b = {.max = 60};
	struct received r = {.me = str_of("m"), .protocol = "SMTP"};

	(void)state;
	assert_true(buf_append_text(&b, "abc"));
	assert_false(received_write(&b, &r));
	assert_int_equal(b.len, 3);
	buf_free(&b);
}

static void
the_cipher_stands_behind_the_protocol(void **state)
{
	struct buf b = {0};
	const struct received r = {
	    .helo = str_of("a"),
	    .me = str_of("mail.example"),
	    .protocol = "ESMTPS",
	    .cipher = "TLSv1.3 TLS_AES_256_GCM_SHA384",
	    .id = str_of("1.2.3"),
	    .seconds = 1795229420,
	};

	(void)state;
	assert_true(received_write(&b, &r) && buf_terminate(&b));
	assert_non_null(strstr(b.data,
	    " with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id 1.2.3;\n"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_field_holds_what_is_known_in_safe_characters),
	    cmocka_unit_test(a_hidden_client_is_not_told_of),
	    cmocka_unit_test(a_full_buffer_is_left_as_it_was),
	    cmocka_unit_test(the_cipher_stands_behind_the_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
