/* dovecot: only an OK to our own question is right, whatever else is said. */
#include "pop3d/dovecot.h"

#include "lib/fd.h"
#include "lib/sock.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HELLO    "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nDONE\n"

static char folder[32], path[48];

static int
setup(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/culver-dove-XXXXXX", 24);
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/auth", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

/* The client's lines up to n of them, into heard. */
static void
hear(int s, int n, char *heard, size_t size)
{
	size_t len = 0;

	while (n > 0 && len + 1 < size && read(s, heard + len, 1) == 1)
		if (heard[len++] == '\n')
			n--;
	heard[len] = '\0';
}

/* In a child: say hello, hear, say the answer, hear what may come, say the rest;
 * what was heard goes to out. */
static void
play(int listening, const char *hello, const char *answer, const char *rest,
    int out)
{
	char heard[4096] = "";
	int s = accept(listening, NULL, NULL);

	if (s < 0)
		_exit(1);
	(void)!fd_write_all(s, hello, strlen(hello));
	hear(s, 3, heard, sizeof(heard));
	(void)!fd_write_all(s, answer, strlen(answer));
	if (rest != NULL) {
		size_t len = strlen(heard);

		hear(s, 1, heard + len, sizeof(heard) - len);
		(void)!fd_write_all(s, rest, strlen(rest));
	}
	(void)!fd_write_all(out, heard, strlen(heard));
	_exit(0);
}

/* What is found out, and what Dovecot heard. */
static enum dovecot_result
ask(const char *hello, const char *answer, const char *rest, struct buf *user,
    struct buf *heard)
{
	const struct login l = {
	    str_of("smtp"), LOGIN_PASS, str_of("192.0.2.9"), str_of("40000"),
	    str_of("192.0.2.1"), str_of("25"),
	    {str_of("Al@a.test"), str_of("p\tw"), str_of("")}
        };
	int listening = sock_listen(path, 0600), out[2];
	enum dovecot_result r;
	pid_t pid;

	assert_true(listening >= 0);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		play(listening, hello, answer, rest, out[1]);
	fd_close(&out[1]);
	r = dovecot_ask(path, &l, user);
	fd_close(&listening);
	assert_true(fd_slurp(out[0], heard));
	fd_close(&out[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return r;
}

static void
answers_are_told_apart(void **state)
{
	static const struct {
		const char *hello, *answer, *rest;
		enum dovecot_result result;
	} rows[] = {
	    {HELLO,				"OK\t1\tuser=al@A.test\tx=y\n",        NULL,                      DOVECOT_RIGHT},
	    {HELLO,				"OK\t2\tuser=eve\nFAIL\t1\tuser=al\n", NULL,                      DOVECOT_WRONG},
	    {HELLO,				"FAIL\t1\tuser=al\treason=x\n",        NULL,                      DOVECOT_WRONG},
	    {HELLO,				"FAIL\t1\tuser=al\ttemp\n",            NULL,                      DOVECOT_LATER},
	    {HELLO,				"FAIL\t1\n",                           NULL,                      DOVECOT_WRONG},
	    {HELLO,				"OK\t1\n",                             NULL,                      DOVECOT_LATER},
	    {HELLO,				"OK\t1\tuser=\n",                      NULL,                      DOVECOT_LATER},
	    {HELLO,				"OK\t1\tuser=a\0011b\n",               NULL,                      DOVECOT_LATER},
	    {HELLO,				"OK\t1\tuser=al@a.test",               NULL,                      DOVECOT_LATER},
	    {HELLO,				"",				    NULL,                      DOVECOT_LATER},
	    {HELLO,				"CONT\t1\t\n",                         "OK\t1\tuser=al@A.test\n", DOVECOT_RIGHT},
	    {HELLO,				"CONT\t1\t\n",                         "CONT\t1\t\n",             DOVECOT_LATER},
	    {"VERSION\t2\t0\nMECH\tPLAIN\nDONE\n", "OK\t1\tuser=a\n",                     NULL,
             DOVECOT_LATER													},
	    {"VERSION\t1\t9\nMECH\tLOGIN\nDONE\n", "OK\t1\tuser=a\n",                     NULL,
             DOVECOT_LATER													},
	    {"MECH\tPLAIN\nDONE\n",                "OK\t1\tuser=a\n",                     NULL,                      DOVECOT_LATER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf user = {0}, heard = {0};
		enum dovecot_result r = ask(
		    rows[i].hello, rows[i].answer, rows[i].rest, &user, &heard);

		if (r != rows[i].result)
			fail_msg("row %zu: %d", i, (int)r);
		if (r == DOVECOT_RIGHT)
			assert_true(
			    str_equal(buf_str(&user), str_of("al@a.test")));
		buf_free(&user);
		buf_free(&heard);
	}
}

static void
it_hears_what_the_protocol_wants(void **state)
{
	static const char request[] =
	    "\nAUTH\t1\tPLAIN\tservice=smtp\tsecured\tnologin\tlip=192.0.2.1\t"
	    "rip=192.0.2.9\tlport=25\trport=40000\t"
	    "resp=AEFsQGEudGVzdABwCXc=\n";
	struct buf user = {0}, heard = {0};
	size_t tail = sizeof(request) - 1;

	(void)state;
	(void)!ask(HELLO, "FAIL\t1\n", NULL, &user, &heard);
	assert_true(
	    str_starts(buf_str(&heard), str_of("VERSION\t1\t1\nCPID\t")));
	assert_true(heard.len > tail);
	assert_memory_equal(heard.data + heard.len - tail, request, tail);
	buf_clear(&heard);
	(void)!ask(HELLO, "CONT\t1\t\n", "FAIL\t1\n", &user, &heard);
	assert_true(str_ends(
	    buf_str(&heard), str_of("\nCONT\t1\tAEFsQGEudGVzdABwCXc=\n")));
	buf_free(&user);
	buf_free(&heard);
}

/* More lines, or longer ones, than Dovecot says are not listened to. */
static void
what_does_not_end_is_left(void **state)
{
	static char longest[DOVECOT_LINE + 64];
	struct buf user = {0}, heard = {0}, many = {0};

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 2] = '\n';
	assert_int_equal(ask(longest, "OK\t1\tuser=a\n", NULL, &user, &heard),
	    DOVECOT_LATER);
	assert_true(buf_append_text(&many, HELLO));
	for (int i = 0; i < DOVECOT_LINES; i++)
		assert_true(buf_append_text(&many, "X\t1\n"));
	assert_true(buf_append_text(&many, "OK\t1\tuser=a\n"));
	assert_true(buf_terminate(&many));
	assert_int_equal(
	    ask(many.data, "", NULL, &user, &heard), DOVECOT_LATER);
	buf_free(&user);
	buf_free(&heard);
	buf_free(&many);
}

static void
nobody_is_there(void **state)
{
	const struct login l = {.how = LOGIN_PASS};
	struct buf user = {0};

	(void)state;
	assert_int_equal(
	    dovecot_ask("/nonexistent/auth", &l, &user), DOVECOT_LATER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_are_told_apart),
	    cmocka_unit_test(it_hears_what_the_protocol_wants),
	    cmocka_unit_test(what_does_not_end_is_left),
	    cmocka_unit_test(nobody_is_there),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
