/* io: lines and bytes however they are cut, limits, and failures that stay. */
#include "lib/io.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A peer that sends text in parts, and takes what is written by parts. */
struct script {
	const char *text;
	size_t left, part;
	int error;        /* errno after the text, 0 for the end */
	struct buf taken; /* up to its max, then EPIPE */
	size_t calls;
};

static ssize_t
script_read(struct channel *c, void *data, size_t size)
{
	struct script *s = c->context;
	size_t n = s->left < s->part ? s->left : s->part;

	assert_true(size > 0);
	s->calls++;
	if (n > size)
		n = size;
	if (n == 0 && s->error != 0) {
		errno = s->error;
		return -1;
	}
	memcpy(data, s->text, n);
	s->text += n;
	s->left -= n;
	return (ssize_t)n;
}

static ssize_t
script_write(struct channel *c, const void *data, size_t size)
{
	struct script *s = c->context;
	size_t n = size < s->part ? size : s->part;

	assert_true(size > 0);
	s->calls++;
	if (!buf_append(&s->taken, data, n)) {
		errno = EPIPE;
		return -1;
	}
	return (ssize_t)n;
}

static void
open_script(struct channel *c, struct script *s, const char *text, size_t part)
{
	*s = (struct script){.text = text, .left = strlen(text), .part = part};
	*c = (struct channel){
	    .fd = -1, .context = s, .read = script_read, .write = script_write};
}

enum { STORAGE = 8 };

static const struct {
	const char *text;
	const char *want; /* one letter a result, the line, '|' */
} rows[] = {
    {"",		       "E"	       },
    {"a\r\nb\r\n",             "oa|ob|E"         },
    {"a\nb\r\n",               "na|ob|E"         },
    {"\r\n\n",		 "o|n|E"           },
    {"a\rb\r\n",               "oa\rb|E"         },
    {"a\r\r\n",		"oa\r|E"          },
    {"lost",		   "E"               },
    {"a\r\nlost",              "oa|E"            },
    {"123456\r\n",             "o123456|E"       },
    {"1234567\n",              "n1234567|E"      },
    {"12345678\n",             "L|E"             },
    {"1234567\r\nok\r\n",      "L|ook|E"         },
    {"0123456789abcdef\nok\n", "L|nok|E"         },
    {"0123456789abcdef",       "E"               },
    {"12\r\n0123456789\r\n\n", "o12|L|n|E"       },
    {"a\r\n123456\r\nbc\r\n",  "oa|o123456|obc|E"},
};

/* All lines of a reader, told as rows tell them. */
static void
tell(struct reader *r, struct buf *told)
{
	struct str line;
	bool bare = false;

	for (;;) {
		enum line_result result = reader_line(r, &line, &bare);
		const char *letter = bare ? "n" : "o";

		if (result == LINE_LONG)
			letter = "L";
		if (result == LINE_ERROR)
			letter = "!";
		if (result == LINE_EOF)
			letter = "E";
		assert_true(buf_append_text(told, letter));
		if (result == LINE_EOF || result == LINE_ERROR)
			return;
		if (result == LINE_OK)
			assert_true(buf_append_str(told, line));
		assert_true(buf_append_byte(told, '|'));
	}
}

static void
lines_are_the_same_however_the_bytes_come(void **state)
{
	char storage[STORAGE];
	struct channel c;
	struct script s;
	struct reader r;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t part = 1; part <= 20; part++) {
			struct buf told = {0};

			open_script(&c, &s, rows[i].text, part);
			reader_open(&r, &c, storage, sizeof(storage));
			tell(&r, &told);
			assert_true(buf_terminate(&told));
			assert_string_equal(told.data, rows[i].want);
			buf_free(&told);
		}
}

static void
an_error_is_no_end(void **state)
{
	static const char *const texts[] = {"", "ab", "0123456789"};
	char storage[STORAGE];
	struct channel c;
	struct script s;
	struct reader r;
	struct str line;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		open_script(&c, &s, texts[i], 3);
		s.error = ETIMEDOUT;
		reader_open(&r, &c, storage, sizeof(storage));
		assert_int_equal(reader_line(&r, &line, NULL), LINE_ERROR);
		assert_int_equal(errno, ETIMEDOUT);
	}
}

static void
the_end_is_asked_for_once(void **state)
{
	char storage[STORAGE];
	struct channel c;
	struct script s;
	struct reader r;
	struct str bytes;

	(void)state;
	open_script(&c, &s, "", 1);
	reader_open(&r, &c, storage, sizeof(storage));
	errno = EBADF;
	assert_false(reader_peek(&r, &bytes));
	assert_int_equal(errno, 0);
	assert_int_equal(reader_line(&r, &bytes, NULL), LINE_EOF);
	assert_false(reader_peek(&r, &bytes));
	assert_int_equal(s.calls, 1);
}

static void
peeked_bytes_stay_until_consumed(void **state)
{
	char storage[STORAGE];
	struct channel c;
	struct script s;
	struct reader r;
	struct str bytes;

	(void)state;
	open_script(&c, &s, "a\r\nbcdefgh", 5);
	reader_open(&r, &c, storage, sizeof(storage));
	assert_false(reader_pending(&r));
	assert_int_equal(reader_line(&r, &bytes, NULL), LINE_OK);
	assert_true(reader_pending(&r));
	for (int i = 0; i < 2; i++) {
		assert_true(reader_peek(&r, &bytes));
		assert_true(str_equal(bytes, str_of("bc")));
	}
	reader_consume(&r, 1);
	assert_ptr_equal(reader_place(&r), bytes.data + 1);
	assert_true(reader_peek(&r, &bytes));
	assert_true(str_equal(bytes, str_of("c")));
	assert_int_equal(s.calls, 1);
	reader_consume(&r, SIZE_MAX);
	assert_false(reader_pending(&r));
	assert_true(reader_peek(&r, &bytes));
	assert_true(str_equal(bytes, str_of("defgh")));
}

static void
written_bytes_arrive_whole_and_in_order(void **state)
{
	char storage[STORAGE];
	struct channel c;
	struct script s;
	struct writer w;

	(void)state;
	for (size_t part = 1; part <= 40; part++) {
		open_script(&c, &s, "", part);
		writer_open(&w, &c, storage, sizeof(storage));
		writer_text(&w, "250 ");
		writer_number(&w, 1234);
		assert_int_equal(s.calls, 0);
		writer_str(&w, str_of("-"));
		writer_put(&w, "0123456789abcdef", 16);
		writer_put(&w, NULL, 0);
		writer_put(&w, "!", 1);
		assert_true(writer_flush(&w));
		assert_true(writer_flush(&w));
		assert_true(str_equal(
		    buf_str(&s.taken), str_of("250 1234-0123456789abcdef!")));
		buf_free(&s.taken);
	}
}

static void
a_failed_writer_stays_failed_and_writes_no_more(void **state)
{
	char storage[STORAGE];
	struct channel c;
	struct script s;
	struct writer w;

	(void)state;
	open_script(&c, &s, "", 1);
	s.taken.max = 3;
	writer_open(&w, &c, storage, sizeof(storage));
	writer_text(&w, "abcdef");
	writer_text(&w, "ghijkl");
	s.taken.max = 0;
	writer_text(&w, "0123456789");
	errno = 0;
	assert_false(writer_flush(&w));
	assert_int_equal(errno, EPIPE);
	errno = 0;
	assert_false(writer_flush(&w));
	assert_int_equal(errno, EPIPE);
	assert_true(str_equal(buf_str(&s.taken), str_of("abc")));
	buf_free(&s.taken);
}

static void
kind_of_ends(int kind, int ends[2])
{
	if (kind == 0)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	else
		assert_int_equal(pipe(ends), 0);
}

/* A peer that neither sends nor reads costs a second, on a blocking
 * descriptor too, and a pipe is no worse than a socket. */
static void
a_silent_peer_is_given_up(void **state)
{
	static char block[1 << 20];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct channel in, out;
		int ends[2];
		ssize_t r;

		kind_of_ends(kind, ends);
		channel_open(&in, ends[0], 1);
		channel_open(&out, ends[1], 1);
		in.timeout_ms = out.timeout_ms = 20;
		errno = 0;
		assert_int_equal(in.read(&in, block, 1), -1);
		assert_int_equal(errno, ETIMEDOUT);
		do
			r = out.write(&out, block, sizeof(block));
		while (r > 0);
		assert_int_equal(r, -1);
		assert_int_equal(errno, ETIMEDOUT);
		fd_close(&ends[0]);
		fd_close(&ends[1]);
	}
}

/* With another limit than the kernel was told, and on a descriptor that does not
 * block, the limit is kept as ever. */
static void
a_read_waits_in_the_kernel_as_long_as_without(void **state)
{
	static const struct row {
		int kind, told, now;
		bool blocks, later; /* and whether it goes on so */
	} waits[] = {
	    {0, 20,    20, true,  true },
	    {0, 60000, 20, true,  true },
	    {0, 20,    20, false, false},
	    {0, 20,    20, true,  false},
	    {1, 20,    20, true,  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		const struct row *row = &waits[i];
		struct channel in;
		int64_t start;
		int ends[2];
		char byte = 'x';

		kind_of_ends(row->kind, ends);
		assert_true(row->blocks || fd_nonblock(ends[0]));
		channel_open(&in, ends[0], 1);
		in.timeout_ms = row->told;
		channel_wait_in_kernel(&in);
		assert_true(row->later || fd_nonblock(ends[0]));
		in.timeout_ms = row->now;
		start = clock_boot();
		errno = 0;
		assert_int_equal(in.read(&in, &byte, 1), -1);
		assert_int_equal(errno, ETIMEDOUT);
		assert_true(clock_boot() - start >= 15000);
		assert_int_equal(write(ends[1], &byte, 1), 1);
		assert_int_equal(in.read(&in, &byte, 1), 1);
		fd_close(&ends[1]);
		assert_int_equal(in.read(&in, &byte, 1), 0);
		fd_close(&ends[0]);
	}
}

static void
a_closed_peer_is_an_end_or_epipe_without_a_signal(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct channel in, out;
		int ends[2];
		char byte;

		kind_of_ends(kind, ends);
		channel_open(&in, ends[0], 0);
		channel_open(&out, ends[1], 0);
		assert_int_equal(out.write(&out, "x", 1), 1);
		(void)shutdown(ends[1], SHUT_WR);
		if (kind == 1)
			fd_close(&ends[1]);
		assert_int_equal(in.read(&in, &byte, 1), 1);
		assert_int_equal(in.read(&in, &byte, 1), 0);
		fd_close(&ends[0]);
		if (kind == 0) {
			assert_int_equal(out.write(&out, "x", 1), -1);
			assert_int_equal(errno, EPIPE);
		}
		fd_close(&ends[1]);
	}
}

static void
timeouts_are_bounded(void **state)
{
	struct channel c;

	(void)state;
	channel_open(&c, 0, 1200);
	assert_int_equal(c.timeout_ms, 1200000);
	channel_open(&c, 0, INT32_MAX);
	assert_int_equal(c.timeout_ms, INT32_MAX / 1000 * 1000);
	channel_open(&c, 0, -5);
	assert_int_equal(c.timeout_ms, 0);
}

/* Child: write many numbered lines through a small buffer. */
static void
send_lines(int fd, unsigned count)
{
	char storage[100];
	struct channel c;
	struct writer w;

	channel_open(&c, fd, 60);
	writer_open(&w, &c, storage, sizeof(storage));
	for (unsigned i = 0; i < count; i++) {
		writer_number(&w, i);
		writer_text(&w, " the quick brown fox\r\n");
	}
	_exit(writer_flush(&w) ? 0 : 1);
}

static void
a_stream_of_lines_passes_sockets_and_pipes(void **state)
{
	enum { LINES = 20000 };
	char storage[128], want[64];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct channel c;
		struct reader r;
		struct str line;
		int ends[2], status = -1;
		unsigned n = 0;
		pid_t child;

		kind_of_ends(kind, ends);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			send_lines(ends[1], LINES);
		fd_close(&ends[1]);
		channel_open(&c, ends[0], 60);
		reader_open(&r, &c, storage, sizeof(storage));
		while (reader_line(&r, &line, NULL) == LINE_OK) {
			struct buf b = {0};

			assert_true(buf_append_number(&b, n++));
			assert_true(
			    buf_append_text(&b, " the quick brown fox"));
			assert_true(str_copy(want, sizeof(want), buf_str(&b)));
			buf_free(&b);
			assert_true(str_equal(line, str_of(want)));
		}
		assert_int_equal(n, LINES);
		fd_close(&ends[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_the_same_however_the_bytes_come),
	    cmocka_unit_test(an_error_is_no_end),
	    cmocka_unit_test(the_end_is_asked_for_once),
	    cmocka_unit_test(peeked_bytes_stay_until_consumed),
	    cmocka_unit_test(written_bytes_arrive_whole_and_in_order),
	    cmocka_unit_test(a_failed_writer_stays_failed_and_writes_no_more),
	    cmocka_unit_test(a_silent_peer_is_given_up),
	    cmocka_unit_test(a_read_waits_in_the_kernel_as_long_as_without),
	    cmocka_unit_test(a_closed_peer_is_an_end_or_epipe_without_a_signal),
	    cmocka_unit_test(timeouts_are_bounded),
	    cmocka_unit_test(a_stream_of_lines_passes_sockets_and_pipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
