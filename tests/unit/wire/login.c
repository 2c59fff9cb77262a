/* login: a request says who asks, an answer brings a descriptor or a text. */
#include "wire/login.h"

#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
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
#define BYTES(lit)                                                             \
	{                                                                      \
		lit, sizeof(lit) - 1                                           \
	}

enum { PATIENCE = 5000 }; /* milliseconds; nothing here waits so long */

static const struct login sample = {
    BYTES("pop3"), LOGIN_PASS, BYTES("::1"), BYTES("9"), BYTES("::2"),
    BYTES("110"), {BYTES("u"), BYTES("p q"), BYTES("t")}
};

static void
request_is_read_as_written(void **state)
{
	struct buf b = {0};
	struct login got;

	(void)state;
	assert_true(login_write(&b, &sample));
	assert_int_equal(b.len, 32);
	assert_memory_equal(
	    b.data, "pop3\0pass\0::1\0009\0::2\000110\0u\0p q\0t", 32);
	assert_true(login_read(buf_str(&b), &got));
	assert_true(str_equal(got.service, sample.service));
	assert_int_equal(got.how, LOGIN_PASS);
	assert_true(str_equal(got.client, sample.client));
	assert_true(str_equal(got.client_port, sample.client_port));
	assert_true(str_equal(got.server, sample.server));
	assert_true(str_equal(got.server_port, sample.server_port));
	assert_true(str_equal(got.who.user, sample.who.user));
	assert_true(str_equal(got.who.password, sample.who.password));
	assert_true(str_equal(got.who.extra, sample.who.extra));
	buf_free(&b);
}

static void
malformed_requests_are_refused(void **state)
{
	static const struct str rows[] = {BYTES(""), BYTES("pop3"),
	    BYTES("pop3\0::1\0"), BYTES("pop3\0pass\0c\0p\0s\0p\0u\0p\0"),
	    BYTES("pop3\0pass\0c\0p\0s\0p\0u\0p\0t\0x\0"),
	    BYTES("pop3\0PASS\0c\0p\0s\0p\0u\0p\0t\0"),
	    BYTES("pop3\0\0c\0p\0s\0p\0u\0p\0t\0")};
	static const struct str apop =
	    BYTES("pop3\0apop\0c\0p\0s\0p\0u\0p\0t\0");
	char big[LOGIN_CLIENT + 16] = {0};
	struct login l;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_false(login_read(rows[i], &l));
	assert_true(login_read(apop, &l));
	assert_int_equal(l.how, LOGIN_APOP);
	memset(big, 'x', LOGIN_CLIENT + 1);
	memcpy(big + LOGIN_CLIENT + 2, "pass", 4);
	assert_false(login_read((struct str){big, LOGIN_CLIENT + 14}, &l));
	assert_true(login_read((struct str){big + 1, LOGIN_CLIENT + 13}, &l));
	memset(big, 0, sizeof(big));
	memcpy(big, "\0pass\0", 6);
	memset(big + 6, 'x', LOGIN_CLIENT + 1);
	assert_false(login_read((struct str){big, LOGIN_CLIENT + 14}, &l));
	assert_true(login_read((struct str){big, 13}, &l) == false);
}

/* SCRAM's messages are longer than checkpassword's three texts may be. */
static void
scram_has_room_of_its_own(void **state)
{
	char big[LOGIN_SCRAM];
	struct login l = sample, got;
	struct buf b = {0};

	(void)state;
	memset(big, 'x', sizeof(big));
	l.who.password = (struct str){big, LOGIN_SCRAM - 4};
	assert_false(login_write(&b, &l));
	l.how = LOGIN_FINAL;
	assert_false(login_write(&b, &l));
	assert_int_equal(errno, EMSGSIZE);
	l.who.password.len--;
	l.who.user = (struct str){"n", 1};
	l.who.extra = (struct str){"r", 1};
	assert_true(login_write(&b, &l));
	assert_true(login_read(buf_str(&b), &got));
	assert_int_equal(got.how, LOGIN_FINAL);
	assert_int_equal(got.who.password.len, LOGIN_SCRAM - 5);
	assert_true(str_equal(got.who.extra, l.who.extra));
	assert_false(login_read((struct str){b.data, b.len - 1}, &got));
	assert_true(buf_append_byte(&b, '\0'));
	assert_false(login_read(buf_str(&b), &got));
	buf_free(&b);
}

static void
request_over_its_limits_is_not_written(void **state)
{
	char big[LOGIN_CLIENT + 1];
	struct login l = sample;
	struct buf b = {0};

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_true(buf_append_text(&b, "kept"));
	l.client = (struct str){big, sizeof(big)};
	assert_false(login_write(&b, &l));
	assert_int_equal(errno, EMSGSIZE);
	l = sample;
	l.who.password = (struct str){"a\0b", 3};
	assert_false(login_write(&b, &l));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(b.len, 4);
	buf_free(&b);
}

static void
pair(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

/* Whether other is the other end of the pipe or socket fd. */
static bool
connected(int fd, int other)
{
	char c = 0;

	return fd_write_all(fd, "x", 1) && fd_read_all(other, &c, 1) &&
	       c == 'x';
}

static void
answers_arrive(void **state)
{
	int s[2], mailbox[2];
	struct buf b = {0};
	struct login_answer a;

	(void)state;
	pair(s);
	pair(mailbox);
	assert_true(login_send(s[0], &(struct login_answer){.letter = 'K',
					 .address = str_of("u@a.test"),
					 .text = str_of("v=QQ=="),
					 .fd = mailbox[1]}));
	assert_true(login_receive(s[1], PATIENCE, &b, &a));
	assert_int_equal(a.letter, 'K');
	assert_true(str_equal(a.address, str_of("u@a.test")));
	assert_true(str_equal(a.text, str_of("v=QQ==")));
	assert_true(a.fd >= 0 && a.fd != mailbox[1]);
	assert_true(connected(a.fd, mailbox[0]));
	fd_close(&a.fd);

	assert_true(login_send(
	    s[0], &(struct login_answer){
		      .letter = 'N', .text = str_of("no"), .fd = -1}));
	assert_true(login_receive(s[1], PATIENCE, &b, &a));
	assert_int_equal(a.letter, 'N');
	assert_int_equal(a.fd, -1);
	assert_true(str_equal(a.text, str_of("no")));
	for (int i = 0; i < 2; i++) {
		fd_close(&s[i]);
		fd_close(&mailbox[i]);
	}
	buf_free(&b);
}

static void
long_text_is_cut(void **state)
{
	char text[LOGIN_TEXT + 50];
	struct buf b = {0};
	struct login_answer a;
	int s[2];

	(void)state;
	memset(text, 'x', sizeof(text));
	pair(s);
	assert_true(login_send(
	    s[0], &(struct login_answer){
		      .letter = 'Z', .text = {text, sizeof(text)},
                           .fd = -1
        }));
	assert_true(login_receive(s[1], PATIENCE, &b, &a));
	assert_int_equal(a.letter, 'Z');
	assert_int_equal(a.text.len, LOGIN_TEXT);
	fd_close(&s[0]);
	fd_close(&s[1]);
	buf_free(&b);
}

static void
answer_in_pieces_is_one(void **state)
{
	int s[2];
	struct buf b = {0};
	struct login_answer a;

	(void)state;
	pair(s);
	/* The kernel keeps bytes with a descriptor apart from those before. */
	assert_true(sock_send(s[0], "\0\0\0\3", 4, -1));
	assert_true(sock_send(s[0], "Ku", 2, s[1]));
	assert_true(sock_send(s[0], "", 1, -1));
	assert_true(login_receive(s[1], PATIENCE, &b, &a));
	assert_int_equal(a.letter, 'K');
	assert_true(str_equal(a.address, str_of("u")));
	fd_close(&a.fd);
	assert_true(sock_send(s[0], "\0\0", 2, s[1]));
	assert_false(login_receive(s[1], 1, &b, &a));
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(a.fd, -1);
	fd_close(&s[0]);
	fd_close(&s[1]);
	buf_free(&b);
}

static void
mailbox_may_be_on_the_connection_itself(void **state)
{
	struct login_answer a = {.letter = 'K', .fd = -1};
	struct buf b = {0};
	int s[2];

	(void)state;
	pair(s);
	assert_true(login_send(s[0], &a));
	a.fd = 0;
	assert_true(login_receive(s[1], PATIENCE, &b, &a));
	assert_int_equal(a.letter, 'K');
	assert_int_equal(a.fd, -1);
	fd_close(&s[0]);
	fd_close(&s[1]);
	buf_free(&b);
}

static void
broken_answers_are_refused(void **state)
{
	static const struct {
		struct str bytes;
		bool fd;
		int error;
	} rows[] = {
	    {BYTES(""),                  false, EPIPE },
	    {BYTES("\0\0\0\4Zab"),       false, EPIPE },
	    {BYTES("\0\0\0\1Q"),         false, EPROTO},
	    {BYTES("\0\0\0\1N"),         true,  EPROTO},
	    {BYTES("\0\0\0\1Nextra"),    false, EPROTO},
	    {BYTES("\0\0\0\0N"),         false, EPROTO},
	    {BYTES("\xff\xff\xff\xffN"), false, EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		struct login_answer a;
		int s[2];

		pair(s);
		if (rows[i].bytes.len > 0)
			assert_true(sock_send(s[0], rows[i].bytes.data,
			    rows[i].bytes.len, rows[i].fd ? s[0] : -1));
		fd_close(&s[0]);
		assert_false(login_receive(s[1], PATIENCE, &b, &a));
		assert_int_equal(errno, rows[i].error);
		assert_int_equal(a.fd, -1);
		fd_close(&s[1]);
		buf_free(&b);
	}
}

static void
endless_answer_does_not_grow(void **state)
{
	char many[4096] = {0, 1, 0, 0, 'N'};
	struct buf b = {0};
	struct login_answer a;
	int s[2];

	(void)state;
	pair(s);
	assert_true(sock_send(s[0], many, sizeof(many), -1));
	assert_false(login_receive(s[1], PATIENCE, &b, &a));
	assert_int_equal(errno, EPROTO);
	assert_true(b.len <= FRAME_HEAD + LOGIN_SAID);
	fd_close(&s[0]);
	fd_close(&s[1]);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_is_read_as_written),
	    cmocka_unit_test(malformed_requests_are_refused),
	    cmocka_unit_test(scram_has_room_of_its_own),
	    cmocka_unit_test(request_over_its_limits_is_not_written),
	    cmocka_unit_test(answers_arrive),
	    cmocka_unit_test(long_text_is_cut),
	    cmocka_unit_test(answer_in_pieces_is_one),
	    cmocka_unit_test(mailbox_may_be_on_the_connection_itself),
	    cmocka_unit_test(broken_answers_are_refused),
	    cmocka_unit_test(endless_answer_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
