/* md5: the test suite of RFC 1321, A.5, and the example of RFC 1939, 7. */
#include "lib/md5.h"

#include "lib/num.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *
digest(struct str a, struct str b)
{
	static char text[2 * MD5_SIZE + 1];
	unsigned char out[MD5_SIZE];

	assert_true(md5_of(out, a, b));
	num_hex(text, out, sizeof(out));
	return text;
}

static const struct {
	const char *text, *digest;
} rows[] = {
    {"",							       "d41d8cd98f00b204e9800998ecf8427e"},
    {"a",							      "0cc175b9c0f1b6a831c399e269772661"},
    {"abc",							    "900150983cd24fb0d6963f7d28e17f72"},
    {"message digest",						 "f96b697d7cb7938d525a2f31aaf161d0"},
    {"abcdefghijklmnopqrstuvwxyz",				     "c3fcd3d76192e4007dfb496cca67e13b"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
     "d174ab98d277d9f5a5611c2c9f419d9f"								  },
    {"1234567890123456789012345678901234567890"
     "1234567890123456789012345678901234567890",		  "57edf4a22be3c955ac49da2e2107b67a"},
    {"<1896.697170952@dbc.mtview.ca.us>tanstaaf",
     "c4c9334bac560ecc979e58001b3e22fb"								  },
};

static void
known_digests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str s = str_of(rows[i].text);

		for (size_t cut = 0; cut <= s.len; cut++)
			assert_string_equal(digest(str_slice(s, 0, cut),
						str_slice(s, cut, s.len)),
			    rows[i].digest);
	}
}

static void
lengths_about_a_block(void **state)
{
	static const struct {
		size_t len;
		const char *digest;
	} lengths[] = {
	    {55, "04364420e25c512fd958a70738aa8f72"},
	    {56, "668a72d5ba17f08e62dabcafad6db14b"},
	    {63, "7dc2ca208106a2f703567bdff99d8981"},
	    {64, "c1bb4f81d892b2d57947682aeb252456"},
	    {65, "1bc932052302d074bdec39795fe00cf6"},
	};
	char many[65];

	(void)state;
	memset(many, 'x', sizeof(many));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_string_equal(
		    digest((struct str){many, lengths[i].len}, str_of("")),
		    lengths[i].digest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_digests),
	    cmocka_unit_test(lengths_about_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
