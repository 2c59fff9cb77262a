/* utf8: what RFC 3629 allows, and nothing that only looks like it. */
#include "lib/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* An encoder of our own judgement, to compare the table with. */
static size_t
encode(unsigned point, unsigned char out[4])
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	for (size_t i = n; i > 1; i--, point >>= 6)
		out[i - 1] = (unsigned char)(0x80 | (point & 0x3f));
	out[0] = (unsigned char)(lead[n] | point);
	return n;
}

static void
every_character_beyond_ascii_and_its_controls(void **state)
{
	unsigned char bytes[4];

	(void)state;
	for (unsigned point = 0x80; point < 0x140000; point++) {
		size_t n = encode(point, bytes);
		struct str s = {(const char *)bytes, n};
		bool good = point >= 0xa0 && point <= 0x10ffff &&
			    (point < 0xd800 || point > 0xdfff);

		if (utf8_length(s, 0) != (good ? n : 0))
			fail_msg("U+%04X", point);
		s.len--;
		assert_int_equal(utf8_length(s, 0), 0);
	}
}

static void
whole_texts(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
	    {"",		  true },
	    {"plain\r\n",         true },
	    {"J\xc3\xb6rg",       true },
	    {"\xf0\x9f\x95\x8a!", true },
	    {"\x80",              false},
	    {"\xc0\x80",          false},
	    {"\xc1\xbf",          false},
	    {"\xe0\x9f\xbf",      false},
	    {"\xed\xa0\x80",      false},
	    {"\xf0\x8f\xbf\xbf",  false},
	    {"\xf4\x90\x80\x80",  false},
	    {"\xf5\x80\x80\x80",  false},
	    {"\xff",              false},
	    {"a\xc3",             false},
	    {"\xc3(",             false},
	    {"\xe2\x82(",         false},
	    {"\xc2\x9b"
	     "31m",  false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (utf8_valid(str_of(rows[i].text)) != rows[i].valid)
			fail_msg("row %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_character_beyond_ascii_and_its_controls),
	    cmocka_unit_test(whole_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
