/* opener: opens the mailbox of who is in the table, and nothing else. */
#include "pop3d/opener.h"

#include "lib/home.h"
#include "lib/sock.h"
#include "tests/unit/pop3d/home.h"
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* In place of culver-pop3d: says what it was given and what it hears. */
static const char program[] = "#!/bin/sh\n"
			      "echo \"$CULVER_HOME|$USER|$*|$PWD|$SECRET\"\n"
			      "exec cat\n";

/* In place of a checkpassword program.  It says on its standard output what it
 * was given, as no true one does. */
static const char check[] =
    "#!/bin/sh\n"
    "login=$(tr '\\0' '|' <&3)\n"
    "case $login in\n"
    "right*) echo \"+$login$TCPREMOTEIP|$TCPLOCALPORT|$EVIL|$*\" ;;\n"
    "slow*) sleep 100 ;;\n"
    "*) exit \"${login%%|*}\" ;;\n"
    "esac\n";

struct halves {
	pid_t pid;
	int fd;
};

static struct halves
begin(void)
{
	struct halves h;
	int pair[2];

	assert_true(sock_pair(pair));
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (h.pid == 0) {
		(void)close(pair[0]);
		home_enter();
		opener_run(pair[1], home_controls());
	}
	assert_int_equal(close(pair[1]), 0);
	h.fd = pair[0];
	return h;
}

static void
end(struct halves *h)
{
	int status;

	fd_close(&h->fd);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 111);
}

/* Ask; the stream, or -1.  *answer stays open to hear how a program ends. */
static int
ask_kind(const struct halves *h, char kind, struct str rest, struct str login,
    int *answer)
{
	int ends[2], stream = -1;
	char letter = '\0';

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	if (login.data != NULL)
		assert_true(fd_write_all(ends[0], login.data, login.len));
	assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
	assert_true(
	    sock_send_both(h->fd, (struct str){&kind, 1}, rest, ends[1]));
	assert_int_equal(close(ends[1]), 0);
	if (sock_receive(ends[0], &letter, 1, &stream) == 1)
		assert_int_equal(letter, stream < 0 ? 'Z' : 'K');
	*answer = ends[0];
	return stream;
}

/* Ask for a mailbox; its stream, or -1. */
static int
ask(const struct halves *h, const char *address, size_t len)
{
	int answer;
	int stream = ask_kind(h, OPENER_MAILBOX, (struct str){address, len},
	    (struct str){NULL, 0}, &answer);

	assert_int_equal(close(answer), 0);
	return stream;
}

static bool
script(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0755);

	return fd >= 0 && fd_write_all(fd, text, strlen(text)) &&
	       close(fd) == 0;
}

static int
setup(void **state)
{
	static const struct user rows[] = {
	    {"a@a.test",    "", 0            },
	    {"shut@a.test", "", USER_DISABLED},
	    {"smtp@a.test", "", USER_NOPOP3  },
	    {"lost@a.test", "", 0            },
	};
	const struct passwd *nobody = getpwnam("nobody");

	if (home_setup(state) != 0)
		return -1;
	home_users(USERS_RCPT, rows, COUNT(rows));
	if (mkdir("bin", 0755) != 0 || mkdir("domains", 0755) != 0 ||
	    mkdir("domains/a.test", 0755) != 0 ||
	    mkdir("domains/a.test/a", 0755) != 0)
		return -1;
	if (!script("bin/culver-pop3d", program) || !script("bin/check", check))
		return -1;
	/* Root has no private instance, and nobody is culverv here. */
	if (geteuid() == 0 &&
	    (nobody == NULL || chown(".", nobody->pw_uid, nobody->pw_gid) != 0))
		return -1;
	return setenv("CULVER_HOME", *state, 1) != 0 ||
	       setenv("SECRET", "inherited", 1) != 0;
}

static int
teardown(void **state)
{
	return unlink("bin/culver-pop3d") != 0 || unlink("bin/check") != 0 ||
	       rmdir("bin") != 0 || rmdir("domains/a.test/a") != 0 ||
	       rmdir("domains/a.test") != 0 || rmdir("domains") != 0 ||
	       home_teardown(state) != 0;
}

static void
mailbox_runs_in_its_home_with_two_variables(void **state)
{
	struct halves h = begin();
	const char *home = *state;
	char want[200], got[200];
	size_t len;
	int stream = ask(&h, "A@a.test", 8);

	assert_true(stream >= 0);
	len = (size_t)snprintf(want, sizeof(want),
	    "%s|A@a.test|-t 0 Maildir|%s/domains/a.test/a|\n", home, home);
	assert_true(fd_read_all(stream, got, len));
	assert_memory_equal(got, want, len);
	assert_true(fd_write_all(stream, "STAT", 4));
	assert_true(fd_read_all(stream, got, 4));
	assert_memory_equal(got, "STAT", 4);
	/* What was opened stays open without us. */
	end(&h);
	assert_true(fd_write_all(stream, "QUIT", 4));
	assert_true(fd_read_all(stream, got, 4));
	assert_int_equal(close(stream), 0);
}

static void
others_have_no_mailbox(void **state)
{
	static const struct str rows[] = {
	    {"b@a.test",    8 },
            {"shut@a.test", 11},
            {"smtp@a.test", 11},
	    {"@a.test",     7 },
            {"a@a.test\0",  9 },
            {"../a@a.test", 11},
	    {"\xff",        1 }
        };
	struct halves h = begin();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(ask(&h, rows[i].data, rows[i].len), -1);
	end(&h);
}

static void
mailbox_that_cannot_start_closes_its_stream(void **state)
{
	struct halves h = begin();
	int stream = ask(&h, "lost@a.test", 11);
	char c;

	(void)state;
	assert_true(stream >= 0);
	assert_int_equal(read(stream, &c, 1), 0);
	assert_int_equal(close(stream), 0);
	end(&h);
}

static void
requests_out_of_form_are_passed_over(void **state)
{
	static const char big[OPENER_REQUEST + 1] = "a@a.test";
	struct halves h = begin();
	int stream;
	char c;

	(void)state;
	assert_true(sock_send(h.fd, "Ma@a.test", 9, -1));
	assert_true(sock_send(h.fd, "M", 1, -1));
	assert_int_equal(ask(&h, big, sizeof(big)), -1);
	/* Not a socket: the answer goes nowhere, and no further. */
	assert_true(sock_send(h.fd, "Ma@a.test", 9, STDERR_FILENO));
	stream = ask(&h, "a@a.test", 8);
	assert_true(stream >= 0);
	assert_true(fd_read_all(stream, &c, 1));
	assert_int_equal(close(stream), 0);
	end(&h);
}

static const struct str variables = {
    "TCPREMOTEIP=192.0.2.1\0TCPLOCALPORT=110\0EVIL=yes\0TCPLOCALIP=::1\0", 62};

static int
ask_program(const struct halves *h, const char *user, int *answer)
{
	char login[64];
	int n =
	    snprintf(login, sizeof(login), "%s%cp q%cstamp%c", user, 0, 0, 0);

	return ask_kind(h, OPENER_PROGRAM, variables,
	    (struct str){login, (size_t)n}, answer);
}

static void
program_gets_the_login_and_a_ucspi_environment(void **state)
{
	struct halves h;
	const char *home = *state;
	char want[200], got[200];
	size_t len;
	int stream, answer;

	home_checkpassword("bin/check  -x 'a b'\n");
	h = begin();
	stream = ask_program(&h, "right", &answer);
	assert_true(stream >= 0);
	len = (size_t)snprintf(want, sizeof(want),
	    "+right|p q|stamp|192.0.2.1|110||-x 'a b' %s/bin/culver-pop3d "
	    "-t 0 Maildir\n",
	    home);
	assert_true(fd_read_all(stream, got, len));
	got[len] = '\0';
	want[len] = '\0';
	assert_string_equal(got, want);
	assert_int_equal(close(stream), 0);
	assert_int_equal(close(answer), 0);
	end(&h);
	home_checkpassword(NULL);
}

static void
program_ends_and_that_is_told(void **state)
{
	static const struct {
		const char *user;
		char letter;
	} rows[] = {
	    {"1",   'N'},
	    {"0",   'Z'},
	    {"2",   'Z'},
	    {"111", 'Z'},
	};
	struct halves h;

	(void)state;
	home_checkpassword("bin/check\n");
	h = begin();
	for (size_t i = 0; i < COUNT(rows); i++) {
		int answer;
		int stream = ask_program(&h, rows[i].user, &answer);
		char letter = '\0';

		assert_true(stream >= 0);
		assert_int_equal(read(stream, &letter, 1), 0);
		assert_int_equal(read(answer, &letter, 1), 1);
		assert_int_equal(letter, rows[i].letter);
		assert_int_equal(close(stream), 0);
		assert_int_equal(close(answer), 0);
	}
	end(&h);
	home_checkpassword(NULL);
}

/* Nobody's password is right because there is nobody to check it. */
static void
without_a_program_nothing_opens(void **state)
{
	static const char *const lines[] = {
	    NULL, "\n", " \t\n", "/nonexistent\n", "control\n"};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct halves h;
		char letter = '\0';
		int stream, answer;

		if (lines[i] != NULL)
			home_checkpassword(lines[i]);
		h = begin();
		stream = ask_program(&h, "right", &answer);
		if (stream >= 0)
			assert_int_equal(read(stream, &letter, 1), 0);
		if (read(answer, &letter, 1) == 1)
			assert_int_equal(letter, 'Z');
		fd_close(&stream);
		assert_int_equal(close(answer), 0);
		end(&h);
	}
	home_checkpassword(NULL);
}

/* Its watcher does not keep the two halves from seeing each other's end. */
static void
running_program_holds_nobody(void **state)
{
	struct halves h;
	int stream, answer;

	(void)state;
	home_checkpassword("bin/check\n");
	h = begin();
	stream = ask_program(&h, "slow", &answer);
	assert_true(stream >= 0);
	end(&h);
	assert_int_equal(close(stream), 0);
	assert_int_equal(close(answer), 0);
	home_checkpassword(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mailbox_runs_in_its_home_with_two_variables),
	    cmocka_unit_test(others_have_no_mailbox),
	    cmocka_unit_test(mailbox_that_cannot_start_closes_its_stream),
	    cmocka_unit_test(requests_out_of_form_are_passed_over),
	    cmocka_unit_test(program_gets_the_login_and_a_ucspi_environment),
	    cmocka_unit_test(program_ends_and_that_is_told),
	    cmocka_unit_test(without_a_program_nothing_opens),
	    cmocka_unit_test(running_program_holds_nobody),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
