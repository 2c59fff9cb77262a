/* popup: what a client is told before it is logged in, and where the bytes go
 * after that. */
#include "pop3d/popup.h"

#include "pop3d/command.h"
#include "tests/unit/pop3d/authd.h"
#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define NO    "-ERR no such command\r\n"
#define WRONG "-ERR [AUTH] authorization failed\r\n"

/* popup runs in a child; we are its client. */
struct talk {
	int fd;
	pid_t pid;
};

static struct talk
begin(const char *login, int timeout_seconds)
{
	struct popup p = {.me = str_of("mail.example"), .login = login};
	struct talk t;
	int ends[2];

	p.timeout_seconds = timeout_seconds;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	t.pid = fork();
	assert_true(t.pid >= 0);
	if (t.pid == 0) {
		struct connection c = {.in_fd = ends[1], .out_fd = ends[1]};

		(void)close(ends[0]);
		popup_serve(&p, &c);
		_exit(0);
	}
	t.fd = ends[0];
	assert_int_equal(close(ends[1]), 0);
	return t;
}

static void
finish(struct talk *t)
{
	int status;

	fd_close(&t->fd);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	assert_int_equal(status, 0);
}

/* Everything it is told after the greeting, until it closes. */
static const char *
hear_all(struct talk *t)
{
	static struct buf heard;
	size_t greeting;

	buf_clear(&heard);
	assert_true(fd_slurp(t->fd, &heard));
	assert_true(buf_terminate(&heard));
	greeting = str_find(buf_str(&heard), '\n') + 1;
	return heard.data + greeting;
}

static const char *
talk(const char *login, const char *text)
{
	struct talk t = begin(login, 60);
	const char *heard;

	assert_true(fd_write_all(t.fd, text, strlen(text)));
	assert_int_equal(shutdown(t.fd, SHUT_WR), 0);
	heard = hear_all(&t);
	finish(&t);
	return heard;
}

static void
commands_and_answers(void **state)
{
	static const char *const rows[][2] = {
	    {"",					 ""		       },
	    {"QUIT\r\n",				 "+OK\r\n"                },
	    {"quit\r\nQUIT\r\n",                         "+OK\r\n"                },
	    {"USER a\r\nUSER b@c\r\n",                   "+OK\r\n+OK\r\n"         },
	    {"USER\r\n",				 "-ERR whose mailbox?\r\n"},
	    {"PASS x\r\n",			       "-ERR USER first\r\n"    },
	    {"USER\r\nPASS x\r\n",
             "-ERR whose mailbox?\r\n-ERR USER first\r\n"                         },
	    {"STAT\r\nNOOP\r\nAPOP a b\r\n",             NO NO NO                 },
	    {"\r\n \r\n",				NO NO                    },
	    {"USER a\r\nPASS wrong\r\n",                 "+OK\r\n" WRONG          },
	    {"USER a\r\nPASS\r\n",                       "+OK\r\n" WRONG          },
	    {"USER a\r\nPASS right \r\n",                "+OK\r\n" WRONG          },
	    {"USER a\r\nPASS  right\r\n",                "+OK\r\n" WRONG          },
	    {"USER a\r\nPASS wrong\r\nPASS right\r\n",
             "+OK\r\n" WRONG "-ERR USER first\r\n"                                },
	    {"USER a\r\nPASS later\r\n",
             "+OK\r\n-ERR [SYS/TEMP] cannot check passwords now\r\n"              },
	    {"USER a\r\nPASS right\r\nSTAT\r\nQUIT\r\n",
             "+OK\r\n+OK mailbox\r\nSTAT\r\nQUIT\r\n"                             },
	    {"USER a\r\nPASS empty\r\n",
             "+OK\r\n-ERR [SYS/TEMP] cannot open the mailbox now\r\n"             },
	};
	const struct authd *a = *state;

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(talk(a->path, rows[i][0]), rows[i][1]);
}

static void
greeting_tempts_nobody_to_apop(void **state)
{
	const struct authd *a = *state;
	struct talk t = begin(a->path, 60);
	char greeting[200] = "";

	assert_true(read(t.fd, greeting, sizeof(greeting) - 1) > 0);
	assert_memory_equal(greeting, "+OK ", 4);
	assert_non_null(strstr(greeting, "@mail.example\r\n"));
	assert_null(strchr(greeting, '<'));
	finish(&t);
}

static void
wrong_passwords_are_limited(void **state)
{
	const struct authd *a = *state;
	char text[400] = "", want[400] = "";
	size_t at = 0, end = 0;

	for (int i = 0; i < POPUP_FAILURES + 3; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "USER a\r\nPASS wrong%d\r\n", i);
	for (int i = 0; i < POPUP_FAILURES; i++)
		end += (size_t)snprintf(
		    want + end, sizeof(want) - end, "+OK\r\n" WRONG);
	assert_string_equal(talk(a->path, text), want);
}

static void
errors_are_limited(void **state)
{
	const struct authd *a = *state;
	char text[400] = "", want[400] = "";
	size_t at = 0, end = 0;

	for (int i = 0; i < POPUP_ERRORS + 3; i++)
		at += (size_t)snprintf(
		    text + at, sizeof(text) - at, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < POPUP_ERRORS; i++)
		end += (size_t)snprintf(want + end, sizeof(want) - end, NO);
	assert_string_equal(talk(a->path, text), want);
}

static void
long_lines_are_refused_and_no_more(void **state)
{
	static char text[70000];
	const struct authd *a = *state;
	static const size_t rows[] = {COMMAND_MAX + 1, 4096, 60000};

	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(text, 'x', rows[i]);
		memset(text, ' ', 5);
		memset(text, 'x', 4);
		memcpy(text + rows[i] - 2, "\r\nQUIT\r\n", 9);
		assert_string_equal(
		    talk(a->path, text), "-ERR command too long\r\n+OK\r\n");
	}
}

static void
dribbling_does_not_keep_it_for_ever(void **state)
{
	const struct authd *a = *state;
	struct talk t = begin(a->path, 1);

	/* A byte before each wait ends, until it has closed. */
	while (send(t.fd, "x", 1, MSG_NOSIGNAL) == 1) {
		const struct timespec pause = {0, 100000000};

		assert_int_equal(nanosleep(&pause, NULL), 0);
	}
	finish(&t);
}

static void
without_authd_it_is_a_temporary_trouble(void **state)
{
	(void)state;
	assert_string_equal(
	    talk("/nonexistent/auth", "USER a\r\nPASS right\r\nQUIT\r\n"),
	    "+OK\r\n-ERR [SYS/TEMP] cannot check passwords now\r\n+OK\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(commands_and_answers),
	    cmocka_unit_test(greeting_tempts_nobody_to_apop),
	    cmocka_unit_test(wrong_passwords_are_limited),
	    cmocka_unit_test(errors_are_limited),
	    cmocka_unit_test(long_lines_are_refused_and_no_more),
	    cmocka_unit_test(dribbling_does_not_keep_it_for_ever),
	    cmocka_unit_test(without_authd_it_is_a_temporary_trouble),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, authd_setup, authd_teardown);
}
