/* submit: the client's end against servers that behave and that do not. */
#include "wire/submit.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "wire/envelope.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { CHUNK = 65536, BIG = 300000, RECIPIENTS = 20000, PATIENCE_MS = 60000 };

static const char kept[] = "\0\0\0\1\0\0\0\2"
			   "0123456789abcdef"
			   "\0\0\0\7";

/* A place with queue/ for a socket, and the way back. */
struct stage {
	char dir[64], back[4096];
	int listener;
	pid_t server;
};

static int
set_up(void **state)
{
	struct stage *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	assert_non_null(getcwd(st->back, sizeof(st->back)));
	snprintf(st->dir, sizeof(st->dir), "/var/tmp/culver-submit-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	assert_int_equal(chdir(st->dir), 0);
	assert_int_equal(mkdir("queue", 0700), 0);
	st->listener = sock_listen(QUEUE_SUBMIT, 0600);
	assert_true(st->listener >= 0);
	*state = st;
	return 0;
}

static int
tear_down(void **state)
{
	struct stage *st = *state;

	fd_close(&st->listener);
	(void)unlink(QUEUE_SUBMIT);
	assert_int_equal(rmdir("queue"), 0);
	assert_int_equal(chdir(st->back), 0);
	assert_int_equal(rmdir(st->dir), 0);
	free(st);
	return 0;
}

/* Servers run in a child; what they find wrong is their exit code. */
static void
serve(struct stage *st, int (*script)(int listener))
{
	st->server = fork();
	assert_true(st->server >= 0);
	if (st->server == 0)
		_exit(script(st->listener));
}

static void
server_was_content(struct stage *st)
{
	int status;

	assert_int_equal(waitpid(st->server, &status, 0), st->server);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Read frames up to C, adding payloads of M and E.  The number of frames, or
 * -1 when they do not come in order. */
static int
take_message(int fd, struct buf *body, struct buf *records)
{
	struct buf in = {0};
	struct frame f;
	char last = 'M';
	int n = 0;

	for (;;) {
		if (frame_read(fd, PATIENCE_MS, &in, &f) != FRAME_OK)
			return -1;
		n++;
		if (f.kind == 'C')
			break;
		if ((f.kind != 'M' && f.kind != 'E') ||
		    (last == 'E' && f.kind == 'M') ||
		    f.payload.len > FRAME_PAYLOAD_MAX ||
		    !buf_append_str(f.kind == 'M' ? body : records, f.payload))
			return -1;
		last = f.kind;
	}
	buf_free(&in);
	return n;
}

static bool
is(const struct buf *b, const char *want, size_t n)
{
	return str_equal(buf_str(b), (struct str){want, n});
}

static bool
say_kept(int fd)
{
	return frame_write(fd, 'K', (struct str){kept, sizeof(kept) - 1});
}

/* One accepted connection, one message of hello(), any answer. */
static int
take_hello(int fd)
{
	struct buf body = {0}, records = {0};
	int bad = take_message(fd, &body, &records) < 0 ||
		  !is(&body, "hello\n", 6) || !is(&records, "Fa@b\0Tc@d\0", 10);

	buf_free(&body);
	buf_free(&records);
	return bad;
}

static void
hello(struct submit *s)
{
	submit_body(s, str_of("hello"));
	submit_body(s, str_of("\n"));
	submit_record(s, 'F', str_of("a@b"));
	submit_record(s, 'T', str_of("c@d"));
}

static int
keep_two(int listener)
{
	int fd = accept(listener, NULL, NULL);
	int bad =
	    take_hello(fd) || !say_kept(fd) || take_hello(fd) || !say_kept(fd);

	fd_close(&fd);
	return bad;
}

static void
messages_share_a_connection(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	serve(st, keep_two);
	for (int i = 0; i < 2; i++) {
		assert_true(submit_begin(&s));
		hello(&s);
		submit_commit(&s, &result);
		assert_int_equal(result.code, 0);
		assert_int_equal(result.ino, UINT64_C(0x100000002));
		assert_memory_equal(
		    result.token, "0123456789abcdef", QUEUE_TOKEN);
		assert_int_equal(result.pid, 7);
		assert_string_equal(result.text, "Kok");
	}
	submit_close(&s);
	server_was_content(st);
}

/* All of a small message is there after one wait. */
static int
one_piece(int listener)
{
	static const char want[] = "\0\0\0\7Mhello\n"
				   "\0\0\0\13EFa@b\0Tc@d\0"
				   "\0\0\0\1C";
	char got[128];
	int fd = accept(listener, NULL, NULL);
	ssize_t n = recv(fd, got, sizeof(got), 0);
	int bad = n != sizeof(want) - 1 ||
		  memcmp(got, want, sizeof(want) - 1) != 0 || !say_kept(fd);

	fd_close(&fd);
	return bad;
}

static void
a_small_message_is_one_write(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	serve(st, one_piece);
	assert_true(submit_begin(&s));
	hello(&s);
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	submit_close(&s);
	server_was_content(st);
}

static int
take_big(int listener)
{
	struct buf body = {0}, records = {0};
	int fd = accept(listener, NULL, NULL);
	int n = take_message(fd, &body, &records);
	int bad = n < 5 || n > 20 || body.len != BIG ||
		  records.len != 5 + RECIPIENTS * 12 ||
		  memcmp(records.data + 5, "T000000@b.c", 12) != 0;

	for (size_t i = 0; !bad && i < BIG; i++)
		bad = body.data[i] != (char)(i % 251);
	bad = bad || !say_kept(fd);
	fd_close(&fd);
	buf_free(&body);
	buf_free(&records);
	return bad;
}

static void
a_large_message_goes_in_chunks(void **state)
{
	static char body[BIG];
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	for (size_t i = 0; i < BIG; i++)
		body[i] = (char)(i % 251);
	submit_init(&s);
	serve(st, take_big);
	assert_true(submit_begin(&s));
	submit_body(&s, (struct str){body, 1});
	submit_body(&s, (struct str){body + 1, BIG - 1});
	submit_record(&s, 'F', str_of("a@b"));
	for (int i = 0; i < RECIPIENTS; i++) {
		char r[32];

		snprintf(r, sizeof(r), "%06d@b.c", i);
		submit_record(&s, 'T', str_of(r));
	}
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	submit_close(&s);
	server_was_content(st);
}

/* Answers that are not K, after a whole message. */
struct answer {
	const char *bytes;
	size_t len;
	int code;
	const char *text;
};

static const struct answer answers[] = {
    {"\0\0\0\5E\65Zno",   9,  53, "Zno"					   },
    {"\0\0\0\2E\65",      6,  53, "Zqq write error or disk full (#4.3.0)"         },
    {"\0\0\0\6E\37Da\nb", 10, 31, "Da?b"					  },
    {"\0\0\0\2E\0",       6,  81, "Zqq internal bug (#4.3.0)"                     },
    {"\0\0\0\1E",         5,  56, "Zqq trouble making network connection (#4.3.0)"},
    {"\0\0\0\2Kx",        6,  56, "Zqq trouble making network connection (#4.3.0)"},
    {"\0\0\0\2X\65",      6,  56, "Zqq trouble making network connection (#4.3.0)"},
    {"\0\0\0\5E\65",      6,  56, "Zqq trouble making network connection (#4.3.0)"},
    {"\377\0\0\5E\65",    6,  56, "Zqq trouble making network connection (#4.3.0)"},
    {"\0\0\0\2E\65\0",    7,  56, "Zqq trouble making network connection (#4.3.0)"},
    {"",		  0,  56, "Zqq trouble making network connection (#4.3.0)"},
};

static int
give_answers(int listener)
{
	for (size_t i = 0; i < COUNT(answers); i++) {
		int fd = accept(listener, NULL, NULL);

		if (take_hello(fd) ||
		    !fd_write_all(fd, answers[i].bytes, answers[i].len))
			return 1;
		fd_close(&fd);
	}
	return 0;
}

static void
whatever_is_not_yes_is_no(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	serve(st, give_answers);
	for (size_t i = 0; i < COUNT(answers); i++) {
		assert_true(submit_begin(&s));
		hello(&s);
		submit_commit(&s, &result);
		assert_int_equal(result.code, answers[i].code);
		assert_string_equal(result.text, answers[i].text);
		assert_int_equal(result.ino, 0);
		fd_close(
		    &s.fd); /* the next answer has a connection of its own */
	}
	submit_close(&s);
	server_was_content(st);
}

static int
refuse_at_the_door(int listener)
{
	int fd = accept(listener, NULL, NULL);
	bool ok = frame_write(fd, 'E', str_of("\107Zfull"));

	fd_close(&fd);
	return !ok;
}

static void
a_refusal_at_the_door_is_heard(void **state)
{
	static char body[BIG];
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	for (int big = 0; big < 2; big++) {
		serve(st, refuse_at_the_door);
		assert_true(submit_begin(&s));
		/* It is gone before a byte is written. */
		server_was_content(st);
		hello(&s);
		if (big)
			submit_body(&s, (struct str){body, sizeof(body)});
		submit_commit(&s, &result);
		assert_int_equal(result.code, 71);
	}
	submit_close(&s);
}

/* Ends the connection after a message; serves the next on another one. */
static int
keep_and_close(int listener)
{
	for (int i = 0; i < 2; i++) {
		int fd = accept(listener, NULL, NULL);

		if (take_hello(fd) || !say_kept(fd))
			return 1;
		fd_close(&fd);
	}
	return 0;
}

/* Whether it is seen at once or by the first bytes. */
static void
a_connection_ended_while_idle_is_made_again(void **state)
{
	static const int64_t ages[] = {0, (int64_t)60 * CLOCK_SECOND};
	struct stage *st = *state;
	struct submit_result result;
	char c;

	for (size_t age = 0; age < COUNT(ages); age++) {
		struct submit s;

		submit_init(&s);
		serve(st, keep_and_close);
		for (int i = 0; i < 2; i++) {
			assert_true(submit_begin(&s));
			hello(&s);
			submit_commit(&s, &result);
			assert_int_equal(result.code, 0);
			/* It is the end that is waited for. */
			assert_int_equal(recv(s.fd, &c, 1, MSG_PEEK), 0);
			s.heard -= ages[age];
		}
		submit_close(&s);
		server_was_content(st);
	}
}

/* Long after an answer nobody begins in vain. */
static void
a_server_that_is_gone_is_told_of_at_the_beginning(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;
	char c;

	submit_init(&s);
	serve(st, keep_and_close);
	for (int i = 0; i < 2; i++) {
		assert_true(submit_begin(&s));
		hello(&s);
		submit_commit(&s, &result);
		assert_int_equal(result.code, 0);
		assert_int_equal(recv(s.fd, &c, 1, MSG_PEEK), 0);
	}
	server_was_content(st);
	fd_close(&st->listener);
	s.heard -= (int64_t)60 * CLOCK_SECOND;
	assert_false(submit_begin(&s));
	assert_int_equal(s.trouble, QQ_CONNECT);
	submit_close(&s);
}

static void
a_connection_ended_after_begin_is_made_again(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	serve(st, keep_and_close);
	assert_true(submit_begin(&s));
	hello(&s);
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	s.fresh = false;
	hello(&s);
	assert_int_equal(shutdown(s.fd, SHUT_RDWR), 0);
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	submit_close(&s);
	server_was_content(st);
}

/* Long pieces among short ones. */
static const size_t pieces[] = {
    1, 40000, 7, 30000, 32768, CHUNK, CHUNK + 1, 3, BIG};
enum { PIECES = 1 + 40000 + 7 + 30000 + 32768 + 2 * CHUNK + 1 + 3 + BIG };

static void
pieces_of(struct submit *s)
{
	static char bytes[PIECES];
	size_t at = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		submit_body(s, (struct str){bytes + at, pieces[i]});
		at += pieces[i];
	}
	submit_record(s, 'F', str_of("a@b"));
	submit_record(s, 'T', str_of("c@d"));
}

static int
take_pieces(int listener)
{
	struct buf body = {0}, records = {0};
	int bad = 0, fd = accept(listener, NULL, NULL);

	for (int i = 0; i < 2 && !bad; i++) {
		buf_clear(&body);
		buf_clear(&records);
		bad = take_message(fd, &body, &records) < 0 ||
		      body.len != PIECES || !is(&records, "Fa@b\0Tc@d\0", 10) ||
		      !say_kept(fd);
		for (size_t j = 0; !bad && j < PIECES; j++)
			bad = body.data[j] != (char)(j % 251);
		fd_close(&fd);
		if (i == 0)
			fd = accept(listener, NULL, NULL);
	}
	fd_close(&fd);
	buf_free(&body);
	buf_free(&records);
	return bad;
}

static void
long_and_short_pieces_arrive_in_order_over_a_new_connection_too(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	serve(st, take_pieces);
	assert_true(submit_begin(&s));
	pieces_of(&s);
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	s.fresh = false;
	assert_int_equal(shutdown(s.fd, SHUT_RDWR), 0);
	pieces_of(&s);
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	submit_close(&s);
	server_was_content(st);
}

static int
hear_abort(int listener)
{
	struct buf in = {0};
	struct frame f;
	int fd = accept(listener, NULL, NULL);
	int bad = 0;

	do
		bad = frame_read(fd, PATIENCE_MS, &in, &f) != FRAME_OK;
	while (!bad && f.kind == 'M');
	bad = bad || f.kind != 'A' || take_hello(fd) || !say_kept(fd);
	fd_close(&fd);
	buf_free(&in);
	return bad;
}

static void
an_abort_is_said_only_when_something_was_sent(void **state)
{
	static char body[BIG];
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	submit_init(&s);
	serve(st, hear_abort);
	assert_true(submit_begin(&s));
	hello(&s);
	submit_abort(&s);
	assert_true(submit_begin(&s));
	submit_body(&s, (struct str){body, sizeof(body)});
	assert_true(submit_begin(&s)); /* aborts by itself */
	hello(&s);
	submit_commit(&s, &result);
	assert_int_equal(result.code, 0);
	submit_close(&s);
	server_was_content(st);
}

static void
bad_records_never_leave(void **state)
{
	static char longest[ENVELOPE_RECORD];
	struct submit_result result;
	struct submit s;

	memset(longest, 'a', sizeof(longest));
	submit_init(&s);
	assert_true(submit_begin(&s));
	submit_record(&s, 'F', (struct str){"a@b\0Tx@y", 8});
	submit_record(&s, 'T', str_of("c@d"));
	submit_commit(&s, &result);
	assert_int_equal(result.code, QQ_FORMAT);
	assert_true(submit_begin(&s));
	submit_record(&s, 'F', (struct str){longest, ENVELOPE_RECORD - 1});
	submit_commit(&s, &result);
	assert_int_equal(result.code, QQ_ADDRESS_LONG);
	submit_close(&s);
	(void)state;
}

static void
nobody_there_is_temporary(void **state)
{
	struct stage *st = *state;
	struct submit_result result;
	struct submit s;

	fd_close(&st->listener);
	submit_init(&s);
	assert_false(submit_begin(&s));
	assert_int_equal(s.trouble, QQ_CONNECT);
	hello(&s);
	submit_commit(&s, &result);
	assert_int_equal(result.code, QQ_CONNECT);
	submit_close(&s);
}

#define STAGED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STAGED(messages_share_a_connection),
	    STAGED(a_small_message_is_one_write),
	    STAGED(a_large_message_goes_in_chunks),
	    STAGED(whatever_is_not_yes_is_no),
	    STAGED(a_refusal_at_the_door_is_heard),
	    STAGED(a_connection_ended_while_idle_is_made_again),
	    STAGED(a_server_that_is_gone_is_told_of_at_the_beginning),
	    STAGED(a_connection_ended_after_begin_is_made_again),
	    STAGED(
		long_and_short_pieces_arrive_in_order_over_a_new_connection_too),
	    STAGED(an_abort_is_said_only_when_something_was_sent),
	    STAGED(bad_records_never_leave),
	    STAGED(nobody_there_is_temporary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
