/* relay: every byte arrives, in order, whoever closes first. */
#include "pop3d/relay.h"

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

enum {
	FOREVER = 60000, /* milliseconds; nothing here waits so long */
	MANY = 1 << 20
};

/* The relay runs in a child; we are the client and the mailbox. */
struct set {
	int client, mailbox;
	pid_t pid;
};

static int
run(int client, int mailbox, const char *buffered, int idle_ms)
{
	char storage[4096];
	struct channel c;
	struct reader in;
	struct relay r = {.in = &in, .out = &c, .mailbox = mailbox};

	r.idle_ms = idle_ms;
	channel_open(&c, client, 0);
	reader_open(&in, &c, storage, sizeof(storage));
	in.end = strlen(buffered);
	memcpy(storage, buffered, in.end);
	return (int)relay_run(&r);
}

static struct set
begin(const char *buffered, int idle_ms)
{
	int client[2], mailbox[2];
	struct set s;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, mailbox), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		(void)close(client[0]);
		(void)close(mailbox[0]);
		_exit(run(client[1], mailbox[1], buffered, idle_ms));
	}
	assert_int_equal(close(client[1]), 0);
	assert_int_equal(close(mailbox[1]), 0);
	s.client = client[0];
	s.mailbox = mailbox[0];
	return s;
}

static int
result(struct set *s)
{
	int status;

	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status));
	fd_close(&s->client);
	fd_close(&s->mailbox);
	return WEXITSTATUS(status);
}

static void
expect(int fd, const char *text)
{
	char got[256];
	size_t len = strlen(text);

	assert_true(fd_read_all(fd, got, len));
	assert_memory_equal(got, text, len);
}

static void
expect_end(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
}

static void
say(int fd, const char *text)
{
	assert_true(fd_write_all(fd, text, strlen(text)));
}

static void
buffered_bytes_go_first(void **state)
{
	struct set s = begin("STAT\r\nLI", FOREVER);

	(void)state;
	say(s.client, "ST\r\n");
	expect(s.mailbox, "STAT\r\nLIST\r\n");
	say(s.mailbox, "+OK\r\n");
	expect(s.client, "+OK\r\n");
	fd_close(&s.mailbox);
	expect_end(s.client);
	assert_int_equal(result(&s), RELAY_DONE);
}

static void
client_that_closed_its_half_is_still_answered(void **state)
{
	struct set s = begin("QUIT\r\n", FOREVER);

	(void)state;
	assert_int_equal(shutdown(s.client, SHUT_WR), 0);
	expect(s.mailbox, "QUIT\r\n");
	expect_end(s.mailbox);
	say(s.mailbox, "+OK\r\n");
	fd_close(&s.mailbox);
	expect(s.client, "+OK\r\n");
	expect_end(s.client);
	assert_int_equal(result(&s), RELAY_DONE);
}

static void
mailbox_learns_that_the_client_is_gone(void **state)
{
	struct set s = begin("", FOREVER);

	(void)state;
	say(s.mailbox, "+OK\r\n");
	expect(s.client, "+OK\r\n");
	fd_close(&s.client);
	expect_end(s.mailbox);
	/* What it says now reaches nobody. */
	say(s.mailbox, "+OK bye\r\n");
	assert_int_equal(result(&s), RELAY_LEFT);
}

static void
mailbox_that_says_nothing_is_told_apart(void **state)
{
	struct set s = begin("STAT\r\n", FOREVER);

	(void)state;
	fd_close(&s.mailbox);
	expect_end(s.client);
	assert_int_equal(result(&s), RELAY_SILENT);
}

static void
silence_ends_it(void **state)
{
	struct set s = begin("", 1);

	(void)state;
	assert_int_equal(result(&s), RELAY_TIMEOUT);
}

/* A client writes a megabyte of commands before it reads the answers, and the
 * mailbox reads a command only when its answer is taken. */
static void
full_buffers_both_ways_do_not_stop_it(void **state)
{
	static char text[MANY], got[MANY];
	struct set s = begin("", FOREVER);
	pid_t writer, echo;
	int status;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		text[i] = (char)(i * 31 + i / 253);
	echo = fork();
	if (echo == 0) {
		char piece[1000];
		ssize_t n;

		(void)close(s.client);
		while ((n = read(s.mailbox, piece, sizeof(piece))) > 0)
			if (!fd_write_all(s.mailbox, piece, (size_t)n))
				_exit(1);
		_exit(0);
	}
	fd_close(&s.mailbox);
	writer = fork();
	if (writer == 0)
		_exit(fd_write_all(s.client, text, MANY) &&
			      shutdown(s.client, SHUT_WR) == 0
			  ? 0
			  : 1);
	assert_true(fd_read_all(s.client, got, MANY));
	assert_memory_equal(got, text, MANY);
	expect_end(s.client);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(echo, &status, 0), echo);
	assert_int_equal(status, 0);
	assert_int_equal(result(&s), RELAY_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buffered_bytes_go_first),
	    cmocka_unit_test(client_that_closed_its_half_is_still_answered),
	    cmocka_unit_test(mailbox_learns_that_the_client_is_gone),
	    cmocka_unit_test(mailbox_that_says_nothing_is_told_apart),
	    cmocka_unit_test(silence_ends_it),
	    cmocka_unit_test(full_buffers_both_ways_do_not_stop_it),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
