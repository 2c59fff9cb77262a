/* mailbox: only a K opens one, and only an N says that it was wrong. */
#include "pop3d/mailbox.h"

#include "tests/unit/pop3d/authd.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static enum mailbox_result
ask(const char *path, struct str password, int *fd)
{
	struct login l = {
	    str_of("pop3"), LOGIN_PASS, str_of("192.0.2.1"), str_of("9"),
	    str_of("192.0.2.2"), str_of("110"),
	    {str_of("user"), password, str_of("stamp")}
        };

	return mailbox_ask(path, &l, fd, NULL, NULL);
}

static void
answers_are_told_apart(void **state)
{
	static const struct {
		const char *password;
		enum mailbox_result result;
	} rows[] = {
	    {"wrong", MAILBOX_WRONG},
	    {"later", MAILBOX_LATER},
	    {"rude",  MAILBOX_LATER},
	    {"",      MAILBOX_WRONG},
	};
	const struct authd *a = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd = 7;

		assert_int_equal(ask(a->path, str_of(rows[i].password), &fd),
		    rows[i].result);
		assert_int_equal(fd, -1);
	}
}

static void
open_mailbox_is_a_stream(void **state)
{
	const struct authd *a = *state;
	char got[17];
	int fd;

	assert_int_equal(ask(a->path, str_of("right"), &fd), MAILBOX_OPEN);
	assert_true(fd_write_all(fd, "NOOP", 4));
	assert_true(fd_read_all(fd, got, sizeof(got)));
	assert_memory_equal(got, "+OK mailbox\r\nNOOP", sizeof(got));
	fd_close(&fd);
}

static void
what_no_request_can_hold_is_wrong(void **state)
{
	const struct authd *a = *state;
	char big[CHECKPW_MAX];
	int fd;

	memset(big, 'x', sizeof(big));
	assert_int_equal(
	    ask(a->path, (struct str){big, sizeof(big)}, &fd), MAILBOX_WRONG);
	assert_int_equal(
	    ask(a->path, (struct str){"a\0b", 3}, &fd), MAILBOX_WRONG);
	assert_int_equal(fd, -1);
}

static void
trouble_is_temporary(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(
	    ask("/nonexistent/auth", str_of("right"), &fd), MAILBOX_LATER);
	assert_int_equal(fd, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_are_told_apart),
	    cmocka_unit_test(open_mailbox_is_a_stream),
	    cmocka_unit_test(what_no_request_can_hold_is_wrong),
	    cmocka_unit_test(trouble_is_temporary),
	};

	return cmocka_run_group_tests(tests, authd_setup, authd_teardown);
}
