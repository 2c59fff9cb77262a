/* passage: what is announced is held against the limit without wrapping; no
 * byte beyond the message is taken. */
#include "smtpd/passage.h"

#include "smtpd/session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes that come at once; at their end the client has closed. */
static ssize_t
scripted_read(struct channel *c, void *data, size_t size)
{
	struct str *rest = c->context;
	size_t n = rest->len < size ? rest->len : size;

	if (n > 0)
		memcpy(data, rest->data, n);
	*rest = str_slice(*rest, n, rest->len);
	return (ssize_t)n;
}

/* A session whose client has sent text and whose message is being drained, so
 * that no queue is needed. */
static struct session *
open_session(struct door *door, struct str *text)
{
	struct session *s;

	submit_init(&door->submit);
	s = session_new(door);
	assert_non_null(s);
	stream_open(&s->stream, -1, -1, 10);
	s->stream.input.context = text;
	s->stream.input.read = scripted_read;
	return s;
}

/* L5: no sum of sizes wraps, at 32 bits or at 64. */
static void
announced_sizes_are_held_against_the_limit(void **state)
{
	static const struct {
		uint64_t limit, bytes, size;
		bool large;
	} rows[] = {
	    {1000,                 0,              1000,       false},
	    {1000,                 0,              1001,       true },
	    {1000,                 600,            400,        false},
	    {1000,                 600,            401,        true },
	    {1000,                 1001,           0,          true },
	    {UINT64_C(4294967300), 0,              UINT32_MAX, false},
	    {UINT64_C(4294967300), UINT32_MAX,     5,          false},
	    {UINT64_C(4294967300), UINT32_MAX,     6,          true },
	    {UINT64_MAX,           UINT32_MAX,     UINT32_MAX, false},
	    {UINT64_MAX,           UINT64_MAX - 1, 1,          false},
	    {UINT64_MAX,           UINT64_MAX - 1, 2,          true },
	};
	struct door door = {.controls = NULL};
	struct str text = {NULL, 0};
	struct session *s = open_session(&door, &text);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		s->passage = (struct passage){.limit = rows[i].limit,
		    .open = true,
		    .data.bytes = rows[i].bytes,
		    .data.counted = true};
		passage_announce(s, rows[i].size);
		assert_int_equal(s->passage.large, rows[i].large);
		assert_int_equal(s->passage.draining, rows[i].large);
		assert_int_equal(
		    passage_state(s).code, rows[i].large ? 552 : 0);
	}
	session_free(s);
}

static void
no_byte_behind_a_piece_is_taken(void **state)
{
	struct door door = {.controls = NULL};
	struct str text = str_of("0123456789QUIT\r\n"), line;
	struct session *s = open_session(&door, &text);

	(void)state;
	s->passage = (struct passage){.draining = true, .data.counted = true};
	assert_int_equal(passage_read(s, 4), STREAM_OK);
	assert_int_equal(passage_swallow(s, 6), STREAM_OK);
	assert_int_equal(stream_line(&s->stream, &line), STREAM_OK);
	assert_true(str_equal(line, str_of("QUIT")));
	session_free(s);
}

static void
a_client_that_leaves_within_a_piece_is_told_apart(void **state)
{
	struct door door = {.controls = NULL};
	struct str text = str_of("0123456789");
	struct session *s = open_session(&door, &text);

	(void)state;
	s->passage = (struct passage){.draining = true, .data.counted = true};
	assert_int_equal(
	    passage_read(s, (uint64_t)UINT32_MAX + 11), STREAM_END);
	assert_int_equal(passage_swallow(s, 0), STREAM_OK);
	assert_int_equal(passage_swallow(s, 1), STREAM_END);
	session_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(announced_sizes_are_held_against_the_limit),
	    cmocka_unit_test(no_byte_behind_a_piece_is_taken),
	    cmocka_unit_test(a_client_that_leaves_within_a_piece_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
