/* login: K is said only with a mailbox beside it; a failure is left to be told
 * by another. */
#include "pop3d/login.h"

#include "control/password.h"
#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "tests/unit/pop3d/home.h"
#include "wire/login.h"
#include <sys/socket.h>
#include <sys/wait.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the opening half does with the one request that it gets; or the keeper,
 * which takes it or is not there. */
enum opener { TAKES, AWAY, RUNS, RUNS_WRONG, RUNS_LATER };

static void
run_one(int answer, enum opener how)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
	    !sock_send(answer, "K", 1, ends[0]))
		_exit(1);
	if (how == RUNS && !fd_write_all(ends[1], "+OK\r\n", 5))
		_exit(1);
	if (how != RUNS &&
	    !sock_send(answer, how == RUNS_WRONG ? "N" : "Z", 1, -1))
		_exit(1);
	_exit(0);
}

static void
open_one(int fd, enum opener how)
{
	char address[512];
	int answer;
	ssize_t n = sock_receive(fd, address, sizeof(address), &answer);

	if (n > 0 && address[0] == 'P' && answer >= 0 && how >= RUNS)
		run_one(answer, how);
	_exit(1);
}

static struct failures failures;
static struct recent recent;
static const struct secret secret;
static bool any_keys; /* whose login it was is not looked at */
static unsigned may = SERVICE_POP3 | SERVICE_SMTP;

static bool
same_keys(struct failures_keys a, struct failures_keys b)
{
	return a.user == b.user && a.address == b.address;
}

/* The keeper answers culver-popup. */
static void
take_mailbox(int keeper)
{
	const struct login_answer a = {.letter = 'K', .fd = -1};
	char user[32];
	int popup;

	assert_int_equal(sock_receive(keeper, user, sizeof(user), &popup), 9);
	assert_memory_equal(user, "a@a.test", 9);
	assert_true(login_send(popup, &a));
	fd_close(&popup);
}

/* Check one request, which is known by keys; *a is what culver-popup hears, its letter 0 for nothing.
 */
static enum login_end
check(char kind, struct str payload, enum opener how, struct failures_keys keys,
    struct login_answer *a)
{
	int popup[2], pair[2], keeper[2];
	struct login_job job = {.may = may,
	    .controls = home_controls(),
	    .failures = &failures,
	    .recent = &recent,
	    .secret = &secret};
	struct buf b = {0};
	enum login_end end;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, popup), 0);
	assert_true(sock_pair(pair));
	assert_true(sock_pair(keeper));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(pair[0]);
		(void)close(keeper[0]);
		(void)close(keeper[1]);
		open_one(pair[1], how);
	}
	assert_int_equal(close(pair[1]), 0);
	assert_true(frame_write(popup[0], kind, payload));
	job.fd = popup[1];
	job.opener = pair[0];
	job.keeper = keeper[0];
	if (how == AWAY)
		fd_close(&keeper[1]);
	end = login_check(&job);
	if (end == LOGIN_OPENED && how == TAKES)
		take_mailbox(keeper[1]);
	fd_close(&keeper[0]);
	fd_close(&keeper[1]);
	assert_true(any_keys || same_keys(job.keys, keys));
	control_free(job.controls);
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(popup[1]), 0);
	if (!login_receive(popup[0], -1, &b, a))
		a->letter = '\0';
	assert_int_equal(close(popup[0]), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	buf_free(&b);
	return end;
}

/* The same for smtp; a->text is not kept. */
static enum login_end
smtp(const struct login *l, struct login_answer *a)
{
	static const struct failures_keys none;
	struct buf b = {0};
	enum login_end end;

	assert_true(login_write(&b, l));
	any_keys = true;
	end = check('L', buf_str(&b), RUNS_LATER, none, a);
	any_keys = false;
	buf_free(&b);
	return end;
}

static enum login_end
log_in(const char *service, const char *user, const char *password,
    enum opener how, struct login_answer *a)
{
	struct login l = {
	    str_of(service), LOGIN_PASS, str_of("192.0.2.1"), str_of("9"),
	    str_of("192.0.2.2"), str_of("110"),
	    {str_of(user), str_of(password), str_of("stamp")}
        };
	struct failures_keys k = {0, 0};
	struct buf b = {0};
	enum login_end end;

	assert_true(login_write(&b, &l));
	if (strcmp(service, "pop3") == 0 && (may & SERVICE_POP3) != 0)
		k = failures_keys(&failures, str_of(user), str_of("192.0.2.1"));
	end = check('L', buf_str(&b), how, k, a);
	buf_free(&b);
	return end;
}

static int
setup(void **state)
{
	char hash[CRYPT_OUTPUT_SIZE];
	const struct user rows[] = {
	    {"a@a.test", hash,            0          },
	    {"n@a.test", hash,            USER_NOSMTP},
	    {"p@a.test", "{PLAIN}secret", 0          },
	};

	if (!failures_open(&failures) || !recent_open(&recent) ||
	    home_setup(state) != 0 ||
	    !password_hash(str_of("secret"), password_method(0), hash))
		return -1;
	home_users(USERS_PASSWD, rows, COUNT(rows));
	return 0;
}

static void
right_password_opens_the_mailbox(void **state)
{
	struct login_answer a;

	(void)state;
	assert_int_equal(
	    log_in("pop3", "a@a.test", "secret", TAKES, &a), LOGIN_OPENED);
	assert_int_equal(a.letter, 'K');
	assert_int_equal(a.fd, -1);
}

static void
failures_are_not_told_here(void **state)
{
	static const struct {
		const char *service, *user, *password;
		enum opener how;
		enum login_end end;
	} rows[] = {
	    {"pop3", "a@a.test", "wrong",  TAKES, LOGIN_WRONG},
	    {"pop3", "b@a.test", "secret", TAKES, LOGIN_WRONG},
	    {"pop3", "a@a.test", "secret", AWAY,  LOGIN_LATER},
	    {"imap", "a@a.test", "secret", TAKES, LOGIN_LATER},
	};
	struct login_answer a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(log_in(rows[i].service, rows[i].user,
				     rows[i].password, rows[i].how, &a),
		    rows[i].end);
		assert_int_equal(a.letter, '\0');
	}
}

static void
program_is_asked_where_there_is_one(void **state)
{
	static const struct {
		const char *user;
		enum opener how;
		enum login_end end;
	} rows[] = {
	    {"anybody",  RUNS,       LOGIN_OPENED},
	    {"a@a.test", RUNS_WRONG, LOGIN_WRONG },
	    {"a@a.test", RUNS_LATER, LOGIN_LATER },
	};
	struct login_answer a;

	(void)state;
	home_checkpassword("program argument\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    log_in("pop3", rows[i].user, "secret", rows[i].how, &a),
		    rows[i].end);
		assert_int_equal(a.letter, rows[i].how == RUNS ? 'K' : '\0');
		if (rows[i].how == RUNS)
			fd_close(&a.fd);
	}
	home_checkpassword(NULL);
}

static void
settings_that_cannot_be_read_are_trouble(void **state)
{
	struct login_answer a;

	(void)state;
	assert_int_equal(mkdir("control/checkpassword", 0755), 0);
	assert_int_equal(
	    log_in("pop3", "a@a.test", "secret", TAKES, &a), LOGIN_LATER);
	assert_int_equal(a.letter, '\0');
	assert_int_equal(rmdir("control/checkpassword"), 0);
}

/* One request that waits whole; recalled or not, and whom the keeper is asked
 * for. */
static bool
recall(const char *user, const char *password, bool apop, size_t cut,
    unsigned char tag[RECENT_TAG])
{
	const struct login l = {
	    str_of("pop3"), apop ? LOGIN_APOP : LOGIN_PASS, str_of("192.0.2.1"),
	    str_of("9"), str_of("192.0.2.2"), str_of("110"),
	    {str_of(user), str_of(password), str_of("stamp")}
        };
	int popup[2], keeper[2];
	struct login_job job = {.may = may,
	    .controls = home_controls(),
	    .failures = &failures,
	    .recent = &recent,
	    .opener = -1};
	struct buf b = {0}, framed = {0};
	char bytes[512];
	ssize_t left;
	bool done;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, popup), 0);
	assert_true(sock_pair(keeper));
	assert_true(login_write(&b, &l));
	assert_true(frame_append(&framed, 'L', buf_str(&b)));
	assert_true(fd_write_all(popup[0], framed.data, framed.len - cut));
	job.fd = popup[1];
	job.keeper = keeper[0];
	done = login_look(&job) == LOOK_DONE;
	left = recv(popup[1], bytes, sizeof(bytes), MSG_DONTWAIT);
	/* Whoever comes next finds what he wants to read. */
	if (done) {
		assert_int_equal(left, -1);
		take_mailbox(keeper[1]);
	} else {
		assert_int_equal(left, framed.len - cut);
	}
	memcpy(tag, job.tag, RECENT_TAG);
	control_free(job.controls);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(close(popup[i]), 0);
		assert_int_equal(close(keeper[i]), 0);
	}
	buf_free(&b);
	buf_free(&framed);
	return done;
}

static void
right_password_is_recalled_and_no_other(void **state)
{
	unsigned char tag[RECENT_TAG], other[RECENT_TAG];

	(void)state;
	assert_true(recent_open(&recent));
	assert_false(recall("a@a.test", "secret", false, 0, tag));
	recent_keep(&recent, tag, clock_boot());
	assert_true(recall("a@a.test", "secret", false, 0, other));
	assert_memory_equal(tag, other, RECENT_TAG);
	assert_false(recall("a@a.test", "secreT", false, 0, other));
	assert_false(recall("a@a.test", "", false, 0, other));
	assert_false(recall("b@a.test", "secret", false, 0, other));
	assert_false(recall("a@a.test", "secret", true, 0, other));
	assert_false(recall("a@a.test", "secret", false, 1, other));
	home_checkpassword("program\n");
	assert_false(recall("a@a.test", "secret", false, 0, other));
	home_checkpassword(NULL);
	recent_keep(&recent, tag,
	    clock_boot() - (int64_t)RECENT_SECONDS * CLOCK_SECOND);
	assert_false(recall("a@a.test", "secret", false, 0, other));
}

/* What smtp has ways for: the end, and the letter that was said. */
static void
smtp_is_answered_in_words(void **state)
{
	static const struct {
		const char *service;
		enum login_how how;
		const char *user, *password, *extra;
		enum login_end end;
		char letter;
	} rows[] = {
	    {"smtp", LOGIN_PASS,  "a@a.test",             "secret",                           "",                     LOGIN_OPENED, 'K'},
	    {"smtp", LOGIN_PASS,  "p@a.test",             "secret",                           "",                     LOGIN_OPENED, 'K'},
	    {"smtp", LOGIN_PASS,  "a@a.test",             "wrong",                            "",                     LOGIN_WRONG,  0  },
	    {"smtp", LOGIN_PASS,  "b@a.test",             "secret",                           "",                     LOGIN_WRONG,  0  },
	    {"smtp", LOGIN_PASS,  "n@a.test",             "secret",                           "",                     LOGIN_WRONG,  0  },
	    {"smtp", LOGIN_CRAM,  "p@a.test",             "x",                                "<1@a>",                LOGIN_WRONG,  0  },
	    {"smtp", LOGIN_CRAM,  "p@a.test",             "2ab4a665f129ea91b0cface80c14479b",
             "<1@a>",												 LOGIN_OPENED, 'K'},
	    {"smtp", LOGIN_APOP,  "p@a.test",             "x",                                "<1@a>",                LOGIN_LATER,  0  },
	    {"pop3", LOGIN_CRAM,  "p@a.test",             "x",                                "<1@a>",                LOGIN_WRONG,  0  },
	    {"pop3", LOGIN_FIRST, "n,,n=p@a.test,r=abc",  "",                                 "",                     LOGIN_TOLD,
             'C'														       },
	    {"smtp", LOGIN_FIRST, "n,,n=p@a.test,r=abc",  "",                                 "",                     LOGIN_TOLD,
             'C'														       },
	    {"smtp", LOGIN_FIRST, "n,,n=b@a.test,r=abc",  "",                                 "",                     LOGIN_TOLD,
             'C'														       },
	    {"smtp", LOGIN_FIRST, "no message",           "",                                 "",                     LOGIN_LATER,  0  },
	    {"smtp", LOGIN_FIRST, "n,,n=p=@a.test,r=abc", "",                                 "",                     LOGIN_LATER,
             0															 },
	    {"smtp", LOGIN_FINAL, "n,,n=p@a.test,r=abc",
             "c=biws,r=abcd,p=QQ==",							  "r=abcd,s=QQ==,i=4096", LOGIN_WRONG,  0  },
	    {"smtp", LOGIN_FINAL, "n,,n=b@a.test,r=abc",
             "c=biws,r=abcd,p=QQ==",							  "r=abcd,s=QQ==,i=4096", LOGIN_WRONG,  0  },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct login l = {
		    str_of(rows[i].service), rows[i].how, str_of("192.0.2.1"),
		    str_of("9"), str_of("192.0.2.2"), str_of("25"),
		    {str_of(rows[i].user), str_of(rows[i].password),
							      str_of(rows[i].extra)}
                };
		struct login_answer a;
		enum login_end end = smtp(&l, &a);

		if (end != rows[i].end)
			fail_msg("row %zu: %d", i, (int)end);
		assert_int_equal(a.letter, rows[i].letter);
	}
}

/* Beside the right password, whoever may ask for one service only may not ask
 * for the other. */
static void
a_door_asks_for_its_own_service(void **state)
{
	struct login_answer a;

	(void)state;
	may = SERVICE_SMTP;
	assert_int_equal(
	    log_in("pop3", "a@a.test", "secret", AWAY, &a), LOGIN_LATER);
	may = SERVICE_POP3 | SERVICE_SMTP;
}

static void
garbage_is_no_request(void **state)
{
	static const struct failures_keys none;
	struct login_answer a;

	(void)state;
	assert_int_equal(
	    check('L', str_of("pop3"), TAKES, none, &a), LOGIN_LATER);
	assert_int_equal(check('L', str_of(""), TAKES, none, &a), LOGIN_LATER);
	assert_int_equal(
	    check('X',
		(struct str){
		    "pop3\0pass\0i\0p\0s\0p\0a@a.test\0secret\0\0", 35},
		TAKES, none, &a),
	    LOGIN_LATER);
	assert_int_equal(a.letter, '\0');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(right_password_opens_the_mailbox),
	    cmocka_unit_test(failures_are_not_told_here),
	    cmocka_unit_test(program_is_asked_where_there_is_one),
	    cmocka_unit_test(settings_that_cannot_be_read_are_trouble),
	    cmocka_unit_test(right_password_is_recalled_and_no_other),
	    cmocka_unit_test(smtp_is_answered_in_words),
	    cmocka_unit_test(a_door_asks_for_its_own_service),
	    cmocka_unit_test(garbage_is_no_request),
	};

	return cmocka_run_group_tests(tests, setup, home_teardown);
}
