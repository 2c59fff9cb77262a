/* sending: a host gets a whole message or knows that it did not. */
#include "remote/sending.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT "one\n.two\nthree"

static struct session session;
static struct outgoing outgoing;
static FILE *file;
static int host;
static char got[256];
static size_t got_len;

/* The host says so when it has got what ends like that. */
static struct {
	const char *tail, *said;
	pthread_t thread;
} answer;

static void *
reply(void *context)
{
	size_t tail = strlen(answer.tail);
	ssize_t n = 1;

	while (n > 0 && (got_len < tail || memcmp(got + got_len - tail,
					       answer.tail, tail) != 0)) {
		n = read(host, got + got_len, sizeof(got) - 1 - got_len);
		got_len += n > 0 ? (size_t)n : 0;
	}
	return fd_write_all(host, answer.said, strlen(answer.said)) ? &host
								    : context;
}

static void
begin(const char *tail, const char *said)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	host = ends[1];
	session_init(&session);
	assert_true(fd_nonblock(ends[0]));
	stream_open(&session.stream, ends[0]);
	session.broken = false;
	session.timeout = (int64_t)60 * CLOCK_SECOND;
	session.limit = INT64_MAX;
	got_len = 0;
	answer.tail = tail;
	answer.said = said;
	if (tail == NULL)
		assert_true(fd_write_all(host, said, strlen(said)));
	else
		assert_int_equal(
		    pthread_create(&answer.thread, NULL, reply, NULL), 0);
	file = tmpfile();
	assert_non_null(file);
	assert_true(fd_write_all(fileno(file), TEXT, strlen(TEXT)));
	assert_int_equal(
	    outgoing_open(&outgoing, fileno(file), 0, strlen(TEXT)),
	    OUTGOING_OK);
}

/* What the host has got. */
static void
end(const char *want)
{
	void *wrote = &host;
	ssize_t n;

	stream_close(&session.stream, false);
	if (answer.tail != NULL)
		assert_int_equal(pthread_join(answer.thread, &wrote), 0);
	assert_ptr_equal(wrote, &host);
	n = read(host, got + got_len, sizeof(got) - 1 - got_len);
	/* It closed on what we had said. */
	if (n > 0)
		got_len += (size_t)n;
	got[got_len] = '\0';
	assert_string_equal(got, want);
	(void)close(host);
	assert_int_equal(fclose(file), 0);
}

static void
data_ends_once(void **state)
{
	(void)state;
	begin(".\r\n", "250 ok\r\n");
	assert_int_equal(sending_data(&session, &outgoing), SENDING_SENT);
	assert_int_equal(session.reply.code, 250);
	end("one\r\n..two\r\nthree\r\n.\r\n");
}

static void
a_chunk_is_as_long_as_it_says(void **state)
{
	(void)state;
	begin("three\r\n", "250 ok\r\n");
	assert_int_equal(sending_bdat(&session, &outgoing), SENDING_SENT);
	end("BDAT 18 LAST\r\none\r\n.two\r\nthree\r\n");
}

/* Whoever answers what has not ended answers something else. */
static void
an_answer_before_the_end_is_none(void **state)
{
	static enum sending_result (*const ways[])(struct session * s,
	    struct outgoing * o) = {sending_data, sending_bdat};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(NULL, "250 ok\r\n");
		assert_int_equal(ways[i](&session, &outgoing), SENDING_LOST);
		end("");
		begin(NULL, "552 too much\r\n");
		assert_int_equal(ways[i](&session, &outgoing), SENDING_REFUSED);
		assert_int_equal(session.reply.code, 552);
		end("");
	}
}

/* The file is cut short between the two times that it is read. */
static void
part_of_a_message_is_never_ended(void **state)
{
	static enum sending_result (*const ways[])(struct session * s,
	    struct outgoing * o) = {sending_data, sending_bdat};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(NULL, "");
		body_open(&outgoing.body, fileno(file), 0, strlen(TEXT));
		assert_int_equal(ftruncate(fileno(file), 5), 0);
		assert_int_equal(
		    ways[i](&session, &outgoing), SENDING_UNREADABLE);
		assert_true(session.broken);
		end("");
	}
}

/* It grew, or shrank: no chunk has more or less than it says. */
static void
a_chunk_of_another_length_is_not_sent(void **state)
{
	(void)state;
	for (uint64_t octets = 17; octets <= 19; octets += 2) {
		begin(NULL, "");
		outgoing.octets = octets;
		assert_int_equal(
		    sending_bdat(&session, &outgoing), SENDING_UNREADABLE);
		assert_true(session.broken);
		end("");
	}
}

static void
silence_behind_the_end_may_be_a_duplicate(void **state)
{
	(void)state;
	begin(NULL, "");
	session.timeout = 1000;
	assert_int_equal(sending_data(&session, &outgoing), SENDING_DUPLICATE);
	end("one\r\n..two\r\nthree\r\n.\r\n");
	begin(NULL, "");
	session.timeout = 1000;
	assert_int_equal(sending_bdat(&session, &outgoing), SENDING_DUPLICATE);
	end("BDAT 18 LAST\r\none\r\n.two\r\nthree\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(data_ends_once),
	    cmocka_unit_test(a_chunk_is_as_long_as_it_says),
	    cmocka_unit_test(an_answer_before_the_end_is_none),
	    cmocka_unit_test(part_of_a_message_is_never_ended),
	    cmocka_unit_test(a_chunk_of_another_length_is_not_sent),
	    cmocka_unit_test(silence_behind_the_end_may_be_a_duplicate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
