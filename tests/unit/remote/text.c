/* text: what leaves is lines of CR LF, at every boundary of a read buffer, and
 * nothing in a message ends it but its end (attacks 3.1, outbound). */
#include "remote/text.h"

#include "lib/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(text)                                                            \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}
#define EVIL                                                                   \
	"MAIL FROM:<evil@a.test>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n"        \
	"Subject: smuggled\r\n\r\nx"

/* Put in in pieces that end at the given places; the end as well.  To count is
 * to do the same. */
static void
put(struct buf *out, bool dots, struct str in, size_t first, size_t piece)
{
	char room[TEXT_ROOM(8192)];
	struct text t, counting;
	size_t at = 0, n;

	text_begin(&t, dots);
	text_begin(&counting, dots);
	while (at < in.len) {
		size_t want = at == 0 && first > 0 ? first : piece;
		struct str part = str_slice(in, at, at + want);

		n = text_put(&t, part, room);
		assert_true(n <= TEXT_ROOM(part.len));
		assert_int_equal(text_put(&counting, part, NULL), n);
		assert_true(buf_append(out, room, n));
		at += part.len;
	}
	n = text_end(&t, room);
	assert_true(n <= TEXT_END);
	assert_int_equal(text_end(&counting, NULL), n);
	assert_true(buf_append(out, room, n));
}

static void
gives_lines(void **state)
{
	static const struct {
		struct str in, dots, plain;
	} rows[] = {
	    {BYTES(""),              BYTES(""),                     BYTES("")            },
	    {BYTES("a"),             BYTES("a\r\n"),                BYTES("a\r\n")       },
	    {BYTES("a\n"),           BYTES("a\r\n"),                BYTES("a\r\n")       },
	    {BYTES("a\r\n"),         BYTES("a\r\n"),                BYTES("a\r\n")       },
	    {BYTES("a\r"),           BYTES("a\r\n"),                BYTES("a\r\n")       },
	    {BYTES("a\rb\n"),        BYTES("a\r\nb\r\n"),           BYTES("a\r\nb\r\n")  },
	    {BYTES("a\r\r\n"),       BYTES("a\r\n\r\n"),            BYTES("a\r\n\r\n")   },
	    {BYTES("\n\n"),          BYTES("\r\n\r\n"),             BYTES("\r\n\r\n")    },
	    {BYTES("."),             BYTES("..\r\n"),               BYTES(".\r\n")       },
	    {BYTES(".\n"),           BYTES("..\r\n"),               BYTES(".\r\n")       },
	    {BYTES("..\n.a\nb.\n"),  BYTES("...\r\n..a\r\nb.\r\n"),
             BYTES("..\r\n.a\r\nb.\r\n")						 },
	    {BYTES("a\r.\r"),        BYTES("a\r\n..\r\n"),          BYTES("a\r\n.\r\n")  },
	    {BYTES("a\0b\0\n\0.\n"), BYTES("a\0b\0\r\n\0.\r\n"),
             BYTES("a\0b\0\r\n\0.\r\n")						  },
	    {BYTES("\xff\x80\n"),    BYTES("\xff\x80\r\n"),         BYTES("\xff\x80\r\n")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t piece = 1; piece < 5; piece++) {
			struct buf dots = {.max = 0}, plain = {.max = 0};

			put(&dots, true, rows[i].in, 0, piece);
			put(&plain, false, rows[i].in, 0, piece);
			assert_true(str_equal(buf_str(&dots), rows[i].dots));
			assert_true(str_equal(buf_str(&plain), rows[i].plain));
			buf_free(&dots);
			buf_free(&plain);
		}
	}
}

/* No CR without LF, no LF without CR, and no line of a single dot. */
static void
check_harmless(struct str out, bool dots)
{
	size_t start = 0;

	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] == '\r')
			assert_true(i + 1 < out.len && out.data[i + 1] == '\n');
		if (out.data[i] != '\n')
			continue;
		assert_true(i > 0 && out.data[i - 1] == '\r');
		if (dots)
			assert_false(i - start == 2 && out.data[start] == '.');
		start = i + 1;
	}
	assert_int_equal(start, out.len);
}

/* What a server makes of it: dots taken away again, and at the end nothing but
 * what was sent. */
static void
check_same(struct str dots, struct str plain)
{
	bool start = true;
	size_t j = 0;

	for (size_t i = 0; i < dots.len; i++) {
		if (start && dots.data[i] == '.')
			i++;
		assert_true(i < dots.len && j < plain.len);
		assert_int_equal(dots.data[i], plain.data[j]);
		start = plain.data[j++] == '\n';
	}
	assert_int_equal(j, plain.len);
}

/* The names are those of the table of attacks. */
static const struct str smuggling[] = {
    BYTES("\n.\n"),                /* S1 */
    BYTES("\n.\r\n"),              /* S2 */
    BYTES("\n.\r"),                /* S3 */
    BYTES("\r.\r"),                /* S4 */
    BYTES("\r.\n"),                /* S5 */
    BYTES("\r.\r\n"),              /* S6 */
    BYTES("\r\n.\n"),              /* S7 */
    BYTES("\r\n.\r"),              /* S8 */
    BYTES("\r\n\0.\r\n"),          /* S9 */
    BYTES("\r\n.\r\n"),            /* S10 */
    BYTES("\r\n.\r\r\n"),          /* S11 */
    BYTES("\r\r\n.\r\r\n"),        /* S12 */
    BYTES("\r\n.\0\r\n"),          /* S13 */
    BYTES("\r\n. \r\n"),           /* S14 */
    BYTES("\r\n..\n"),             /* S14 */
    BYTES("\r\n.\t\r\n"),          /* S14 */
    BYTES("\n.\r\r\n.\r\n\n.\n."), /* several */
};

/* Each sequence at each place of two reads, and a byte at a time. */
static void
nothing_ends_it_early(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(smuggling); i++) {
		struct buf in = {.max = 0};

		assert_true(buf_append_text(&in, "Subject: x\n\nhello") &&
			    buf_append_str(&in, smuggling[i]) &&
			    buf_append_text(&in, EVIL) &&
			    buf_append_str(&in, smuggling[i]));
		for (size_t first = 1; first <= in.len; first++) {
			size_t piece = first % 2 == 0 ? in.len : 1;
			struct buf dots = {.max = 0}, plain = {.max = 0};

			put(&dots, true, buf_str(&in), first, piece);
			put(&plain, false, buf_str(&in), first, piece);
			check_harmless(buf_str(&dots), true);
			check_harmless(buf_str(&plain), false);
			check_same(buf_str(&dots), buf_str(&plain));
			buf_free(&dots);
			buf_free(&plain);
		}
		buf_free(&in);
	}
}

/* The sizes of buffers that are in use (S15). */
static void
nothing_ends_it_at_a_buffers_end(void **state)
{
	static const size_t sizes[] = {1023, 1024, 4095, 4096, 4097};

	(void)state;
	for (size_t i = 0; i < COUNT(smuggling); i++) {
		for (size_t s = 0; s < COUNT(sizes); s++) {
			for (size_t back = 0; back <= smuggling[i].len;
			     back++) {
				struct buf in = {.max = 0}, out = {.max = 0};

				while (in.len < sizes[s] - back)
					assert_true(buf_append_byte(&in, 'x'));
				assert_true(buf_append_str(&in, smuggling[i]) &&
					    buf_append_text(&in, EVIL));
				put(&out, true, buf_str(&in), 0, sizes[s]);
				check_harmless(buf_str(&out), true);
				buf_free(&in);
				buf_free(&out);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_lines),
	    cmocka_unit_test(nothing_ends_it_early),
	    cmocka_unit_test(nothing_ends_it_at_a_buffers_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
