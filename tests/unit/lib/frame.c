/* frame: what is written is read again however it is cut, and garbage is never
 * taken for more than it is. */
#include "lib/frame.h"

#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The same numbers in every run: a failure can be had again. */
static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t
below(uint64_t *seed, size_t n)
{
	return (size_t)(next_random(seed) % n);
}

static void
frames_have_the_bytes_of_the_contract(void **state)
{
	struct buf b = {0};
	size_t mark;

	(void)state;
	assert_true(frame_append(&b, 'K', str_of("ab")));
	assert_true(frame_append(&b, 'E', (struct str){NULL, 0}));
	assert_true(frame_begin(&b, 'L', &mark));
	assert_true(buf_append_text(&b, "xyz"));
	assert_true(frame_finish(&b, mark));
	assert_true(frame_head(&b, 'M', 65536));
	assert_int_equal(b.len, 7 + 5 + 8 + 5);
	assert_memory_equal(b.data,
	    "\0\0\0\3Kab"
	    "\0\0\0\1E"
	    "\0\0\0\4Lxyz"
	    "\0\1\0\1M",
	    b.len);
	buf_free(&b);
}

static void
sizes_over_the_limit_are_refused_and_leave_nothing(void **state)
{
	static char big[FRAME_PAYLOAD_MAX + 1];
	struct buf b = {0}, small = {.max = 8};
	size_t mark;

	(void)state;
	errno = 0;
	assert_false(frame_append(&b, 'x', (struct str){big, sizeof(big)}));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, 0);
	assert_true(frame_append(&b, 'x', (struct str){big, sizeof(big) - 1}));
	buf_clear(&b);

	assert_true(frame_append(&b, 'a', str_of("")));
	assert_true(frame_begin(&b, 'x', &mark));
	assert_true(buf_append(&b, big, sizeof(big)));
	errno = 0;
	assert_false(frame_finish(&b, mark));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(b.len, FRAME_HEAD);
	errno = 0;
	assert_false(frame_finish(&b, 1));
	assert_int_equal(errno, EINVAL);
	assert_false(frame_finish(&b, SIZE_MAX));
	assert_int_equal(b.len, FRAME_HEAD);
	buf_free(&b);

	errno = 0;
	assert_false(frame_append(&small, 'x', str_of("abcd")));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(small.len, 0);
	assert_true(frame_append(&small, 'x', str_of("abc")));
	assert_false(frame_begin(&small, 'x', &mark));
	assert_false(frame_head(&small, 'x', 0));
	errno = 0;
	assert_false(frame_head(&small, 'x', sizeof(big)));
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(small.len, 8);
	buf_free(&small);
}

static void
only_lengths_of_ours_are_waited_for(void **state)
{
	static const struct {
		uint32_t length;
		enum frame_result want;
	} rows[] = {
	    {0,		     FRAME_BAD },
	    {1,		     FRAME_MORE},
	    {FRAME_PAYLOAD_MAX + 1, FRAME_MORE},
	    {FRAME_PAYLOAD_MAX + 2, FRAME_BAD },
	    {0x7fffffff,            FRAME_BAD },
	    {0x80000000,            FRAME_BAD },
	    {0xffffffff,            FRAME_BAD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char head[4];
		struct buf b = {0};
		struct frame f;
		size_t used = 4711;

		num_put32(head, rows[i].length);
		assert_int_equal(frame_take(&b, &f, &used), FRAME_MORE);
		assert_true(buf_append(&b, head, 3));
		assert_int_equal(frame_take(&b, &f, &used), FRAME_MORE);
		assert_true(buf_append(&b, head + 3, 1));
		assert_int_equal(frame_take(&b, &f, &used), rows[i].want);
		assert_int_equal(used, 4711);
		buf_free(&b);
	}
}

enum { FRAMES = 300, LONGEST = 2000 };

static void
make_stream(uint64_t *seed, struct buf *stream)
{
	char payload[LONGEST];

	for (int i = 0; i < FRAMES; i++) {
		size_t n = below(seed, below(seed, 2) == 0 ? 8 : LONGEST);

		for (size_t j = 0; j < n; j++)
			payload[j] = (char)next_random(seed);
		assert_true(
		    frame_append(stream, (char)i, (struct str){payload, n}));
	}
}

/* Feed a stream in random parts; what is taken, written anew, is the stream. */
static void
frames_survive_any_cut(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct buf stream = {0}, in = {0}, again = {0};
		size_t fed = 0, most = below(&seed, 3000) + 1;
		int taken = 0;

		make_stream(&seed, &stream);
		while (fed < stream.len) {
			size_t n = below(&seed, most) + 1, used;
			struct frame f;

			n = n < stream.len - fed ? n : stream.len - fed;
			assert_true(buf_append(&in, stream.data + fed, n));
			fed += n;
			while (frame_take(&in, &f, &used) == FRAME_OK) {
				assert_int_equal(f.kind, (char)taken++);
				assert_true(
				    frame_append(&again, f.kind, f.payload));
				buf_drop(&in, used);
			}
		}
		assert_int_equal(taken, FRAMES);
		assert_int_equal(in.len, 0);
		assert_true(str_equal(buf_str(&again), buf_str(&stream)));
		buf_free(&stream);
		buf_free(&in);
		buf_free(&again);
	}
}

/* Random bytes, the upper ones of each length mostly zero so that some frames
 * are whole.  The buffer is of exact size, so that a sanitizer sees a byte
 * read behind it. */
static void
garbage_is_never_read_past_its_end(void **state)
{
	uint64_t seed = 0x243f6a8885a308d3;
	size_t seen[FRAME_BAD + 1] = {0};

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char bytes[32];
		size_t n = below(&seed, sizeof(bytes)) + 1, used = 0;
		struct buf b = {.data = bytes + sizeof(bytes) - n, .len = n};
		struct frame f = {0};
		enum frame_result r;

		for (size_t i = 0; i < n; i++)
			b.data[i] = (char)(i < 3 && below(&seed, 8) != 0
					       ? 0
					       : next_random(&seed) % 48);
		r = frame_take(&b, &f, &used);
		assert_true(r != FRAME_END);
		seen[r]++;
		if (r != FRAME_OK)
			continue;
		assert_in_range(used, FRAME_HEAD, n);
		assert_int_equal(f.payload.len, used - FRAME_HEAD);
		assert_ptr_equal(f.payload.data, b.data + FRAME_HEAD);
	}
	assert_true(seen[FRAME_OK] > 1000);
	assert_true(seen[FRAME_MORE] > 1000);
	assert_true(seen[FRAME_BAD] > 1000);
}

static void
frames_pass_a_socket(void **state)
{
	uint64_t seed = 0xb7e151628aed2a6a;
	struct buf stream = {0}, in = {0}, again = {0};
	struct frame f;
	int ends[2], status = -1;
	pid_t child;

	(void)state;
	make_stream(&seed, &stream);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		size_t used;

		fd_close(&ends[0]);
		while (frame_take(&stream, &f, &used) == FRAME_OK) {
			if (!frame_write(ends[1], f.kind, f.payload))
				_exit(1);
			buf_drop(&stream, used);
		}
		_exit(0);
	}
	fd_close(&ends[1]);
	while (frame_read(ends[0], 60000, &in, &f) == FRAME_OK)
		assert_true(frame_append(&again, f.kind, f.payload));
	assert_int_equal(frame_read(ends[0], -1, &in, &f), FRAME_END);
	assert_true(str_equal(buf_str(&again), buf_str(&stream)));
	fd_close(&ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	buf_free(&stream);
	buf_free(&in);
	buf_free(&again);
}

static void
a_peer_that_breaks_its_word_is_told_from_one_that_leaves(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool closed;
		enum frame_result want;
		int error;
	} rows[] = {
	    {"",		  0, true,  FRAME_END, 0        },
	    {"\0\0\0",            3, true,  FRAME_BAD, EPIPE    },
	    {"\0\0\0\3K",         5, true,  FRAME_BAD, EPIPE    },
	    {"\0\0\0\3Ka",        6, true,  FRAME_BAD, EPIPE    },
	    {"\0\0\0\3Kab",       7, true,  FRAME_OK,  0        },
	    {"\0\0\0\0K",         5, false, FRAME_BAD, EPROTO   },
	    {"\xff\xff\xff\xffK", 5, false, FRAME_BAD, EPROTO   },
	    {"",		  0, false, FRAME_BAD, ETIMEDOUT},
	    {"\0\0\0\3Ka",        6, false, FRAME_BAD, ETIMEDOUT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {.max = 1000};
		struct frame f;
		int ends[2];
		enum frame_result r;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_true(fd_write_all(ends[0], rows[i].bytes, rows[i].len));
		if (rows[i].closed)
			fd_close(&ends[0]);
		errno = 0;
		r = frame_read(ends[1], 10, &b, &f);
		assert_int_equal(r, rows[i].want);
		if (rows[i].error != 0)
			assert_int_equal(errno, rows[i].error);
		fd_close(&ends[0]);
		fd_close(&ends[1]);
		buf_free(&b);
	}
}

static void
writing_and_reading_keep_to_their_limits(void **state)
{
	static char big[FRAME_PAYLOAD_MAX + 1];
	struct buf b = {.max = 6};
	struct frame f;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	errno = 0;
	assert_false(frame_write(ends[0], 'x', (struct str){big, sizeof(big)}));
	assert_int_equal(errno, EMSGSIZE);
	/* The reader's own ceiling is kept, too. */
	assert_true(frame_write(ends[0], 'x', str_of("ab")));
	errno = 0;
	assert_int_equal(frame_read(ends[1], -1, &b, &f), FRAME_BAD);
	assert_int_equal(errno, EMSGSIZE);
	fd_close(&ends[1]);
	errno = 0;
	assert_false(frame_write(ends[0], 'x', str_of("")));
	assert_int_equal(errno, EPIPE);
	fd_close(&ends[0]);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_have_the_bytes_of_the_contract),
	    cmocka_unit_test(
		sizes_over_the_limit_are_refused_and_leave_nothing),
	    cmocka_unit_test(only_lengths_of_ours_are_waited_for),
	    cmocka_unit_test(frames_survive_any_cut),
	    cmocka_unit_test(garbage_is_never_read_past_its_end),
	    cmocka_unit_test(frames_pass_a_socket),
	    cmocka_unit_test(
		a_peer_that_breaks_its_word_is_told_from_one_that_leaves),
	    cmocka_unit_test(writing_and_reading_keep_to_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
