/* dnsname: no name in a packet makes us run round, read past the end or write
 * what is not printable. */
#include "lib/dnsname.h"

#include "tests/unit/lib/packet.h"

#include <ctype.h>

struct row {
	const char *what;
	const char *bytes;
	size_t len, at;
	const char *text; /* NULL: malformed */
	size_t behind;
};

#define BYTES(s) (s), sizeof(s) - 1

static void
read_as_it_stands_or_refused(void **state)
{
	static const struct row rows[] = {
	    {"root",			      BYTES("\0"),                      0, "",        1 },
	    {"one label",                         BYTES("\3one\0"),                 0, "one",     5 },
	    {"lower case",                        BYTES("\3oNe\3TWO\0x"),           0, "one.two", 9 },
	    {"pointer back",                      BYTES("\3one\0\3two\300\0z"),     5, "two.one", 11},
	    {"pointer alone",                     BYTES("\3one\0\300\0"),           5, "one",     7 },
	    {"pointer to a pointer",              BYTES("\1a\0\1b\300\0\1c\300\3"), 7,
             "c.b.a",									     11},
	    {"into a name's middle",              BYTES("\1a\1b\0\300\2"),          5, "b",       7 },
	    {"strange bytes",                     BYTES("\7a.b\n\033\0\\\2\"%\0"),  0,
             "a\\046b\\010\\027\\000\\092.\\034\\037",                                            12},
	    {"nothing",			   BYTES(""),                        0, NULL,      0 },
	    {"behind the end",                    BYTES("\0"),                      1, NULL,      0 },
	    {"no root",			   BYTES("\3one"),                   0, NULL,      0 },
	    {"cut label",                         BYTES("\3on"),                    0, NULL,      0 },
	    {"cut before the label",              BYTES("\1"),                      0, NULL,      0 },
	    {"cut pointer",                       BYTES("\0\300"),                  1, NULL,      0 },
	    {"pointer at itself",                 BYTES("\300\0"),                  0, NULL,      0 },
	    {"pointer at the name's start",       BYTES("\1a\300\0"),               0, NULL,      0 },
	    {"two pointers round",                BYTES("\300\2\300\0"),            2, NULL,      0 },
	    {"pointer at the pointer's own name", BYTES("\0\1a\300\1"),             1, NULL,
             0										      },
	    {"pointer ahead",                     BYTES("\300\2\0"),                0, NULL,      0 },
	    {"pointer past the end",              BYTES("\377\377"),                0, NULL,      0 },
	    {"pointer runs into itself",          BYTES("\1a\300\0\300\0"),         4, NULL,      0 },
	    {"label of 64",
             BYTES("\100xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		      "xxxxxxxxxxxxxxxxxxxxxxxxx\0"),
             0,									NULL,      0 },
	    {"label type 10",                     BYTES("\200a\0"),                 0, NULL,      0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct str packet = {r->bytes, r->len};
		size_t at = r->at;
		char text[DNS_TEXT_SIZE];
		bool read = dns_name_text(packet, &at, text);

		if (read != (r->text != NULL))
			fail_msg("%s: read %d", r->what, read);
		assert_int_equal(at, read ? r->behind : r->at);
		if (read)
			assert_string_equal(text, r->text);
	}
}

/* 255 bytes are a name and 256 none, however they come together. */
static void
a_name_ends_at_255(void **state)
{
	struct buf b = {0};
	struct dns_name name;
	size_t at;

	(void)state;
	for (int i = 0; i < 127; i++)
		put_label(&b, str_of("a"));
	put8(&b, 0);
	at = 0;
	assert_true(dns_name_read(buf_str(&b), &at, &name));
	assert_int_equal(at, 255);
	assert_int_equal(name.len, 255);
	put_label(&b, str_of("b"));
	put16(&b, 0xc000);
	at = 255;
	assert_false(dns_name_read(buf_str(&b), &at, &name));
	at = 0;
	buf_clear(&b);
	for (int i = 0; i < 126; i++)
		put_label(&b, str_of("a"));
	put_label(&b, str_of("bb"));
	put8(&b, 0);
	assert_false(dns_name_read(buf_str(&b), &at, &name));
	buf_free(&b);
}

/* The longest text there is fits: every byte escaped. */
static void
any_name_is_one_printable_word(void **state)
{
	struct dns_name name = {0};
	char text[DNS_TEXT_SIZE];

	(void)state;
	for (unsigned label = 0; label < 4; label++) {
		unsigned n = label < 3 ? 63 : 61;

		name.bytes[name.len++] = (unsigned char)n;
		for (unsigned i = 0; i < n; i++)
			name.bytes[name.len++] =
			    (unsigned char)(label * 64 + i);
	}
	name.bytes[name.len++] = 0;
	dns_name_format(text, &name);
	for (const char *c = text; *c != '\0'; c++)
		assert_true(isgraph((unsigned char)*c));
	assert_true(strlen(text) > 700);
	memset(name.bytes + 1, ' ', 63);
	memset(name.bytes + 65, ' ', 63);
	memset(name.bytes + 129, ' ', 63);
	memset(name.bytes + 193, ' ', 61);
	dns_name_format(text, &name);
	assert_int_equal(strlen(text), 4 * 250 + 3);
}

static void
only_what_a_host_may_be_called_is_asked_for(void **state)
{
	static const struct {
		const char *text;
		bool askable;
	} rows[] = {
	    {"a",			 true },
	    {"Example.ORG",               true },
	    {"_25._tcp.mx1.example",      true },
	    {"0/25.2.0.192.in-addr.arpa", true },
	    {"1.2.3.4",                   true },
	    {"",			  false},
	    {".",			 false},
	    {"a.",			false},
	    {".a",			false},
	    {"a..b",		      false},
	    {"a b",		       false},
	    {"a\n",		       false},
	    {"a\\046b",                   false},
	    {"a@b",		       false},
	    {"\303\244.example",          false},
	    {"[192.0.2.1]",               false},
	};
	char text[256];
	struct dns_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    dns_name_is_askable(str_of(rows[i].text)), rows[i].askable);
		assert_int_equal(dns_name_parse(str_of(rows[i].text), &name),
		    rows[i].askable);
	}
	assert_false(dns_name_is_askable((struct str){"a\0b", 3}));
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	assert_true(dns_name_is_askable((struct str){text, 253}));
	assert_false(dns_name_is_askable((struct str){text, 254}));
	text[63] = 'a';
	assert_false(dns_name_is_askable((struct str){text, 70}));
}

static void
addresses_are_asked_for_backwards(void **state)
{
	static const char *const rows[][2] = {
	    {"192.0.2.1",     "1.2.0.192.in-addr.arpa"               },
	    {"2001:db8::1:f", "f.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			      "8.b.d.0.1.0.0.2."
			      "ip6.arpa"},
	};
	char text[DNS_HOST_SIZE];
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(ip_parse(str_of(rows[i][0]), &ip));
		dns_reverse(text, &ip);
		assert_string_equal(text, rows[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read_as_it_stands_or_refused),
	    cmocka_unit_test(a_name_ends_at_255),
	    cmocka_unit_test(any_name_is_one_printable_word),
	    cmocka_unit_test(only_what_a_host_may_be_called_is_asked_for),
	    cmocka_unit_test(addresses_are_asked_for_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
