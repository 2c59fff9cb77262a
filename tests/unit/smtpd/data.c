/* data: one stream is one message, however it is cut; nothing but CR LF "." CR
 * LF ends it; the fast way and the table agree. */
#include "smtpd/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s)                                                               \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

enum { ROOM = 4096 };

typedef size_t decoder(struct data *, struct str *, char *);

struct result {
	struct data d;
	char text[ROOM];
	size_t len;
	size_t left; /* bytes behind the end of the message */
};

/* Decode what is in in two pieces, the first of cut bytes. */
static void
decode_as(
    struct result *r, bool counted, decoder *how, struct str in, size_t cut)
{
	struct str parts[] = {
	    str_slice(in, 0, cut), str_slice(in, cut, in.len)};

	memset(r, 0, sizeof(*r));
	r->d.counted = counted;
	assert_true(in.len <= ROOM);
	for (size_t i = 0; i < COUNT(parts); i++) {
		r->len += how(&r->d, &parts[i], r->text + r->len);
		r->left += parts[i].len;
	}
}

static void
decode(struct result *r, decoder *how, struct str in, size_t cut)
{
	decode_as(r, false, how, in, cut);
}

struct row {
	struct str wire; /* followed by CR LF "." CR LF and TAIL */
	bool bare;
	struct str text; /* where it is not bare */
};

#define TAIL "MAIL FROM:<evil@a.test>\r\n"

static const struct row rows[] = {
    {BYTES(""),		 false, BYTES("\n")              },
    {BYTES("a"),                false, BYTES("a\n")             },
    {BYTES("a\r\n"),            false, BYTES("a\n\n")           },
    {BYTES("..\r\n...a\r\n.b"), false, BYTES(".\n..a\nb\n")     },
    {BYTES("a\0b\r\n\0"),       false, BYTES("a\0b\n\0\n")      },
    {BYTES("a.\r\nb.c"),        false, BYTES("a.\nb.c\n")       },
    {BYTES("\x80\xff\t\x1b"),   false, BYTES("\x80\xff\t\x1b\n")},
 /* what others have taken for the end of a message */
    {BYTES("a\n.\nb"),          true,  BYTES("")                },
    {BYTES("a\n.\r\nb"),        true,  BYTES("")                },
    {BYTES("a\n.\rb"),          true,  BYTES("")                },
    {BYTES("a\r.\rb"),          true,  BYTES("")                },
    {BYTES("a\r.\nb"),          true,  BYTES("")                },
    {BYTES("a\r.\r\nb"),        true,  BYTES("")                },
    {BYTES("a\r\n.\nb"),        true,  BYTES("")                },
    {BYTES("a\r\n.\rb"),        true,  BYTES("")                },
    {BYTES("a\r\n\0.\r\nb"),    false, BYTES("a\n\0.\nb\n")     },
    {BYTES("a\r\n.\r\r\nb"),    true,  BYTES("")                },
    {BYTES("a\r\r\n.\r\r\nb"),  true,  BYTES("")                },
    {BYTES("a\r\n.\0\r\nb"),    false, BYTES("a\n\0\nb\n")      },
    {BYTES("a\r\n. \r\nb"),     false, BYTES("a\n \nb\n")       },
    {BYTES("a\r\n..\nb"),       true,  BYTES("")                },
    {BYTES("a\r\n.\t\r\nb"),    false, BYTES("a\n\t\nb\n")      },
    {BYTES("a\r"),              true,  BYTES("")                },
    {BYTES("\n"),               true,  BYTES("")                },
    {BYTES("a\n\r"),            true,  BYTES("")                },
    {BYTES("\r\r\r"),           true,  BYTES("")                },
};

static void
check_row(const struct row *row, decoder *how)
{
	char wire[ROOM];
	static const char end[] = "\r\n.\r\n" TAIL;
	size_t n = row->wire.len + sizeof(end) - 1;
	struct result r;

	memcpy(wire, row->wire.data, row->wire.len);
	memcpy(wire + row->wire.len, end, sizeof(end) - 1);
	for (size_t cut = 0; cut <= n; cut++) {
		decode(&r, how, (struct str){wire, n}, cut);
		assert_int_equal(r.d.state, DS_END);
		assert_int_equal(r.left, sizeof(TAIL) - 1);
		assert_int_equal(r.d.bare, row->bare);
		if (row->bare)
			continue;
		assert_int_equal(r.len, row->text.len);
		assert_memory_equal(r.text, row->text.data, r.len);
	}
}

static void
only_crlf_dot_crlf_ends_it_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check_row(&rows[i], data_decode);
		check_row(&rows[i], data_decode_slow);
	}
}

static void
a_dot_line_at_once_is_an_empty_message(void **state)
{
	struct result r;

	(void)state;
	decode(&r, data_decode, str_of(".\r\n"), 0);
	assert_int_equal(r.d.state, DS_END);
	assert_false(r.d.bare);
	assert_int_equal(r.len, 0);
	assert_int_equal(r.d.bytes, 0);
}

static void
size_counts_line_ends_and_no_stuffed_dots(void **state)
{
	struct result r;

	(void)state;
	decode(&r, data_decode, str_of("ab\r\n..c\r\n\r\n.\r\n"), 3);
	assert_int_equal(r.d.bytes, 10);
}

static const struct row counted_rows[] = {
    {BYTES(""),		false, BYTES("")           },
    {BYTES("a"),               false, BYTES("a")          },
    {BYTES("a\r\n"),           false, BYTES("a\n")        },
    {BYTES(".\r\n..\r\n.a"),   false, BYTES(".\n..\n.a")  },
    {BYTES("a\r\n.\r\nb\r\n"), false, BYTES("a\n.\nb\n")  },
    {BYTES("a\0\xff\r\n\0"),   false, BYTES("a\0\xff\n\0")},
    {BYTES("\n"),              true,  BYTES("")           },
    {BYTES("a\nb"),            true,  BYTES("")           },
    {BYTES("a\rb"),            true,  BYTES("")           },
    {BYTES("a\r"),             true,  BYTES("")           },
    {BYTES("a\r\r\n"),         true,  BYTES("")           },
    {BYTES("a\r\n.\r"),        true,  BYTES("")           },
    {BYTES("a\n.\r\n"),        true,  BYTES("")           },
    {BYTES("a\r.\r\n"),        true,  BYTES("")           },
};

static void
check_counted(const struct row *row, decoder *how)
{
	struct result r;

	for (size_t cut = 0; cut <= row->wire.len; cut++) {
		decode_as(&r, true, how, row->wire, cut);
		assert_int_not_equal(r.d.state, DS_END);
		assert_int_equal(r.left, 0);
		data_finish(&r.d);
		assert_int_equal(r.d.bare, row->bare);
		if (row->bare)
			continue;
		assert_int_equal(r.d.bytes, row->wire.len);
		assert_int_equal(r.len, row->text.len);
		assert_memory_equal(r.text, row->text.data, r.len);
	}
}

static void
where_bytes_are_counted_nothing_ends_it_and_dots_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(counted_rows); i++) {
		check_counted(&counted_rows[i], data_decode);
		check_counted(&counted_rows[i], data_decode_slow);
	}
}

/* L5: the size of a message is no 32-bit number. */
static void
a_message_may_pass_four_gibibytes(void **state)
{
	static decoder *const ways[] = {data_decode, data_decode_slow};

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct data d = {.bytes = UINT32_MAX - 3};
		struct str in = str_of("abcdef\r\n.\r\n");
		char out[16];

		assert_int_equal(ways[i](&d, &in, out), 7);
		assert_int_equal(d.state, DS_END);
		assert_true(d.bytes == UINT64_C(4294967300));
	}
}

static void
same_result(const struct result *a, const struct result *b)
{
	assert_int_equal(a->d.state, b->d.state);
	assert_int_equal(a->d.bare, b->d.bare);
	assert_int_equal(a->d.bytes, b->d.bytes);
	assert_int_equal(a->left, b->left);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->text, b->text, a->len);
}

/* Streams of few kinds of bytes meet every cell of the table. */
static void
the_fast_way_does_what_the_table_says(void **state)
{
	static const char alphabet[] = "\r\n\r\n\r\n..ab";
	char wire[64];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct result fast, slow;
		bool counted = round % 2 != 0;
		size_t n = 0;

		for (; n < sizeof(wire); n++) {
			seed = seed * 1103515245U + 12345U;
			wire[n] =
			    alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		decode_as(&fast, counted, data_decode, (struct str){wire, n},
		    seed % n);
		decode_as(
		    &slow, counted, data_decode_slow, (struct str){wire, n}, 0);
		same_result(&fast, &slow);
	}
}

/* Long enough for bytes that are looked at together: good lines of all lengths,
 * and now and then a byte of another kind anywhere.  Once where they stand. */
static void
long_stretches_are_what_the_table_says_and_may_stand_in_place(void **state)
{
	static const char odd[] = "\r\n.\0";
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 6000; round++) {
		struct result fast, slow, place = {.len = 0};
		bool counted = round % 2 != 0;
		char wire[ROOM];
		struct str in = {wire, 0}, rest = {place.text, ROOM};
		size_t lines = 0;

		while (in.len + 300 < ROOM - 200 * (size_t)(round % 15)) {
			size_t n = seed / 65536 % (round % 3 != 0 ? 90 : 298);

			seed = seed * 1103515245U + 12345U;
			memset(wire + in.len, lines++ % 7 ? 'x' : '.', n);
			wire[in.len + n] = '\r';
			wire[in.len + n + 1] = '\n';
			in.len += n + 2;
		}
		for (int i = 0; i < round % 4; i++) {
			seed = seed * 1103515245U + 12345U;
			wire[(seed >> 8) % in.len] = odd[(seed >> 4) % 4];
		}
		memcpy(place.text, wire, in.len);
		rest.len = in.len;
		place.d.counted = counted;
		decode_as(&fast, counted, data_decode, in, seed % in.len);
		decode_as(&slow, counted, data_decode_slow, in, 0);
		place.len = data_decode(&place.d, &rest, place.text);
		same_result(&fast, &slow);
		place.left = rest.len;
		same_result(&place, &slow);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_crlf_dot_crlf_ends_it_at_every_cut),
	    cmocka_unit_test(a_dot_line_at_once_is_an_empty_message),
	    cmocka_unit_test(size_counts_line_ends_and_no_stuffed_dots),
	    cmocka_unit_test(
		where_bytes_are_counted_nothing_ends_it_and_dots_stay),
	    cmocka_unit_test(a_message_may_pass_four_gibibytes),
	    cmocka_unit_test(the_fast_way_does_what_the_table_says),
	    cmocka_unit_test(
		long_stretches_are_what_the_table_says_and_may_stand_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
