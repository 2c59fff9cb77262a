/* sending: a host gets a whole message or knows that it did not. */
#include "remote/sending.h"

#include "lib/clock.h"
#include "lib/fd.h"
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

static void
begin(const char *said)
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
	assert_true(fd_write_all(host, said, strlen(said)));
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
	ssize_t n;

	stream_close(&session.stream, false);
	n = read(host, got, sizeof(got) - 1);
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
	(void)close(host);
	assert_int_equal(fclose(file), 0);
}

static void
data_ends_once(void **state)
{
	(void)state;
	begin("250 ok\r\n");
	assert_int_equal(sending_data(&session, &outgoing), SENDING_SENT);
	assert_int_equal(session.reply.code, 250);
	end("one\r\n..two\r\nthree\r\n.\r\n");
}

static void
a_chunk_is_as_long_as_it_says(void **state)
{
	(void)state;
	begin("250 ok\r\n");
	assert_int_equal(sending_bdat(&session, &outgoing), SENDING_SENT);
	end("BDAT 18 LAST\r\none\r\n.two\r\nthree\r\n");
}

/* The file is cut short between the two times that it is read. */
static void
part_of_a_message_is_never_ended(void **state)
{
	static enum sending_result (*const ways[])(struct session * s,
	    struct outgoing * o) = {sending_data, sending_bdat};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin("");
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
		begin("");
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
	begin("");
	session.timeout = 1000;
	assert_int_equal(sending_data(&session, &outgoing), SENDING_DUPLICATE);
	end("one\r\n..two\r\nthree\r\n.\r\n");
	begin("");
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
	    cmocka_unit_test(part_of_a_message_is_never_ended),
	    cmocka_unit_test(a_chunk_of_another_length_is_not_sent),
	    cmocka_unit_test(silence_behind_the_end_may_be_a_duplicate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
