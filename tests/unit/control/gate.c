/* gate: whose header is read, and whose connection it is then. */
#include "control/gate.h"
#include "lib/clock.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
	char path[40];
	int fd;
	struct controls *c;
};

static int
folder_open(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	assert_non_null(f);
	(void)snprintf(f->path, sizeof f->path, "/tmp/culver-gate.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY);
	assert_true(f->fd >= 0);
	f->c = control_new(f->fd, CONTROL_POPUP);
	assert_non_null(f->c);
	*state = f;
	return 0;
}

static int
folder_close(void **state)
{
	struct folder *f = *state;

	(void)unlinkat(f->fd, "proxyclients", 0);
	(void)unlinkat(f->fd, "tcp.pop3", 0);
	control_free(f->c);
	assert_int_equal(close(f->fd), 0);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

static void
put(const struct folder *f, const char *name, const char *text)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, text, strlen(text)));
	assert_int_equal(close(fd), 0);
}

static void
a_header_is_read_of_proxies_alone(void **state)
{
	static const char header[] = "PROXY TCP4 9.8.7.6 5.4.3.2 1000 110\r\n";
	static const struct {
		const char *peer, *sent;
		enum gate gate;
		bool proxied;
		const char *remote;
		size_t left; /* bytes that nobody has read */
	} rows[] = {
	    {"192.0.2.1",   header,              GATE_OPEN,   true,  "9.8.7.6",   0},
	    {"192.0.2.1",   "PROXY UNKNOWN\r\n", GATE_OPEN,   false, "192.0.2.1",
             0								     },
	    {"192.0.2.1",   "QUIT\r\n",          GATE_CLOSED, false, "192.0.2.1", 0},
	    {"192.0.2.1",   "",                  GATE_CLOSED, false, "192.0.2.1", 0},
	    {"192.0.2.2",   header,              GATE_OPEN,   false, "192.0.2.2",
             sizeof header - 1						     },
	    {"2001:db8::1", header,              GATE_OPEN,   true,  "9.8.7.6",   0},
	};
	struct folder *f = *state;

	put(f, "proxyclients", "192.0.2.1\n[2001:db8::]/32\n");
	assert_true(control_refresh(f->c));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct connection peer = {.listener_fd = -1};
		struct ip remote;
		char rest[128];
		int ends[2];
		bool proxied;

		assert_int_equal(pipe(ends), 0);
		assert_true(
		    fd_write_all(ends[1], rows[i].sent, strlen(rows[i].sent)));
		assert_int_equal(close(ends[1]), 0);
		peer.in_fd = ends[0];
		assert_true(ip_parse(str_of(rows[i].peer), &peer.remote));
		assert_int_equal(
		    gate_proxy(f->c, &peer, &proxied), rows[i].gate);
		assert_int_equal(proxied, rows[i].proxied);
		assert_true(ip_parse(str_of(rows[i].remote), &remote));
		assert_true(ip_equal(&peer.remote, &remote));
		assert_int_equal(peer.local_port, proxied ? 110 : 0);
		if (rows[i].gate == GATE_OPEN)
			assert_int_equal(
			    read(ends[0], rest, sizeof rest), rows[i].left);
		assert_int_equal(close(ends[0]), 0);
	}
}

static void
what_cannot_be_read_is_trouble(void **state)
{
	struct folder *f = *state;
	struct connection peer = {.listener_fd = -1};
	struct access_client who = {.ip = &peer.remote};
	struct buf vars = {0};
	bool proxied;

	assert_int_equal(gate_proxy(f->c, &peer, &proxied), GATE_TROUBLE);
	assert_int_equal(
	    gate_rules(f->c, C_tcp_pop3, &who, &vars), GATE_TROUBLE);
	put(f, "tcp.pop3", ":allow,A=\"b\"\n");
	assert_true(control_refresh(f->c));
	assert_int_equal(gate_proxy(f->c, &peer, &proxied), GATE_OPEN);
	assert_int_equal(gate_rules(f->c, C_tcp_pop3, &who, &vars), GATE_OPEN);
	assert_int_equal(vars.len, sizeof "+A=b");
	put(f, "tcp.pop3", "192.0.2.1:deny\n:allow\n");
	assert_true(control_refresh(f->c));
	assert_true(ip_parse(str_of("192.0.2.1"), &peer.remote));
	assert_int_equal(
	    gate_rules(f->c, C_tcp_pop3, &who, &vars), GATE_DENIED);
	buf_free(&vars);
}

static void
who_has_gone_is_told_nothing(void **state)
{
	struct connection peer = {.listener_fd = -1};
	char got[16];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	peer.out_fd = ends[1];
	gate_tell(&peer, "554 no\r\n");
	assert_int_equal(read(ends[0], got, sizeof got), 8);
	assert_memory_equal(got, "554 no\r\n", 8);
	assert_int_equal(close(ends[1]), 0);
	peer.out_fd = open("/dev/null", O_RDONLY);
	gate_tell(&peer, "554 no\r\n");
	assert_int_equal(close(peer.out_fd), 0);
	assert_int_equal(close(ends[0]), 0);
}

int
main(void)
{
#define IN_FOLDER(f)                                                           \
	cmocka_unit_test_setup_teardown(f, folder_open, folder_close)
	const struct CMUnitTest tests[] = {
	    IN_FOLDER(a_header_is_read_of_proxies_alone),
	    IN_FOLDER(what_cannot_be_read_is_trouble),
	    cmocka_unit_test(who_has_gone_is_told_nothing),
	};

	clock_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
