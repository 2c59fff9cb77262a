/* stream: lines are the same however the bytes come; a wrong one is told and
 * the next is read; replies wait for the client's pipeline and no longer. */
#include "smtpd/stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s)                                                               \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

/* Bytes that come in pieces; at their end the client has closed. */
struct script {
	struct str rest;
	size_t piece;
	int writes;
};

static ssize_t
scripted_read(struct channel *c, void *data, size_t size)
{
	struct script *s = c->context;
	size_t n = s->rest.len < s->piece ? s->rest.len : s->piece;

	if (n > size)
		n = size;
	if (n > 0)
		memcpy(data, s->rest.data, n);
	s->rest = str_slice(s->rest, n, s->rest.len);
	return (ssize_t)n;
}

static ssize_t
counted_write(struct channel *c, const void *data, size_t size)
{
	struct script *s = c->context;

	(void)data;
	s->writes++;
	return (ssize_t)size;
}

static struct stream *
open_script(struct script *script)
{
	static struct stream s;

	stream_open(&s, -1, -1, 10);
	s.input.context = s.output.context = script;
	s.input.read = scripted_read;
	s.output.write = counted_write;
	return &s;
}

struct row {
	struct str in;
	enum stream_result results[4];
};

static const struct row rows[] = {
    {BYTES("NOOP\r\nQUIT\r\n"),       {STREAM_OK, STREAM_OK, STREAM_END}     },
    {BYTES("\r\n\r\n"),               {STREAM_OK, STREAM_OK, STREAM_END}     },
    {BYTES("NOOP\nQUIT\r\n"),         {STREAM_BARE, STREAM_OK, STREAM_END}   },
    {BYTES("\nQUIT\r\n"),             {STREAM_BARE, STREAM_OK, STREAM_END}   },
    {BYTES("NO\rOP\r\nQUIT\r\n"),     {STREAM_CONTROL, STREAM_OK, STREAM_END}},
    {BYTES("NOOP\r\r\nQUIT\r\n"),     {STREAM_CONTROL, STREAM_OK, STREAM_END}},
    {BYTES("NO\0OP\r\nQUIT\r\n"),     {STREAM_CONTROL, STREAM_OK, STREAM_END}},
    {BYTES("NO\x7fOP\r\nNO\tOP\r\n"), {STREAM_CONTROL, STREAM_OK, STREAM_END}},
    {BYTES("NOOP\x80\xff\r\n"),       {STREAM_OK, STREAM_END}                },
    {BYTES("\x16\x03\x01"),           {STREAM_FOREIGN}                       },
    {BYTES("NOOP"),                   {STREAM_END}                           },
    {BYTES("NOOP\r"),                 {STREAM_END}                           },
    {BYTES(""),		       {STREAM_END}                           },
};

static void
check_row(const struct row *row, size_t piece)
{
	struct script script = {row->in, piece, 0};
	struct stream *s = open_script(&script);
	struct str line;

	for (size_t i = 0; i < COUNT(row->results); i++) {
		assert_int_equal(stream_line(s, &line), row->results[i]);
		if (row->results[i] == STREAM_END ||
		    row->results[i] == STREAM_FOREIGN)
			break;
	}
}

static void
a_wrong_line_is_told_and_the_next_is_in_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t piece = 1; piece <= 16; piece++)
			check_row(&rows[i], piece);
}

/* n bytes of 'x', then text. */
static struct str
padded(size_t n, const char *text)
{
	static char all[STREAM_FLOOD + 100];
	struct str end = str_of(text);

	assert_true(n + end.len <= sizeof(all));
	memset(all, 'x', n);
	memcpy(all + n, end.data, end.len);
	return (struct str){all, n + end.len};
}

static void
a_long_line_is_skipped_and_an_endless_one_ends_the_talk(void **state)
{
	static const size_t pieces[] = {1, 1000, 1023, 4096, 1 << 20};
	struct str line;

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct script script = {
		    padded(STREAM_LINE - 2, "\r\nA\r\n"), pieces[i], 0};
		struct stream *s = open_script(&script);

		assert_int_equal(stream_line(s, &line), STREAM_OK);
		assert_int_equal(line.len, STREAM_LINE - 2);
		assert_int_equal(stream_line(s, &line), STREAM_OK);

		script.rest = padded(STREAM_LINE - 1, "\r\nA\r\n");
		s = open_script(&script);
		assert_int_equal(stream_line(s, &line), STREAM_LONG);
		assert_int_equal(stream_line(s, &line), STREAM_OK);
		assert_true(str_equal(line, str_of("A")));

		script.rest = padded(STREAM_FLOOD + 1, "\r\nA\r\n");
		s = open_script(&script);
		assert_int_not_equal(stream_line(s, &line), STREAM_OK);
	}
}

static void
endless_line_without_lf_is_given_up(void **state)
{
	struct script script = {padded(STREAM_FLOOD + 1, ""), 4096, 0};
	struct stream *s = open_script(&script);
	struct str line;

	(void)state;
	assert_int_equal(stream_line(s, &line), STREAM_FOREIGN);
}

static void
replies_of_a_pipeline_are_one_write(void **state)
{
	struct script script = {str_of("A\r\nB\r\nC\r\nD"), 64, 0};
	struct stream *s = open_script(&script);
	struct str line;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stream_line(s, &line), STREAM_OK);
		assert_int_equal(script.writes, 0);
		writer_text(&s->writer, "250 ok\r\n");
	}
	assert_int_equal(stream_line(s, &line), STREAM_END);
	assert_int_equal(script.writes, 1);
}

static void
a_reply_is_out_before_the_rest_of_a_line_is_waited_for(void **state)
{
	struct script script = {str_of("A\r\nB"), 64, 0};
	struct stream *s = open_script(&script);
	struct str line;

	(void)state;
	assert_int_equal(stream_line(s, &line), STREAM_OK);
	writer_text(&s->writer, "250 ok\r\n");
	assert_int_equal(stream_line(s, &line), STREAM_END);
	assert_int_equal(script.writes, 1);
}

static void
silence_and_closing_are_told_apart(void **state)
{
	static struct stream s;
	struct str bytes;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	stream_open(&s, ends[0], ends[0], 1);
	s.timeout_ms = 1;
	assert_false(stream_early(&s));
	assert_int_equal(stream_peek(&s, &bytes), STREAM_TIMEOUT);
	s.timeout_ms = 60000;
	s.deadline = 1;
	assert_int_equal(stream_peek(&s, &bytes), STREAM_TIMEOUT);
	s.deadline = 0;
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(stream_early(&s));
	assert_int_equal(stream_peek(&s, &bytes), STREAM_OK);
	reader_consume(&s.reader, 1);
	assert_int_equal(close(ends[1]), 0);
	assert_false(stream_early(&s));
	assert_int_equal(stream_peek(&s, &bytes), STREAM_END);
	assert_int_equal(close(ends[0]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wrong_line_is_told_and_the_next_is_in_step),
	    cmocka_unit_test(
		a_long_line_is_skipped_and_an_endless_one_ends_the_talk),
	    cmocka_unit_test(endless_line_without_lf_is_given_up),
	    cmocka_unit_test(replies_of_a_pipeline_are_one_write),
	    cmocka_unit_test(
		a_reply_is_out_before_the_rest_of_a_line_is_waited_for),
	    cmocka_unit_test(silence_and_closing_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
