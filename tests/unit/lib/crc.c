/* crc: it is zlib's, whatever the length, the place and the pieces. */
#include "lib/crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <cmocka.h>

enum { LONGEST = 3000 };

static char bytes[LONGEST + 16];

static int
fill(void **state)
{
	unsigned n = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		n = n * 1103515245 + 12345;
		bytes[i] = (char)(n >> 16);
	}
	return 0;
}

static uint32_t
of_zlib(uint32_t crc, struct str s)
{
	return (uint32_t)crc32(crc, (const Bytef *)s.data, (uInt)s.len);
}

static void
it_is_the_one_that_everybody_knows(void **state)
{
	(void)state;
	assert_int_equal(crc_add(0, str_of("123456789")), 0xcbf43926);
	assert_int_equal(crc_add(0, (struct str){NULL, 0}), 0);
	assert_int_equal(crc_add(4711, (struct str){NULL, 0}), 4711);
}

static void
every_length_from_every_place_is_what_zlib_says(void **state)
{
	(void)state;
	for (size_t len = 0; len <= LONGEST; len++)
		for (size_t from = 0; from < 16; from += 5) {
			struct str s = {bytes + from, len};

			assert_int_equal(crc_add(0, s), of_zlib(0, s));
			assert_int_equal(crc_add((uint32_t)len * 77777777, s),
			    of_zlib((uint32_t)len * 77777777, s));
		}
}

static void
pieces_make_the_whole(void **state)
{
	const struct str all = {bytes, LONGEST};

	(void)state;
	for (size_t cut = 0; cut <= LONGEST; cut++)
		assert_int_equal(crc_add(crc_add(0, str_slice(all, 0, cut)),
				     str_slice(all, cut, LONGEST)),
		    of_zlib(0, all));
}

/* Where a carry would show: all bits set, one bit set. */
static void
plain_bytes_are_what_zlib_says(void **state)
{
	static char plain[1024];
	const struct str s = {plain, sizeof(plain)};

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		for (size_t i = 0; i < sizeof(plain); i++)
			plain[i] = (char)byte;
		assert_int_equal(crc_add(0, s), of_zlib(0, s));
	}
	for (size_t bit = 0; bit < 8 * sizeof(plain); bit++) {
		for (size_t i = 0; i < sizeof(plain); i++)
			plain[i] = (char)(i == bit / 8 ? 1 << bit % 8 : 0);
		assert_int_equal(crc_add(0, s), of_zlib(0, s));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_the_one_that_everybody_knows),
	    cmocka_unit_test(every_length_from_every_place_is_what_zlib_says),
	    cmocka_unit_test(pieces_make_the_whole),
	    cmocka_unit_test(plain_bytes_are_what_zlib_says),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
