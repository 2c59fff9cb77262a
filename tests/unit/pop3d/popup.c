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
begin_with(const char *login, int timeout_seconds, bool apop)
{
	struct popup p = {.me = str_of("mail.example"),
	    .apop = apop,
	    .plain = true,
	    .mechanisms = str_of("PLAIN"),
	    .login = login};
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

static struct talk
begin(const char *login, int timeout_seconds)
{
	return begin_with(login, timeout_seconds, false);
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
	    {"UTF8\r\nutf8 \r\nUTF8 x\r\n",
             "+OK\r\n+OK\r\n-ERR UTF8 alone\r\n"                                  },
	    {"LANG\r\nLANG EN\r\nLANG xx\r\n",
             "+OK languages follow\r\nen English\r\ni-default "
		"English\r\n.\r\n"
		"+OK en English it is\r\n-ERR no such language\r\n"               },
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
greeting_of(const char *path, bool apop, char out[200])
{
	struct talk t = begin_with(path, 60, apop);
	ssize_t n = read(t.fd, out, 199);

	assert_true(n > 0);
	out[n] = '\0';
	finish(&t);
}

static void
greeting_tempts_nobody_to_apop(void **state)
{
	const struct authd *a = *state;
	char greeting[200];

	greeting_of(a->path, false, greeting);
	assert_string_equal(greeting, "+OK mail.example\r\n");
}

static void
stamps_differ_where_they_are_shown(void **state)
{
	const struct authd *a = *state;
	char one[200], two[200];

	greeting_of(a->path, true, one);
	greeting_of(a->path, true, two);
	assert_memory_equal(one, "+OK <", 5);
	assert_non_null(strstr(one, "@mail.example>\r\n"));
	assert_string_not_equal(one, two);
}

#define DIGEST "0123456789abcdef0123456789abcdef"

static void
apop_is_asked_like_a_password(void **state)
{
	static const char syntax[] = "-ERR whose mailbox, and what digest?\r\n";
	static const struct {
		const char *says, *hears;
	} rows[] = {
	    {"APOP a " DIGEST "\r\n",                       WRONG                    },
	    {"apop a b " DIGEST "\r\n",                     WRONG                    },
	    {"APOP ok " DIGEST "\r\nSTAT\r\n",              "+OK mailbox\r\nSTAT\r\n"},
	    {"APOP\r\n",				    syntax                   },
	    {"APOP " DIGEST "\r\n",                         syntax                   },
	    {"APOP a " DIGEST "0\r\n",                      syntax                   },
	    {"APOP a 0123456789ABCDEF0123456789ABCDEF\r\n", syntax                   },
	    {"APOP a right\r\n",                            syntax                   },
	    {"APOP a " DIGEST "\r\nPASS right\r\n",
             WRONG "-ERR USER first\r\n"					     },
	};
	const struct authd *a = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = begin_with(a->path, 60, true);

		assert_true(
		    fd_write_all(t.fd, rows[i].says, strlen(rows[i].says)));
		assert_int_equal(shutdown(t.fd, SHUT_WR), 0);
		assert_string_equal(hear_all(&t), rows[i].hears);
		finish(&t);
	}
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
	    cmocka_unit_test(stamps_differ_where_they_are_shown),
	    cmocka_unit_test(apop_is_asked_like_a_password),
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
