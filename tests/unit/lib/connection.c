/* connection: who is there, as a UCSPI server or the socket itself tells. */
#include "lib/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const names[] = {
    "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static void
set_all(const char *const values[NAMES])
{
	for (size_t i = 0; i < NAMES; i++) {
		if (values[i] == NULL)
			assert_int_equal(unsetenv(names[i]), 0);
		else
			assert_int_equal(setenv(names[i], values[i], 1), 0);
	}
}

static void
expect(const struct ip *a, uint16_t port, const char *ip, unsigned want)
{
	char text[IP_SIZE];

	ip_format(text, a);
	assert_string_equal(text, ip);
	assert_int_equal(port, want);
}

/* Descriptor 0 is /dev/null or a terminal here and tells nothing. */
static void
the_environment_is_believed_where_it_has_a_form(void **state)
{
	static const struct {
		const char *values[NAMES];
		const char *remote, *local;
		unsigned remote_port, local_port;
	} rows[] = {
	    {{"192.0.2.1", "1234", "192.0.2.2", "25"},         "192.0.2.1",   "192.0.2.2",
             1234,									    25   },
	    {{"2001:db8::1", "1", "2001:DB8:0::2", "65535"},   "2001:db8::1",
             "2001:db8::2",								1, 65535},
	    {{"::ffff:192.0.2.1", NULL, "192.0.2.2", "65536"}, "192.0.2.1",
             "192.0.2.2",								  0, 0    },
	    {{"192.0.2.1 ", "1234", "", "25"},                 "::",          "::",        0, 0    },
	    {{"x\n", "-1", NULL, "25"},                        "::",          "::",        0, 0    },
	    {{NULL, NULL, NULL, NULL},                         "::",          "::",        0, 0    },
	};
	struct connection c;
	int saved = dup(0), null = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(saved >= 0 && dup2(null, 0) == 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_all(rows[i].values);
		connection_from_ucspi(&c);
		assert_int_equal(c.in_fd, 0);
		assert_int_equal(c.out_fd, 1);
		expect(&c.remote, c.remote_port, rows[i].remote,
		    rows[i].remote_port);
		expect(
		    &c.local, c.local_port, rows[i].local, rows[i].local_port);
	}
	assert_int_equal(dup2(saved, 0), 0);
	(void)close(saved);
	(void)close(null);
}

static void
the_socket_tells_when_the_environment_does_not(void **state)
{
	static const char *const none[NAMES] = {NULL, NULL, NULL, NULL};
	struct listener l = {.count = 0};
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	struct connection c;
	int client = socket(AF_INET, SOCK_STREAM, 0), saved = dup(0), fd;

	(void)state;
	set_all(none);
	listener_add(&l, str_of("127.0.0.1:0"));
	assert_int_equal(
	    getsockname(l.fds[0], (struct sockaddr *)&in, &len), 0);
	assert_int_equal(
	    connect(client, (struct sockaddr *)&in, sizeof(in)), 0);
	fd = accept(l.fds[0], NULL, NULL);
	assert_true(fd >= 0 && dup2(fd, 0) == 0);
	connection_from_ucspi(&c);
	expect(&c.local, c.local_port, "127.0.0.1", ntohs(in.sin_port));
	len = sizeof(in);
	assert_int_equal(getsockname(client, (struct sockaddr *)&in, &len), 0);
	expect(&c.remote, c.remote_port, "127.0.0.1", ntohs(in.sin_port));
	assert_int_equal(dup2(saved, 0), 0);
	(void)close(saved);
	(void)close(fd);
	(void)close(client);
	(void)close(l.fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_environment_is_believed_where_it_has_a_form),
	    cmocka_unit_test(the_socket_tells_when_the_environment_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
