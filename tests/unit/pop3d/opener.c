/* opener: opens the mailbox of who is in the table, and nothing else. */
#include "pop3d/opener.h"

#include "lib/home.h"
#include "lib/sock.h"
#include "tests/unit/pop3d/home.h"
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* In place of culver-pop3d: says what it was given and what it hears. */
static const char program[] = "#!/bin/sh\n"
			      "echo \"$CULVER_HOME|$USER|$*|$PWD|$SECRET\"\n"
			      "exec cat\n";

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
		opener_run(pair[1], 1);
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

/* Ask for a mailbox; its stream, or -1. */
static int
ask(const struct halves *h, const char *address, size_t len)
{
	int answer[2], stream = -1;
	char letter = '\0';

	assert_true(sock_pair(answer));
	assert_true(sock_send(h->fd, address, len, answer[1]));
	assert_int_equal(close(answer[1]), 0);
	if (sock_receive(answer[0], &letter, 1, &stream) == 1)
		assert_int_equal(letter, stream < 0 ? 'Z' : 'K');
	assert_int_equal(close(answer[0]), 0);
	return stream;
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
	int fd;

	if (home_setup(state) != 0)
		return -1;
	home_users(USERS_RCPT, rows, COUNT(rows));
	if (mkdir("bin", 0755) != 0 || mkdir("domains", 0755) != 0 ||
	    mkdir("domains/a.test", 0755) != 0 ||
	    mkdir("domains/a.test/a", 0755) != 0)
		return -1;
	fd = open("bin/culver-pop3d", O_WRONLY | O_CREAT | O_EXCL, 0755);
	if (fd < 0 || !fd_write_all(fd, program, strlen(program)) ||
	    close(fd) != 0)
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
	return unlink("bin/culver-pop3d") != 0 || rmdir("bin") != 0 ||
	       rmdir("domains/a.test/a") != 0 || rmdir("domains/a.test") != 0 ||
	       rmdir("domains") != 0 || home_teardown(state) != 0;
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
	static const char big[OPENER_ADDRESS + 1] = "a@a.test";
	struct halves h = begin();
	int stream;
	char c;

	(void)state;
	assert_true(sock_send(h.fd, "a@a.test", 8, -1));
	assert_int_equal(ask(&h, big, sizeof(big)), -1);
	/* Not a socket: the answer goes nowhere, and no further. */
	assert_true(sock_send(h.fd, "a@a.test", 8, STDERR_FILENO));
	stream = ask(&h, "a@a.test", 8);
	assert_true(stream >= 0);
	assert_true(fd_read_all(stream, &c, 1));
	assert_int_equal(close(stream), 0);
	end(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mailbox_runs_in_its_home_with_two_variables),
	    cmocka_unit_test(others_have_no_mailbox),
	    cmocka_unit_test(mailbox_that_cannot_start_closes_its_stream),
	    cmocka_unit_test(requests_out_of_form_are_passed_over),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
