/* encoder: what STAT counts is what RETR sends, in any pieces. */
#include "pop3d/encoder.h"

#include "pop3d/count.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(lit)                                                             \
	{                                                                      \
		lit, sizeof(lit) - 1                                           \
	}

struct sink {
	char data[1024];
	size_t len;
};

static ssize_t
sink_write(struct channel *c, const void *data, size_t size)
{
	struct sink *s = c->context;

	assert_true(s->len + size <= sizeof(s->data));
	memcpy(s->data + s->len, data, size);
	s->len += size;
	return (ssize_t)size;
}

/* Encode in pieces of step bytes; returns the octets counted. */
static uint64_t
encode(struct str in, uint64_t lines, size_t step, struct sink *s)
{
	struct channel c = {.write = sink_write, .context = s};
	char storage[64];
	struct writer w;
	struct encoder e;

	s->len = 0;
	writer_open(&w, &c, storage, sizeof(storage));
	encoder_open(&e, &w, lines);
	for (size_t at = 0; at < in.len; at += step)
		if (!encoder_put(&e, str_slice(in, at, at + step)))
			break;
	encoder_end(&e);
	assert_true(writer_flush(&w));
	return e.octets;
}

static void
count_of(struct str in, size_t step, uint64_t want)
{
	struct count c = {.octets = 0};

	for (size_t at = 0; at < in.len; at += step)
		count_add(&c, str_slice(in, at, at + step));
	count_add(&c, (struct str){NULL, 0});
	assert_int_equal(count_end(&c), want);
}

static void
lines_are_ended_and_dots_doubled(void **state)
{
	static const struct {
		struct str in, want;
		size_t doubled;
	} rows[] = {
	    {BYTES(""),                BYTES(""),                       0},
	    {BYTES("a\n"),             BYTES("a\r\n"),                  0},
	    {BYTES("a\r\n"),           BYTES("a\r\n"),                  0},
	    {BYTES("a"),               BYTES("a\r\n"),                  0},
	    {BYTES("a\r"),             BYTES("a\r\r\n"),                0},
	    {BYTES("\n"),              BYTES("\r\n"),                   0},
	    {BYTES("\n\n"),            BYTES("\r\n\r\n"),               0},
	    {BYTES("\r\n"),            BYTES("\r\n"),                   0},
	    {BYTES("\r\r\n"),          BYTES("\r\r\n"),                 0},
	    {BYTES("a\rb\n"),          BYTES("a\rb\r\n"),               0},
	    {BYTES("a\0b\n\0"),        BYTES("a\0b\r\n\0\r\n"),         0},
	    {BYTES(".\n"),             BYTES("..\r\n"),                 1},
	    {BYTES("."),               BYTES("..\r\n"),                 1},
	    {BYTES("..\n"),            BYTES("...\r\n"),                1},
	    {BYTES("a.\n.a\n.\n"),     BYTES("a.\r\n..a\r\n..\r\n"),    2},
	    {BYTES("\r.\n"),           BYTES("\r.\r\n"),                0},
	    {BYTES("x\r\n.\r\n"),      BYTES("x\r\n..\r\n"),            1},
	    {BYTES("\xff\x80\n.\xff"), BYTES("\xff\x80\r\n..\xff\r\n"), 1},
	};
	struct sink s;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t step = 1; step <= rows[i].in.len + 1; step++) {
			uint64_t n = encode(rows[i].in, ENCODER_ALL, step, &s);

			assert_int_equal(s.len, rows[i].want.len);
			assert_memory_equal(s.data, rows[i].want.data, s.len);
			assert_int_equal(n, s.len - rows[i].doubled);
			count_of(rows[i].in, step, n);
		}
}

static void
top_sends_header_and_lines(void **state)
{
	static const struct {
		struct str in;
		uint64_t lines;
		struct str want;
	} rows[] = {
	    {BYTES("h\nk\n\na\nb\n"),    0, BYTES("h\r\nk\r\n\r\n")     },
	    {BYTES("h\n\na\nb\n"),       1, BYTES("h\r\n\r\na\r\n")     },
	    {BYTES("h\n\n\nb\n"),        1, BYTES("h\r\n\r\n\r\n")      },
	    {BYTES("h\n\na\nb"),         2, BYTES("h\r\n\r\na\r\nb\r\n")},
	    {BYTES("h\n\na\nb"),         9, BYTES("h\r\n\r\na\r\nb\r\n")},
	    {BYTES("h\r\n\r\na\r\nb\n"), 1, BYTES("h\r\n\r\na\r\n")     },
	    {BYTES("h\n\r\r\n\na\n"),    0, BYTES("h\r\n\r\r\n\r\n")    },
	    {BYTES("\na\n"),             0, BYTES("\r\n")               },
	    {BYTES("h\nno body"),        0, BYTES("h\r\nno body\r\n")   },
	    {BYTES("h\n\n.\n.\n"),       1, BYTES("h\r\n\r\n..\r\n")    },
	};
	struct sink s;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t step = 1; step <= rows[i].in.len; step++) {
			(void)encode(rows[i].in, rows[i].lines, step, &s);
			assert_int_equal(s.len, rows[i].want.len);
			assert_memory_equal(s.data, rows[i].want.data, s.len);
		}
}

static void
enough_is_said_at_once(void **state)
{
	struct sink s = {.len = 0};
	struct channel c = {.write = sink_write, .context = &s};
	char storage[64];
	struct writer w;
	struct encoder e;

	(void)state;
	writer_open(&w, &c, storage, sizeof(storage));
	encoder_open(&e, &w, 1);
	assert_true(encoder_put(&e, str_of("h\n\n")));
	assert_false(encoder_put(&e, str_of("a\nb\n")));
	encoder_end(&e);
	assert_int_equal(e.octets, strlen("h\r\n\r\na\r\n"));
}

/* The rule once more, a byte at a time, against random text of few letters. */
static size_t
spec(struct str in, char *out)
{
	size_t n = 0, start = 1;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.data[i];

		if (start && c == '.')
			out[n++] = '.';
		if (c == '\n' && (start || in.data[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = c;
		start = c == '\n';
	}
	if (!start) {
		out[n++] = '\r';
		out[n++] = '\n';
	}
	return n;
}

static void
same_as_the_rule_a_byte_at_a_time(void **state)
{
	static const char letters[] = {'\r', '\n', '.', 'a', '\0'};
	unsigned seed = 1;
	struct sink s;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char in[40], want[sizeof(in) * 3];
		size_t len;
		uint64_t n;

		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = letters[(seed >> 16) % sizeof(letters)];
		}
		len = (seed >> 8) % sizeof(in);
		n = encode(
		    (struct str){in, len}, ENCODER_ALL, 1 + seed % 7, &s);
		count_of((struct str){in, len}, 1 + seed % 5, n);
		assert_int_equal(s.len, spec((struct str){in, len}, want));
		assert_memory_equal(s.data, want, s.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_ended_and_dots_doubled),
	    cmocka_unit_test(top_sends_header_and_lines),
	    cmocka_unit_test(enough_is_said_at_once),
	    cmocka_unit_test(same_as_the_rule_a_byte_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
