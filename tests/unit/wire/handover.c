/* handover: a client goes over with what it has said, and an end comes back. */
#include "wire/handover.h"

#include "lib/fd.h"
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

static void
make_pair(int s[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
}

static void
close_pair(int s[2])
{
	fd_close(&s[0]);
	fd_close(&s[1]);
}

static void
client_is_taken_as_it_was_given(void **state)
{
	static char much[HANDOVER_SAID];
	const struct handover_client rows[] = {
	    {-1, 0,          {"192.0.2.1", 9},    {NULL, 0}           },
	    {0,  1200,       {"2001:db8::1", 11}, {"STAT\r\n", 6}     },
	    {0,  UINT32_MAX, {"", 0},             {much, sizeof(much)}},
	    {-1, 1,          {"x", 1},            {"a\0b", 3}         },
	};

	(void)state;
	memset(much, 'x', sizeof(much));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handover_client c = rows[i], got;
		struct buf b = {0};
		int s[2], client[2];
		char byte = '\0';

		make_pair(s);
		make_pair(client);
		if (c.fd >= 0)
			c.fd = client[0];
		assert_true(handover_give(s[0], &c));
		assert_true(handover_take(s[1], &b, &got));
		assert_int_equal(got.fd >= 0, c.fd >= 0);
		assert_int_equal(got.seconds, c.seconds);
		assert_true(str_equal(got.address, c.address));
		assert_true(str_equal(got.said, c.said));
		if (got.fd >= 0) {
			assert_true(fd_write_all(got.fd, "!", 1));
			assert_true(fd_read_all(client[1], &byte, 1));
		}
		fd_close(&got.fd);
		close_pair(client);
		close_pair(s);
		buf_free(&b);
	}
}

static void
what_comes_in_parts_is_put_together(void **state)
{
	static const char whole[] = "R12\0address";
	struct handover_client got;
	struct buf b = {0};
	int s[2];

	(void)state;
	make_pair(s);
	if (fork() == 0) {
		for (size_t i = 0; i < sizeof(whole); i++)
			if (!fd_write_all(s[0], whole + i, 1))
				_exit(1);
		_exit(0);
	}
	assert_true(handover_take(s[1], &b, &got));
	assert_int_equal(got.seconds, 12);
	assert_true(str_equal(got.address, str_of("address")));
	close_pair(s);
	buf_free(&b);
}

static void
anything_else_is_no_client(void **state)
{
	static const struct {
		struct str bytes;
		int error;
	} rows[] = {
	    {{"", 0},                 EPIPE },
	    {{"R1\0a", 4},            EPROTO},
	    {{"C1\0a\0", 5},          EPROTO},
	    {{"X1\0a\0", 5},          EPROTO},
	    {{"Rx\0a\0", 5},          EPROTO},
	    {{"R4294967296\0\0", 13}, EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct handover_client got;
		struct buf b = {0};
		int s[2];

		make_pair(s);
		assert_true(
		    fd_write_all(s[0], rows[i].bytes.data, rows[i].bytes.len));
		fd_close(&s[0]);
		assert_false(handover_take(s[1], &b, &got));
		assert_int_equal(errno, rows[i].error);
		assert_int_equal(got.fd, -1);
		close_pair(s);
		buf_free(&b);
	}
}

static void
too_much_is_refused_on_both_sides(void **state)
{
	static char much[2 * HANDOVER_SAID];
	const struct handover_client c = {
	    .fd = -1, .said = {much, sizeof(much)}
        };
	struct handover_client got;
	struct buf b = {0};
	int s[2];

	(void)state;
	memset(much, 'x', sizeof(much));
	make_pair(s);
	assert_false(handover_give(s[0], &c));
	assert_int_equal(errno, EMSGSIZE);
	assert_true(fd_write_all(s[0], much, sizeof(much)));
	assert_false(handover_take(s[1], &b, &got));
	assert_int_equal(errno, EPROTO);
	close_pair(s);
	buf_free(&b);
}

static void
what_is_passed_on_early_stays_for_later(void **state)
{
	static char much[2 * HANDOVER_SAID], rest[sizeof(much)];
	const struct handover_client c = {
	    -1, 1, {"x",  1},
              {NULL, 0}
        };
	struct handover_client got;
	struct buf b = {0};
	int s[2];

	(void)state;
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (char)('a' + i % 26);
	make_pair(s);
	assert_true(handover_give(s[0], &c));
	assert_true(fd_write_all(s[0], much, sizeof(much)));
	assert_true(handover_take(s[1], &b, &got));
	assert_true(got.said.len <= HANDOVER_SAID);
	memcpy(rest, got.said.data, got.said.len);
	assert_true(fd_read_all(
	    s[1], rest + got.said.len, sizeof(rest) - got.said.len));
	assert_memory_equal(rest, much, sizeof(much));
	close_pair(s);
	buf_free(&b);
}

static void
end_is_heard_as_it_was_said(void **state)
{
	static const struct str wrong[] = {
	    {"",			       0 },
	    {"quit",			   4 },
	    {"quit\0",			 5 },
	    {"quit\0x\0",                      7 },
	    {"a word that is too long\0001\0", 26},
	};
	char how[HANDOVER_WORD];
	uint64_t sent = 0;
	int s[2];

	(void)state;
	make_pair(s);
	assert_true(handover_end(s[0], "quit", UINT64_MAX));
	assert_true(handover_hear(s[1], how, &sent));
	assert_string_equal(how, "quit");
	assert_true(sent == UINT64_MAX);
	close_pair(s);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		make_pair(s);
		assert_true(fd_write_all(s[0], wrong[i].data, wrong[i].len));
		fd_close(&s[0]);
		assert_false(handover_hear(s[1], how, &sent));
		close_pair(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(client_is_taken_as_it_was_given),
	    cmocka_unit_test(what_comes_in_parts_is_put_together),
	    cmocka_unit_test(anything_else_is_no_client),
	    cmocka_unit_test(too_much_is_refused_on_both_sides),
	    cmocka_unit_test(what_is_passed_on_early_stays_for_later),
	    cmocka_unit_test(end_is_heard_as_it_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
