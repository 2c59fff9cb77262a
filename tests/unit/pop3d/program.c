/* program: only a mailbox that speaks is a right password. */
#include "pop3d/program.h"

#include "lib/sock.h"
#include "pop3d/opener.h"
#include "tests/unit/pop3d/home.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct login
sample(void)
{
	return (struct login){
	    .service = str_of("pop3"),
	    .client = str_of("192.0.2.1"),
	    .client_port = str_of("9"),
	    .server = str_of("::2"),
	    .server_port = str_of("110"),
	    .who = {str_of("u"), str_of("p"), str_of("<s>")}
        };
}

static const char request[] =
    "PTCPREMOTEIP=192.0.2.1\0TCPREMOTEPORT=9\0TCPLOCALIP=::2\0"
    "TCPLOCALPORT=110";
static const char login[] = "u\0p\0<s>";

/* The opening half, for one request: says what a row wants, in its order. */
static void
open_one(int fd, const char *says)
{
	char got[OPENER_REQUEST], who[sizeof(login)], c;
	int answer, ends[2];

	if (sock_receive(fd, got, sizeof(got), &answer) != sizeof(request) ||
	    memcmp(got, request, sizeof(request)) != 0 ||
	    !fd_read_all(answer, who, sizeof(who)) ||
	    memcmp(who, login, sizeof(who)) != 0 || read(answer, &c, 1) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		_exit(1);
	/* Whoever knows enough by now may not hear the rest. */
	for (bool ok = true; ok && *says != '\0'; says++) {
		if (*says == 'K')
			ok = sock_send(answer, "K", 1, ends[1]);
		else if (*says == 'c')
			fd_close(&ends[0]);
		else if (*says == '+' || *says == '-' || *says == 'h')
			ok = fd_write_all(ends[0], says, 1);
		else
			ok = sock_send(answer, says, 1, -1);
		if (*says == 'K')
			fd_close(&ends[1]);
	}
	_exit(0);
}

static void
answers_and_results(void **state)
{
	/* K: the stream; +, -, h: said on it; c: it closes. */
	static const struct {
		const char *says;
		enum program_result result;
	} rows[] = {
	    {"K+",   PROGRAM_RIGHT},
	    {"K-",   PROGRAM_RIGHT},
	    {"K-cZ", PROGRAM_RIGHT},
	    {"K+cN", PROGRAM_RIGHT},
	    {"KcN",  PROGRAM_WRONG},
	    {"KNc",  PROGRAM_WRONG},
	    {"KcZ",  PROGRAM_LATER},
	    {"Kc",   PROGRAM_LATER},
	    {"Kh",   PROGRAM_LATER},
	    {"KhcN", PROGRAM_WRONG},
	    {"Z",    PROGRAM_LATER},
	    {"N",    PROGRAM_LATER},
	    {"",     PROGRAM_LATER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int pair[2], stream, status;
		const struct login l = sample();
		pid_t pid;
		char c;

		assert_true(sock_pair(pair));
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)close(pair[0]);
			open_one(pair[1], rows[i].says);
		}
		assert_int_equal(close(pair[1]), 0);
		assert_int_equal(
		    program_ask(pair[0], &l, &stream), rows[i].result);
		assert_true((stream >= 0) == (rows[i].result == PROGRAM_RIGHT));
		/* What was looked at is still there for the client. */
		if (stream >= 0) {
			assert_true(fd_read_all(stream, &c, 1));
			assert_int_equal(c, rows[i].says[1]);
		}
		fd_close(&stream);
		assert_int_equal(close(pair[0]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void
nobody_to_ask_is_trouble(void **state)
{
	const struct login l = sample();
	int pair[2], stream;

	(void)state;
	assert_true(sock_pair(pair));
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(program_ask(pair[0], &l, &stream), PROGRAM_LATER);
	assert_int_equal(stream, -1);
	assert_int_equal(close(pair[0]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_and_results),
	    cmocka_unit_test(nobody_to_ask_is_trouble),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, home_setup, home_teardown);
}
