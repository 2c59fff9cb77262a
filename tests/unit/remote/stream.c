/* stream: lines and bytes by a deadline, in the clear and within TLS. */
#include "tests/unit/lib/tlshost.h"

#include "remote/stream.h"
#include <errno.h>
#include <poll.h>

static struct stream s;
static int64_t patience; /* of begin's streams; 0: none was told */

/* A stream, and the other end of it in this process. */
static int
begin(void)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_true(fd_nonblock(ends[0]));
	stream_open(&s, ends[0]);
	if (patience > 0)
		stream_patience(&s, patience);
	return ends[1];
}

static void
send_text(int fd, const char *text)
{
	assert_true(fd_write_all(fd, text, strlen(text)));
}

static void
expect_line(const char *text)
{
	struct str line;

	assert_int_equal(stream_line(&s, soon(), &line), STREAM_OK);
	assert_int_equal(line.len, strlen(text));
	assert_memory_equal(line.data, text, line.len);
}

static void
lines_come_however_they_are_cut(void **state)
{
	int peer = begin();
	struct str line;

	(void)state;
	send_text(peer, "220 one\r\n250 two\n\r\n\n250");
	expect_line("220 one");
	assert_true(stream_has_line(&s));
	expect_line("250 two");
	expect_line("");
	expect_line("");
	assert_false(stream_has_line(&s));
	assert_true(stream_pending(&s));
	assert_int_equal(stream_line(&s, clock_boot(), &line), STREAM_TIMEOUT);
	assert_int_equal(errno, ETIMEDOUT);
	send_text(peer, " three\r\nlast");
	expect_line("250 three");
	assert_int_equal(close(peer), 0);
	assert_int_equal(stream_line(&s, soon(), &line), STREAM_CLOSED);
	assert_int_equal(stream_line(&s, soon(), &line), STREAM_CLOSED);
	stream_close(&s, true);
	assert_int_equal(s.fd, -1);
	stream_close(&s, true);
}

static void
a_read_that_waits_by_itself_ends_in_time(void **state)
{
	const int64_t most = CLOCK_SECOND / 20;
	int64_t deadline;
	struct str line;
	int peer;

	(void)state;
	peer = begin();
	stream_patience(&s, most);
	deadline = clock_boot() + most;
	assert_int_equal(stream_line(&s, deadline, &line), STREAM_TIMEOUT);
	assert_true(clock_boot() >= deadline);
	send_text(peer, "250");
	assert_int_equal(stream_line(&s, clock_boot(), &line), STREAM_TIMEOUT);
	send_text(peer, " ok\n");
	expect_line("250 ok");
	stream_close(&s, false);
	assert_int_equal(close(peer), 0);
}

static void
a_line_has_its_limit(void **state)
{
	static char text[STREAM_LINE + 1];
	int peer = begin();
	struct str line;

	(void)state;
	memset(text, 'x', STREAM_LINE - 1);
	text[STREAM_LINE - 1] = '\n';
	send_text(peer, text);
	assert_int_equal(stream_line(&s, soon(), &line), STREAM_OK);
	assert_int_equal(line.len, STREAM_LINE - 1);
	text[STREAM_LINE - 1] = 'x';
	send_text(peer, text);
	assert_int_equal(stream_line(&s, soon(), &line), STREAM_LONG);
	send_text(peer, "\n");
	assert_int_equal(stream_line(&s, soon(), &line), STREAM_LONG);
	stream_close(&s, false);
	assert_int_equal(close(peer), 0);
}

static void
what_is_written_is_kept_until_it_is_flushed(void **state)
{
	int peer = begin();
	char data[64];

	(void)state;
	assert_int_equal(
	    stream_write(&s, "MAIL FROM:<>\r\n", 14, soon()), STREAM_OK);
	assert_int_equal(stream_write(&s, "DATA\r\n", 6, soon()), STREAM_OK);
	assert_int_equal(recv(peer, data, sizeof data, MSG_DONTWAIT), -1);
	assert_int_equal(stream_flush(&s, soon()), STREAM_OK);
	assert_int_equal(recv(peer, data, sizeof data, MSG_DONTWAIT), 20);
	assert_memory_equal(data, "MAIL FROM:<>\r\nDATA\r\n", 20);
	stream_close(&s, false);
	assert_int_equal(close(peer), 0);
}

static void
a_peer_that_reads_nothing_is_left_by_the_deadline(void **state)
{
	static const char zeros[STREAM_OUT];
	int peer = begin();
	enum stream_result r = STREAM_OK;

	(void)state;
	for (int i = 0; r == STREAM_OK; i++) {
		assert_true(i < 10000);
		r = stream_write(
		    &s, zeros, sizeof zeros, clock_boot() + CLOCK_SECOND / 20);
	}
	assert_int_equal(r, STREAM_TIMEOUT);
	assert_int_equal(stream_write(&s, "x", 1, soon()), STREAM_TIMEOUT);
	assert_int_equal(stream_flush(&s, soon()), STREAM_TIMEOUT);
	assert_int_equal(errno, ETIMEDOUT);
	assert_false(stream_alive(&s));
	stream_close(&s, true);
	assert_int_equal(close(peer), 0);
}

/* SIGPIPE has its default here: it would end the test. */
static void
a_peer_that_has_gone_is_no_signal(void **state)
{
	int peer = begin();

	(void)state;
	assert_int_equal(close(peer), 0);
	assert_int_equal(stream_write(&s, "x", 1, soon()), STREAM_OK);
	assert_int_equal(stream_flush(&s, soon()), STREAM_CLOSED);
	assert_int_equal(stream_flush(&s, soon()), STREAM_CLOSED);
	stream_close(&s, false);
}

static void
an_idle_connection_is_alive_until_the_peer_speaks(void **state)
{
	int peer = begin();

	(void)state;
	assert_true(stream_alive(&s));
	send_text(peer, "4");
	assert_false(stream_alive(&s));
	stream_close(&s, false);
	assert_false(stream_alive(&s));
	assert_int_equal(close(peer), 0);
	peer = begin();
	assert_int_equal(close(peer), 0);
	assert_false(stream_alive(&s));
	stream_close(&s, false);
}

/* Answers each line before it reads the next, and waits for its answer to be
 * taken: who only writes is stuck with it. */
static void
serve_chatter(int fd, SSL_CTX *x)
{
	SSL *ssl = x == NULL ? NULL : host_accept(fd, x);
	char data[2048];
	const int small = 4096;
	ssize_t n;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) != 0)
		_exit(1);
	for (;;) {
		n = ssl == NULL ? read(fd, data, sizeof data)
				: SSL_read(ssl, data, sizeof data);
		if (n <= 0)
			break;
		memset(data, '\n', (size_t)n);
		n = ssl == NULL ? write(fd, data, (size_t)n)
				: SSL_write(ssl, data, (int)n);
		if (n <= 0)
			break;
	}
}

static void
start_tls(struct host *h, void (*serve)(int, SSL_CTX *), SSL_CTX *x)
{
	struct tls_wish wish = {0};
	char why[TLS_WHY];

	*h = host_start(serve, x);
	stream_open(&s, h->fd);
	if (x != NULL)
		assert_int_equal(
		    stream_start_tls(&s, context, &wish, soon(), why), TLS_OK);
}

static void
end(const struct host *h, SSL_CTX *x)
{
	stream_close(&s, true);
	host_end(h);
	SSL_CTX_free(x);
}

static void
a_peer_that_answers_early_stops_nobody(void **state)
{
	static char data[STREAM_IN];

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		SSL_CTX *x = tls ? host_context(CARD_GOOD) : NULL;
		const int small = 4096;
		struct host h;
		size_t back = 0;
		struct str line;

		start_tls(&h, serve_chatter, x);
		assert_int_equal(setsockopt(h.fd, SOL_SOCKET, SO_SNDBUF, &small,
				     sizeof small),
		    0);
		/* More than both sockets hold, less than is read ahead. */
		assert_int_equal(
		    stream_write(&s, data, STREAM_IN, soon()), STREAM_OK);
		assert_int_equal(stream_flush(&s, soon()), STREAM_OK);
		for (; back < STREAM_IN; back++)
			assert_int_equal(
			    stream_line(&s, soon(), &line), STREAM_OK);
		end(&h, x);
	}
}

static void
tls_carries_lines_and_much_more(void **state)
{
	enum { LINE = 100, LINES = STREAM_OUT / 10 };
	static char text[LINE];
	SSL_CTX *x = host_context(CARD_GOOD);
	struct host h;
	size_t sent = 0;

	(void)state;
	start_tls(&h, serve_echo, x);
	assert_string_equal(
	    stream_tls_text(&s), "TLSv1.3 TLS_AES_256_GCM_SHA384 untrusted");
	expect_line("220 hello");
	assert_true(stream_alive(&s));
	memset(text, 'y', sizeof text - 1);
	/* Ten buffers full, a few lines on the way. */
	for (size_t back = 0; back < LINES; back++) {
		for (; sent < LINES && sent < back + 50; sent++) {
			text[LINE - 1] = '\n';
			assert_int_equal(
			    stream_write(&s, text, LINE, soon()), STREAM_OK);
		}
		assert_int_equal(stream_flush(&s, soon()), STREAM_OK);
		text[LINE - 1] = '\0';
		expect_line(text);
	}
	end(&h, x);
}

/* T2 of a response that is put behind the answer to STARTTLS. */
static void
clear_bytes_before_the_handshake_end_it(void **state)
{
	static const char *const texts[] = {
	    "220 go\r\n250 injected\r\n",
	    "220 go\r\n2",
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(texts); i++) {
		int peer = begin();
		const char *text = texts[i / 2];
		size_t first = i % 2 == 0 ? strlen(text) : strlen("220 go\r\n");
		struct tls_wish wish = {0};
		char why[TLS_WHY], data[16];

		/* In one segment with it, and in one that follows. */
		assert_true(fd_write_all(peer, text, first));
		expect_line("220 go");
		send_text(peer, text + first);
		assert_int_equal(
		    stream_start_tls(&s, context, &wish, soon(), why),
		    TLS_INJECTED);
		assert_true(why[0] != '\0');
		assert_string_equal(stream_tls_text(&s), "");
		assert_int_equal(
		    recv(peer, data, sizeof data, MSG_DONTWAIT), -1);
		stream_close(&s, true);
		assert_int_equal(close(peer), 0);
	}
}

/* Closes as the second byte tells: with a close_notify or without. */
static void
serve_goodbye(int fd, SSL_CTX *x)
{
	SSL *ssl = host_accept(fd, x);
	char how[1];

	if (SSL_write(ssl, "220 hello\r\n", 11) != 11 ||
	    SSL_read(ssl, how, sizeof how) != 1)
		_exit(1);
	if (how[0] == 'p')
		(void)SSL_shutdown(ssl);
	if (how[0] == 's' && SSL_write(ssl, "421 bye\r\n", 9) != 9)
		_exit(1);
}

static void
a_tls_peer_that_ends_is_no_longer_alive(void **state)
{
	static const char how[] = "pqs";

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		SSL_CTX *x = host_context(CARD_GOOD);
		struct str line;
		struct host h;
		short seen;

		start_tls(&h, serve_goodbye, x);
		expect_line("220 hello");
		/* Tickets may have come: they are no word of the peer. */
		assert_true(stream_alive(&s));
		assert_int_equal(
		    stream_write(&s, how + i, 1, soon()), STREAM_OK);
		assert_int_equal(stream_flush(&s, soon()), STREAM_OK);
		assert_true(fd_await(s.fd, POLLIN, soon(), &seen));
		assert_false(stream_alive(&s));
		if (how[i] == 's')
			expect_line("421 bye");
		assert_int_equal(stream_line(&s, soon(), &line), STREAM_CLOSED);
		end(&h, x);
	}
}

/* Tells by its exit how the client closed. */
static void
serve_closed(int fd, SSL_CTX *x)
{
	SSL *ssl = host_accept(fd, x);
	char byte;
	int n = SSL_read(ssl, &byte, 1);

	_exit(SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN ? 7 : 8);
}

static void
a_close_says_so_when_it_is_polite(void **state)
{
	(void)state;
	for (int polite = 0; polite < 2; polite++) {
		SSL_CTX *x = host_context(CARD_GOOD);
		struct host h;
		int status;

		start_tls(&h, serve_closed, x);
		stream_close(&s, polite);
		assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), polite ? 7 : 8);
		SSL_CTX_free(x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_come_however_they_are_cut),
	    cmocka_unit_test(a_read_that_waits_by_itself_ends_in_time),
	    cmocka_unit_test(a_line_has_its_limit),
	    cmocka_unit_test(what_is_written_is_kept_until_it_is_flushed),
	    cmocka_unit_test(a_peer_that_reads_nothing_is_left_by_the_deadline),
	    cmocka_unit_test(a_peer_that_has_gone_is_no_signal),
	    cmocka_unit_test(an_idle_connection_is_alive_until_the_peer_speaks),
	    cmocka_unit_test(a_peer_that_answers_early_stops_nobody),
	    cmocka_unit_test(tls_carries_lines_and_much_more),
	    cmocka_unit_test(clear_bytes_before_the_handshake_end_it),
	    cmocka_unit_test(a_tls_peer_that_ends_is_no_longer_alive),
	    cmocka_unit_test(a_close_says_so_when_it_is_polite),
	};

	if (cmocka_run_group_tests(tests, open_all, close_all) != 0)
		return 1;
	patience = PATIENCE;
	return cmocka_run_group_tests(tests, open_all, close_all);
}
