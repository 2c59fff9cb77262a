/* checker: a failure waits, and nobody waits for it. */
#include "pop3d/checker.h"

#include "control/password.h"
#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "pop3d/failures.h"
#include "tests/unit/pop3d/home.h"
#include "wire/login.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { PATIENCE = 60000 }; /* milliseconds */

static const char path[] = "auth";

struct halves {
	pid_t pid; /* of the checking half */
	int opener, keeper;
};

/* The checking half in a child; this process is the other one, the keeper, and
 * culver-popup. */
static struct halves
begin(uid_t peer)
{
	struct checker c = {.pop3 = peer, .smtp = peer};
	static struct ledger *ledger;
	struct halves h;
	int pair[2], mailboxes[2];

	c.listening = sock_listen(path, 0600);
	assert_true(c.listening >= 0);
	assert_true(sock_pair(pair));
	assert_true(sock_pair(mailboxes));
	assert_int_equal(ledger_open(&ledger, "/nonexistent"), LEDGER_LOOSE);
	h.pid = fork();
	assert_true(h.pid >= 0);
	if (h.pid == 0) {
		(void)close(pair[0]);
		(void)close(mailboxes[0]);
		c.opener = pair[1];
		c.keeper = mailboxes[1];
		c.controls = home_controls();
		c.ledger = ledger;
		checker_run(&c);
		_exit(0);
	}
	assert_int_equal(close(c.listening), 0);
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(close(mailboxes[1]), 0);
	h.opener = pair[0];
	h.keeper = mailboxes[0];
	return h;
}

static void
end(struct halves *h)
{
	int status;

	/* It sees that the other half has ended, and ends. */
	fd_close(&h->opener);
	fd_close(&h->keeper);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_int_equal(status, 0);
	assert_int_equal(unlink(path), 0);
}

static int
ask_from(const char *client, const char *user, const char *password)
{
	struct login l = {
	    str_of("pop3"), LOGIN_PASS, str_of(client), str_of("9"),
	    str_of("192.0.2.2"), str_of("110"),
	    {str_of(user), str_of(password), str_of("stamp")}
        };
	struct buf b = {0};
	int s = sock_connect(path);

	assert_true(s >= 0);
	assert_true(login_write(&b, &l));
	assert_true(frame_write(s, LOGIN_LETTER, buf_str(&b)));
	buf_free(&b);
	return s;
}

static int
ask(const char *user, const char *password)
{
	return ask_from("192.0.2.1", user, password);
}

static char
hear(int s)
{
	struct buf b = {0};
	struct login_answer a;
	bool heard = login_receive(s, PATIENCE, &b, &a);

	buf_free(&b);
	fd_close(&a.fd);
	assert_int_equal(close(s), 0);
	return heard ? a.letter : '\0';
}

/* A mailbox is asked for: open it, or not. */
static void
keep(const struct halves *h, bool open)
{
	const struct login_answer a = {.letter = open ? 'K' : 'Z', .fd = -1};
	char user[16];
	int popup;

	assert_int_equal(
	    sock_receive(h->keeper, user, sizeof(user), &popup), 9);
	assert_memory_equal(user, "a@a.test", 9);
	assert_true(login_send(popup, &a));
	fd_close(&popup);
}

static int
setup(void **state)
{
	char hash[CRYPT_OUTPUT_SIZE];
	const struct user rows[] = {
	    {"a@a.test", hash, 0},
	};

	if (home_setup(state) != 0 ||
	    !password_hash(str_of("secret"), password_method(0), hash))
		return -1;
	home_users(USERS_PASSWD, rows, COUNT(rows));
	return 0;
}

/* The right password comes last and is passed on while all others wait. */
static void
failures_delay_nobody(void **state)
{
	enum { MANY = 3 * CHECKER_HASHING };
	struct halves h = begin(geteuid());
	int wrong[MANY], right;
	int64_t began = clock_boot();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char user[32], client[32];

		(void)snprintf(user, sizeof(user), "u%d@a.test", i);
		(void)snprintf(client, sizeof(client), "192.0.2.%d", i);
		wrong[i] = ask_from(client, i < 2 ? "a@a.test" : user, "wrong");
	}
	right = ask("a@a.test", "secret");
	keep(&h, true);
	assert_int_equal(hear(right), 'K');
	for (int i = 0; i < MANY; i++)
		assert_int_equal(hear(wrong[i]), 'N');
	assert_true(
	    clock_boot() - began >= (int64_t)LOGIN_DELAY * CLOCK_SECOND);
	end(&h);
}

/* The fourth failure of one user waits twice as long; a right password does
 * not wait, and is a fresh start. */
static void
further_failures_wait_longer(void **state)
{
	enum { ALLOWED = FAILURES_USER };
	struct halves h = begin(geteuid());
	int wrong[ALLOWED + 1], right;
	int64_t began = clock_boot();

	(void)state;
	for (int i = 0; i < ALLOWED + 1; i++)
		wrong[i] = ask("a@a.test", "wrong");
	for (int i = 0; i < ALLOWED + 1; i++)
		assert_int_equal(hear(wrong[i]), 'N');
	assert_true(
	    clock_boot() - began >= (int64_t)LOGIN_DELAY * 2 * CLOCK_SECOND);
	began = clock_boot();
	right = ask("a@a.test", "secret");
	keep(&h, true);
	assert_int_equal(hear(right), 'K');
	assert_int_equal(hear(ask("a@a.test", "wrong")), 'N');
	assert_true(
	    clock_boot() - began < (int64_t)LOGIN_DELAY * 2 * CLOCK_SECOND);
	end(&h);
}

/* Half of the rows at most wait longer than they must. */
static void
a_flood_takes_no_more_than_half_of_the_rows(void **state)
{
	enum { MANY = CHECKER_LOGINS - 16, TOLD = MANY - CHECKER_LOGINS / 2 };
	struct halves h = begin(geteuid());
	struct pollfd wrong[MANY];
	int64_t began = clock_boot();
	int told = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char client[32];

		(void)snprintf(client, sizeof(client), "192.0.2.%d", i);
		wrong[i] =
		    (struct pollfd){.fd = ask_from(client, "a@a.test", "wrong"),
			.events = POLLIN};
	}
	while (told < TOLD) {
		assert_true(poll(wrong, MANY, PATIENCE) > 0);
		for (int i = 0; i < MANY; i++)
			if (wrong[i].fd >= 0 && wrong[i].revents != 0) {
				assert_int_equal(hear(wrong[i].fd), 'N');
				wrong[i].fd = -1;
				told++;
			}
	}
	assert_true(
	    clock_boot() - began < (int64_t)LOGIN_DELAY_MOST * CLOCK_SECOND);
	for (int i = 0; i < MANY; i++)
		if (wrong[i].fd >= 0)
			assert_int_equal(close(wrong[i].fd), 0);
	end(&h);
}

/* A quarter of the rows, and further ones are told at once; others go on. */
static void
one_client_does_not_take_all(void **state)
{
	enum { MANY = CHECKER_LOGINS / 4, MORE = 8 };
	struct halves h = begin(geteuid());
	int wrong[MANY], right, told = 0;

	(void)state;
	for (int i = 0; i < MANY; i++)
		wrong[i] = ask("b@a.test", "wrong");
	for (int i = 0; i < MORE; i++)
		told += hear(ask("b@a.test", "wrong")) == 'Z' ? 1 : 0;
	assert_int_equal(told, MORE);
	right = ask_from("192.0.2.2", "a@a.test", "secret");
	keep(&h, true);
	assert_int_equal(hear(right), 'K');
	for (int i = 0; i < MANY; i++)
		assert_int_equal(close(wrong[i]), 0);
	end(&h);
}

/* What is about no password is answered at once. */
static void
recipients_are_counted(void **state)
{
	struct halves h = begin(geteuid());
	static const char *const answers = "KKN";

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct login l = {
		    str_of("smtp"), LOGIN_SEND, str_of("192.0.2.1"),
		    str_of("9"), str_of("192.0.2.2"), str_of("25"),
		    {str_of("a@a.test"), str_of("2"), str_of("5")}
                };
		struct buf b = {0};
		int s = sock_connect(path);

		assert_true(login_write(&b, &l));
		assert_true(frame_write(s, LOGIN_LETTER, buf_str(&b)));
		buf_free(&b);
		assert_int_equal(hear(s), answers[i]);
	}
	end(&h);
}

/* The mailbox's own answer does not wait. */
static void
trouble_of_the_mailbox_is_told_by_it(void **state)
{
	struct halves h = begin(geteuid());

	(void)state;
	for (int i = 0; i < 2; i++) {
		int right = ask("a@a.test", "secret");

		keep(&h, false);
		assert_int_equal(hear(right), 'Z');
	}
	end(&h);
}

static void
who_was_right_before_is_right_again(void **state)
{
	struct halves h = begin(geteuid());
	int right[3];

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		right[i] = ask("a@a.test", "secret");
		keep(&h, true);
		assert_int_equal(hear(right[i]), 'K');
	}
	/* Wrong passwords are never remembered, nor is another's. */
	assert_int_equal(hear(ask("a@a.test", "wrong")), 'N');
	assert_int_equal(hear(ask("b@a.test", "secret")), 'N');
	end(&h);
}

static void
trouble_is_told_and_late_as_well(void **state)
{
	struct halves h = begin(geteuid());
	int right;
	int64_t began = clock_boot();

	(void)state;
	fd_close(&h.keeper); /* nobody opens anything */
	right = ask("a@a.test", "secret");
	assert_int_equal(hear(right), 'Z');
	assert_true(clock_boot() - began >= CLOCK_SECOND);
	end(&h);
}

static void
nobody_else_is_heard(void **state)
{
	struct halves h = begin(geteuid() + 1);
	int s = sock_connect(path);
	char c;

	(void)state;
	assert_true(s >= 0);
	assert_int_equal(read(s, &c, 1), 0);
	assert_int_equal(close(s), 0);
	end(&h);
}

static void
client_that_left_does_no_harm(void **state)
{
	struct halves h = begin(geteuid());
	int s = ask("a@a.test", "wrong");

	(void)state;
	assert_int_equal(close(s), 0);
	s = sock_connect(path);
	assert_int_equal(close(s), 0);
	assert_int_equal(hear(ask("a@a.test", "wrong")), 'N');
	end(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failures_delay_nobody),
	    cmocka_unit_test(further_failures_wait_longer),
	    cmocka_unit_test(a_flood_takes_no_more_than_half_of_the_rows),
	    cmocka_unit_test(one_client_does_not_take_all),
	    cmocka_unit_test(recipients_are_counted),
	    cmocka_unit_test(trouble_of_the_mailbox_is_told_by_it),
	    cmocka_unit_test(who_was_right_before_is_right_again),
	    cmocka_unit_test(trouble_is_told_and_late_as_well),
	    cmocka_unit_test(nobody_else_is_heard),
	    cmocka_unit_test(client_that_left_does_no_harm),
	};

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, setup, home_teardown);
}
