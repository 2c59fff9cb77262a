/* letter: whom a report goes to, and that what was packed is what comes out. */
#include "policy/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The same numbers in every run. */
static size_t
pick(void)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (size_t)(seed >> 33);
}

static void
places_become_addresses(void **state)
{
	static const struct {
		const char *place, *address; /* NULL: none */
	} rows[] = {
	    {"a@b.example",           "a@b.example"  },
	    {"a%2Bb@c.example",       "a+b@c.example"},
	    {"a%0ATo:%20x@c.example", NULL           },
	    {"a@[192.0.2.1]",         NULL           },
	    {"@b.example",            NULL           },
	    {"a@",		    NULL           },
	    {"postmaster",            NULL           },
	    {"a%",		    NULL           },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		bool ok = letter_address(&b, str_of(rows[i].place));

		if (ok != (rows[i].address != NULL) ||
		    (ok && !str_equal(buf_str(&b), str_of(rows[i].address))))
			fail_msg("%s", rows[i].place);
		buf_free(&b);
	}
}

static void
gzip_holds_all(void **state)
{
	static char text[100000], out[sizeof(text) + 1];
	struct buf b = {0}, small = {.max = 10};
	z_stream z = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)pick();
	assert_true(letter_gzip(&b, (struct str){text, sizeof(text)}));
	assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
	z.next_in = (unsigned char *)b.data;
	z.avail_in = (unsigned)b.len;
	z.next_out = (unsigned char *)out;
	z.avail_out = sizeof(out);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, sizeof(text));
	assert_memory_equal(out, text, sizeof(text));
	(void)inflateEnd(&z);
	assert_false(letter_gzip(&small, (struct str){text, sizeof(text)}));
	assert_int_equal(small.len, 0);
	buf_free(&b);
	buf_free(&small);
}

static void
no_line_of_the_letter_is_long_and_it_ends(void **state)
{
	static char bytes[1000];
	struct report r = {.domain = str_of("a.example"),
	    .start = 1795651200,
	    .submitter = str_of("me.example"),
	    .contact = str_of("tls@me.example")};
	struct str rest, line, last = {"", 0};
	struct buf b = {0};

	(void)state;
	for (size_t n = 0; n < 200; n++) {
		buf_clear(&b);
		assert_true(letter_write(&b, &r, str_of("x@a.example"),
		    (struct str){bytes, n}, 1795738000));
		rest = buf_str(&b);
		while (str_cut(&rest, '\n', &line)) {
			assert_in_range(line.len, 0, 998);
			last = line;
		}
		assert_true(str_starts(last, str_of("--2026-11-26.")));
		assert_true(str_ends(last, str_of("--")));
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(places_become_addresses),
	    cmocka_unit_test(gzip_holds_all),
	    cmocka_unit_test(no_line_of_the_letter_is_long_and_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
