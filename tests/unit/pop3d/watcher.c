/* watcher: says how its child ended, and has no rights meanwhile. */
#include "pop3d/watcher.h"

#include "lib/home.h"
#include "tests/unit/pop3d/home.h"
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Root has no private instance. */
static int
setup(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");

	if (home_setup(state) != 0)
		return -1;
	if (geteuid() == 0 &&
	    (nobody == NULL || chown(".", nobody->pw_uid, nobody->pw_gid) != 0))
		return -1;
	return setenv("CULVER_HOME", *state, 1);
}

NO_RETURN static void
end_so(int code, int signal_number)
{
	if (signal_number != 0)
		(void)raise(signal_number);
	_exit(code);
}

static void
ends_and_letters(void **state)
{
	static const struct {
		int code, signal_number;
		char letter;
	} rows[] = {
	    {1,   0,       'N'},
	    {0,   0,       'Y'},
	    {2,   0,       'Z'},
	    {111, 0,       'Z'},
	    {1,   SIGKILL, 'Z'},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int ends[2], other[2], status;
		char letter = '\0';
		pid_t pid;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(pipe(other), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			pid_t child;

			(void)close(ends[0]);
			home_enter();
			child = fork();
			if (child == 0)
				end_so(rows[i].code, rows[i].signal_number);
			watcher_run(child, ends[1], other);
		}
		assert_int_equal(close(ends[1]), 0);
		assert_int_equal(read(ends[0], &letter, 1), 1);
		assert_int_equal(letter, rows[i].letter);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(close(ends[0]), 0);
		assert_int_equal(close(other[0]), 0);
		assert_int_equal(close(other[1]), 0);
	}
}

static void
listener_that_has_gone_does_no_harm(void **state)
{
	int ends[2], other[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(close(ends[0]), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pid_t child;

		home_enter();
		child = fork();
		if (child == 0)
			end_so(1, 0);
		watcher_run(child, ends[1], other);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(close(other[0]), 0);
	assert_int_equal(close(other[1]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends_and_letters),
	    cmocka_unit_test(listener_that_has_gone_does_no_harm),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, setup, home_teardown);
}
