/* log: one packet a line, and no byte of a stranger's can end or forge one.
 * Descriptor 2 is a packet socket here, so that each write(2) is seen. */
#include "lib/log.h"

#include "lib/die.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int ends[2], true_stderr;

static int
catch_lines(void **state)
{
	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		return -1;
	true_stderr = dup(2);
	die_name("smtpd");
	return dup2(ends[0], 2) == 2 ? 0 : -1;
}

static int
let_go(void **state)
{
	(void)state;
	(void)dup2(true_stderr, 2);
	(void)close(true_stderr);
	(void)close(ends[0]);
	return close(ends[1]);
}

/* The next write(2) as a C string; "" when there was none. */
static const char *
next(void)
{
	static char packet[5 * LOG_LINE_MAX];
	ssize_t n = recv(ends[1], packet, sizeof(packet) - 1, MSG_DONTWAIT);

	packet[n < 0 ? 0 : n] = '\0';
	return packet;
}

static void
a_line_is_one_write_in_the_order_of_the_calls(void **state)
{
	struct log l;

	(void)state;
	log_begin(&l, "accept");
	log_text(&l, "ip", "192.0.2.1");
	log_number(&l, "port", 25);
	log_str(&l, "helo", str_of(""));
	log_text(&l, "none", NULL);
	assert_string_equal(next(), "");
	errno = ENOENT;
	log_end(&l);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(
	    next(), "smtpd: accept ip=192.0.2.1 port=25 helo= none=\n");
	assert_string_equal(next(), "");
}

static void
every_value_is_escaped(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		const char *want;
	} rows[] = {
	    {"a@b.example",        11, "smtpd: x v=a@b.example\n"              },
	    {"a\nsmtpd: x v=",     13, "smtpd: x v=a\\x0asmtpd:\\x20x\\x20v=\n"},
	    {"\r\t\x7f\x1b",       4,  "smtpd: x v=\\x0d\\x09\\x7f\\x1b\n"     },
	    {"\0",                 1,  "smtpd: x v=\\x00\n"                    },
	    {"\xc3\xa4",           2,  "smtpd: x v=\\xc3\\xa4\n"               },
	    {"\"'%\\",             4,  "smtpd: x v=\\x22\\x27\\x25\\x5c\n"     },
	    {"!#$&()*+,-./:;<=>?", 18, "smtpd: x v=!#$&()*+,-./:;<=>?\n"       },
	    {"@[]^_`{|}~",         10, "smtpd: x v=@[]^_`{|}~\n"               },
	};
	struct log l;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		log_begin(&l, "x");
		log_str(&l, "v", (struct str){rows[i].value, rows[i].len});
		log_end(&l);
		assert_string_equal(next(), rows[i].want);
	}
}

static void
all_bytes_leave_one_printable_line(void **state)
{
	char every[256];
	const char *line;
	struct log l;

	(void)state;
	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (char)i;
	for (size_t from = 0; from < sizeof(every); from += 64) {
		log_begin(&l, "x");
		log_str(&l, "v", (struct str){every + from, 64});
		log_end(&l);
		line = next();
		assert_int_equal(strspn(line, "smtpd: x v="), 11);
		assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
		for (size_t i = 11; line[i] != '\n'; i++)
			assert_in_range((unsigned char)line[i], '!', '~');
	}
	assert_string_equal(next(), "");
}

static void
a_long_value_hides_none_that_follows(void **state)
{
	char value[LOG_VALUE_MAX + 10];
	const char *line;
	struct log l;

	(void)state;
	memset(value, 'v', sizeof(value));
	log_begin(&l, "x");
	log_str(&l, "a", (struct str){value, sizeof(value)});
	/* 128 escapes fill the value to the byte; a 129th is not begun. */
	memset(value, '\n', sizeof(value));
	log_str(&l, "b", (struct str){value, sizeof(value)});
	log_text(&l, "c", "end");
	log_end(&l);
	line = next();
	assert_int_equal(strlen(line),
	    strlen("smtpd: x a= b= c=end\n") + 2 * (size_t)LOG_VALUE_MAX);
	assert_non_null(strstr(line, "vvv b=\\x0a"));
	assert_non_null(strstr(line, "\\x0a c=end\n"));
}

static void
a_full_line_is_cut_and_ended(void **state)
{
	char value[LOG_VALUE_MAX];
	const char *line;
	struct log l;

	(void)state;
	memset(value, '%', sizeof(value));
	log_begin(&l, "x");
	for (int i = 0; i < 20; i++)
		log_str(&l, "key", (struct str){value, sizeof(value)});
	log_end(&l);
	line = next();
	assert_in_range(strlen(line), LOG_LINE_MAX - 8, LOG_LINE_MAX);
	assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
	/* No escape is cut in two. */
	assert_memory_equal(line + strlen(line) - 5, "\\x25\n", 5);
	assert_string_equal(next(), "");

	/* The next line is whole again. */
	log_begin(&l, "y");
	log_end(&l);
	assert_string_equal(next(), "smtpd: y\n");
}

/* However many bytes, 0 to 3, a cut escape leaves at the end. */
static void
nothing_slips_in_behind_a_cut(void **state)
{
	static const char *const events[] = {"x", "xx", "xxx", "xxxx"};
	char value[LOG_VALUE_MAX], words[LOG_LINE_MAX];
	struct log l;

	(void)state;
	memset(value, '%', sizeof(value));
	memset(words, '\n', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	for (size_t i = 0; i < COUNT(events); i++) {
		log_begin(&l, events[i]);
		for (size_t j = 0; j < LOG_LINE_MAX / LOG_VALUE_MAX; j++)
			log_str(&l, "v", (struct str){value, sizeof(value)});
		log_text(&l, "k", "");
		log_end(&l);
		assert_null(strstr(next(), " k="));

		log_words(&l, events[i]);
		log_words(&l, words);
		log_words(&l, "k");
		log_end(&l);
		assert_null(strchr(next(), 'k'));
	}
}

static void
a_log_that_cannot_be_written_changes_nothing(void **state)
{
	struct log l;

	(void)state;
	(void)close(2);
	errno = ENOENT;
	log_begin(&l, "x");
	log_end(&l);
	log_line(str_of("y"));
	assert_int_equal(errno, ENOENT);
}

static void
foreign_lines_keep_their_form_on_one_line(void **state)
{
	char big[LOG_LINE_MAX + 100];
	const char *line;

	(void)state;
	log_line(str_of("new msg 17"));
	assert_string_equal(next(), "new msg 17\n");
	log_line((struct str){"a\nb\0c\x7f\td\xc3\xa4%\\", 12});
	assert_string_equal(next(), "a?b?c??d\xc3\xa4%\\\n");
	log_line((struct str){NULL, 0});
	assert_string_equal(next(), "\n");
	memset(big, 'x', sizeof(big));
	log_line((struct str){big, sizeof(big)});
	line = next();
	assert_int_equal(strlen(line), LOG_LINE_MAX);
	assert_int_equal(line[LOG_LINE_MAX - 1], '\n');
	assert_string_equal(next(), "");
}

/* Last: it stays so. */
static void
lines_that_are_gathered_are_one_write(void **state)
{
	const char *rest;
	size_t n = 0;

	(void)state;
	log_gather();
	log_line(str_of("one"));
	log_line(str_of("t\two\n"));
	assert_string_equal(next(), "");
	log_flush();
	assert_string_equal(next(), "one\nt?wo?\n");
	log_flush();
	assert_string_equal(next(), "");
	/* What has no room goes behind what is written then. */
	do
		log_line(str_of("0123456789"));
	while ((rest = next())[0] == '\0' && ++n < 10000);
	assert_int_equal(strlen(rest), n * 11);
	assert_int_equal(n, 4 * LOG_LINE_MAX / 11);
	log_flush();
	assert_string_equal(next(), "0123456789\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_line_is_one_write_in_the_order_of_the_calls, catch_lines,
		let_go),
	    cmocka_unit_test_setup_teardown(
		every_value_is_escaped, catch_lines, let_go),
	    cmocka_unit_test_setup_teardown(
		all_bytes_leave_one_printable_line, catch_lines, let_go),
	    cmocka_unit_test_setup_teardown(
		a_long_value_hides_none_that_follows, catch_lines, let_go),
	    cmocka_unit_test_setup_teardown(
		a_full_line_is_cut_and_ended, catch_lines, let_go),
	    cmocka_unit_test_setup_teardown(
		nothing_slips_in_behind_a_cut, catch_lines, let_go),
	    cmocka_unit_test_setup_teardown(
		a_log_that_cannot_be_written_changes_nothing, catch_lines,
		let_go),
	    cmocka_unit_test_setup_teardown(
		foreign_lines_keep_their_form_on_one_line, catch_lines, let_go),
	    cmocka_unit_test_setup_teardown(
		lines_that_are_gathered_are_one_write, catch_lines, let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
