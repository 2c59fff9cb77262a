/* opener: keeps one culver-pop3d running, and runs programs. */
#include "pop3d/opener.h"

#include "lib/home.h"
#include "lib/sock.h"
#include "tests/unit/pop3d/home.h"
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* In place of culver-pop3d: says once what it was given, when it is asked. */
static const char program[] =
    "#!/bin/sh\n"
    "read -r ask <&3 || :\n"
    "echo \"$CULVER_HOME|$USER|$*|$PWD|$SECRET\" >&3\n";

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

enum { PATIENCE = 60000 }; /* milliseconds */

struct halves {
	pid_t pid;
	int fd, requests; /* of programs; of the keeper */
};

static struct halves
begin(void)
{
	struct halves h;
	int pair[2], kept[2];

	assert_true(sock_pair(pair));
	/* A script reads one byte after another. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, kept), 0);
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (h.pid == 0) {
		(void)close(pair[0]);
		(void)close(kept[0]);
		home_enter();
		opener_run(pair[1], kept[1], home_controls());
	}
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(close(kept[1]), 0);
	h.fd = pair[0];
	h.requests = kept[0];
	return h;
}

static void
end(struct halves *h)
{
	int status;

	fd_close(&h->fd);
	fd_close(&h->requests);
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
	const struct passwd *nobody = getpwnam("nobody");

	if (home_setup(state) != 0)
		return -1;
	if (mkdir("bin", 0755) != 0)
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
	       rmdir("bin") != 0 || home_teardown(state) != 0;
}

/* It is started at once, and again when it has ended, where the same requests
 * wait for it. */
static void
keeper_runs_with_one_variable(void **state)
{
	struct halves h = begin();
	const char *home = *state;
	char want[200], got[200];
	size_t len;

	len = (size_t)snprintf(want, sizeof(want), "%s||-k|%s|\n", home, home);
	for (int i = 0; i < 2; i++) {
		struct pollfd p = {.fd = h.requests, .events = POLLIN};

		assert_true(sock_send(h.requests, "ask\n", 4, -1));
		assert_int_equal(poll(&p, 1, PATIENCE), 1);
		assert_true(fd_read_all(h.requests, got, len));
		assert_memory_equal(got, want, len);
	}
	end(&h);
}

static void
requests_out_of_form_are_passed_over(void **state)
{
	static const char big[OPENER_REQUEST + 1] = "a@a.test";
	static const struct str rows[] = {
	    {"Ma@a.test", 9          },
	    {"M",         1          },
	    {"x",         1          },
	    {big,         sizeof(big)},
	};
	struct halves h = begin();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int answer;

		assert_int_equal(ask_kind(&h, rows[i].data[0],
				     str_slice(rows[i], 1, rows[i].len),
				     (struct str){NULL, 0}, &answer),
		    -1);
		assert_int_equal(close(answer), 0);
	}
	/* Nobody to answer, and one who is no socket. */
	assert_true(sock_send(h.fd, "P", 1, -1));
	assert_true(sock_send(h.fd, "M", 1, STDERR_FILENO));
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
	    {"0",   'Y'},
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
	    cmocka_unit_test(keeper_runs_with_one_variable),
	    cmocka_unit_test(requests_out_of_form_are_passed_over),
	    cmocka_unit_test(program_gets_the_login_and_a_ucspi_environment),
	    cmocka_unit_test(program_ends_and_that_is_told),
	    cmocka_unit_test(without_a_program_nothing_opens),
	    cmocka_unit_test(running_program_holds_nobody),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
