/* session: how long a host may take, and how long a connection lives. */
#include "remote/session.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct session session;
static struct outcome outcome;
static int host, ours;

/* The host has said this already; whatever is asked of it. */
static enum session_result
open_it(const char *said, bool lmtp)
{
	static struct policy policy;
	const struct session_plan plan = {.helo = "us.example",
	    .lmtp = lmtp,
	    .policy = &policy,
	    .timeout_seconds = 60};
	const struct ip ip = {
	    {[10] = 0xff, 0xff, 192, 0, 2, 1}
        };

	assert_true(fd_write_all(host, said, strlen(said)));
	return session_open(&session, ours, &ip, &plan, &outcome);
}

static void
setup_limit(int64_t seconds)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ours = ends[0];
	host = ends[1];
	assert_true(fd_nonblock(ours));
	session_init(&session);
	session.limit = clock_boot() + seconds * CLOCK_SECOND;
}

/* Nothing in it is waited for a minute, which is each reply's own limit. */
static void
an_errand_has_a_limit_of_its_own(void **state)
{
	(void)state;
	setup_limit(1);
	assert_int_equal(open_it("220 x\r\n250 x\r\n", false), SESSION_OK);
	session.limit = clock_boot() + 1000;
	assert_false(session_command(&session, "NOOP"));
	assert_true(session.broken);
	session_quit(&session);
	(void)close(host);
}

static void
what_was_said_before_is_not_usable(void **state)
{
	(void)state;
	setup_limit(60);
	assert_int_equal(open_it("220 x\r\n250 x\r\n", false), SESSION_OK);
	assert_true(session_usable(&session));
	assert_true(fd_write_all(host, "421 bye\r\n", 9));
	assert_false(session_usable(&session));
	session_quit(&session);
	assert_false(session_usable(&session));
	(void)close(host);
}

/* QUIT goes out, and nobody waits for the answer. */
static void
it_says_quit(void **state)
{
	static const char want[] = "EHLO us.example\r\nQUIT\r\n";
	char said[64] = "";

	(void)state;
	setup_limit(60);
	assert_int_equal(open_it("220 x\r\n250 x\r\n", false), SESSION_OK);
	session_quit(&session);
	assert_true(fd_read_all(host, said, sizeof(want) - 1));
	assert_string_equal(said, want);
	session_quit(&session);
	assert_int_equal(read(host, said, sizeof(said)), 0);
	(void)close(host);
}

/* It answers HELO once that has come, behind EHLO. */
static void *
answer_helo(void *context)
{
	static const char asked[] = "EHLO us.example\r\nHELO us.example\r\n";
	static const char answer[] = "250-x\r\n250 SIZE 1\r\n";
	char said[sizeof(asked)];

	return fd_read_all(host, said, sizeof(asked) - 1) &&
		       memcmp(said, asked, sizeof(asked) - 1) == 0 &&
		       fd_write_all(host, answer, sizeof(answer) - 1)
		   ? &host
		   : context;
}

/* What was offered by EHLO counts for nothing behind HELO. */
static void
helo_offers_nothing(void **state)
{
	pthread_t thread;
	void *answered;

	(void)state;
	setup_limit(60);
	assert_int_equal(pthread_create(&thread, NULL, answer_helo, NULL), 0);
	assert_int_equal(
	    open_it("220 x\r\n502-x\r\n502 PIPELINING\r\n", false), SESSION_OK);
	assert_int_equal(session.offers.bits, 0);
	assert_int_equal(pthread_join(thread, &answered), 0);
	assert_ptr_equal(answered, &host);
	session_quit(&session);
	(void)close(host);
}

/* The first line of an answer to EHLO is a name. */
static void
a_name_is_no_offer(void **state)
{
	(void)state;
	setup_limit(60);
	assert_int_equal(
	    open_it("220 x\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n", false),
	    SESSION_OK);
	assert_int_equal(session.offers.bits, OFFER_CHUNKING);
	session_quit(&session);
	(void)close(host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_errand_has_a_limit_of_its_own),
	    cmocka_unit_test(what_was_said_before_is_not_usable),
	    cmocka_unit_test(it_says_quit),
	    cmocka_unit_test(helo_offers_nothing),
	    cmocka_unit_test(a_name_is_no_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
