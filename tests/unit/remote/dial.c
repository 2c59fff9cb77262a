/* dial: the next address comes when the last one fails or tarries, none comes
 * twice, and those that were dead come last. */
#define _GNU_SOURCE
#include "remote/dial.h"

#include "lib/clock.h"
#include "lib/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ms: for what is to be over, and what is never to be waited for. */
enum { SOON = 300, NEVER = 600000 };

/* 127.0.0.2 and .3 listen, .5 and .6 answer nobody, nobody is at .4; all of
 * one port. */
static uint16_t port;
static int listening[2] = {-1, -1}, silent[2] = {-1, -1};
static int filling[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
static struct dial_dead dead;
static char clock_path[] = "/tmp/culver-clock.XXXXXX";
static int clock_fd = -1;

static void
move_clock(long long seconds)
{
	char text[CLOCK_FILE_SIZE + 1];

	(void)snprintf(text, sizeof(text), "%+020lld\n%+020lld\n",
	    seconds * CLOCK_SECOND, seconds * CLOCK_SECOND);
	assert_int_equal(
	    pwrite(clock_fd, text, CLOCK_FILE_SIZE, 0), CLOCK_FILE_SIZE);
}

static struct ip
ip_of(const char *text)
{
	struct ip a = {{0}};

	assert_true(ip_parse(str_of(text), &a));
	return a;
}

/* A listener at 127.0.0.N of the port, or -1. */
static int
listen_at(unsigned n, uint16_t at, int backlog)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sin.sin_addr.s_addr = htonl(0x7f000000 + n);
	sin.sin_port = htons(at);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(fd, backlog) != 0)
		fd_close(&fd);
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	return ntohs(sin.sin_port);
}

/* Connections until the listener's queue is full: from then on the kernel lets
 * nobody in, and says nothing. */
static void
fill(unsigned n, int *fds, size_t count)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};

	sin.sin_addr.s_addr = htonl(0x7f000000 + n);
	sin.sin_port = htons(port);
	for (size_t i = 0; i < count; i++) {
		fds[i] = socket(
		    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(fds[i] >= 0);
		if (connect(fds[i], (struct sockaddr *)&sin, sizeof(sin)) != 0)
			assert_int_equal(errno, EINPROGRESS);
	}
}

static struct targets
targets_of(const char *const *hosts, unsigned count)
{
	struct targets t = {.count = count};

	for (unsigned i = 0; i < count; i++) {
		struct str rest = str_of(hosts[i]), one;
		struct target *to = &t.hosts[i];

		(void)snprintf(to->name, sizeof(to->name), "mx%u.example", i);
		while (str_cut(&rest, ' ', &one))
			assert_true(ip_parse(one, &to->addresses[to->count++]));
	}
	return t;
}

struct row {
	const char *what;
	const char *hosts[4];
	int64_t connect_ms, total_ms;
	const char *order; /* what is handed out, "host:address " each */
	int error;         /* in the end */
	unsigned tries;
};

static void
run(const struct row *r)
{
	unsigned count = 0;
	struct targets t;
	struct dial_plan plan = {.targets = &t,
	    .port = port,
	    .connect_ms = r->connect_ms,
	    .total_ms = r->total_ms,
	    .dead = &dead};
	struct dial d;
	struct dialed out;
	char order[256] = "", ip[IP_SIZE];

	while (count < 4 && r->hosts[count] != NULL)
		count++;
	t = targets_of(r->hosts, count);
	dial_begin(&d, &plan);
	while (dial_next(&d, &out)) {
		size_t len = strlen(order);

		assert_true(out.fd >= 0);
		ip_format(ip, &out.ip);
		(void)snprintf(order + len, sizeof(order) - len, "%ld:%s ",
		    (long)(out.target - t.hosts), ip);
		fd_close(&out.fd);
	}
	if (strcmp(order, r->order) != 0 || d.error != r->error ||
	    d.tries != r->tries)
		fail_msg("%s: %s, error %d, %u tries", r->what, order, d.error,
		    d.tries);
	/* Nothing is left, and it stays so. */
	assert_false(dial_next(&d, &out));
}

static void
each_address_comes_once(void **state)
{
	static const struct row rows[] = {
	    {"one",				 {"127.0.0.2"},                 NEVER, NEVER, "0:127.0.0.2 ", 0,            1},
	    {"two of a host",                       {"127.0.0.2 127.0.0.3"},       NEVER, NEVER,
             "0:127.0.0.2 0:127.0.0.3 ",									 0,            2},
	    {"two hosts",			   {"127.0.0.3", "127.0.0.2"},    NEVER, NEVER,
             "0:127.0.0.3 1:127.0.0.2 ",									 0,            2},
	    {"one address of two hosts",
             {"127.0.0.2", "127.0.0.2 127.0.0.3", "127.0.0.2"},                    NEVER, NEVER,
             "0:127.0.0.2 1:127.0.0.3 ",									 0,            2},
	    {"nobody",			      {"127.0.0.4"},                 NEVER, NEVER, "",             ECONNREFUSED, 1},
	    {"nobody, by two names",                {"127.0.0.4", "127.0.0.4"},    NEVER, NEVER,
             "",												 ECONNREFUSED, 1},
	    {"nobody, then somebody",               {"127.0.0.4 127.0.0.2"},       NEVER, NEVER,
             "0:127.0.0.2 ",										     ECONNREFUSED, 2},
	    {"nobody at a host, then another host", {"127.0.0.4", "127.0.0.2"},
             NEVER,								       NEVER, "1:127.0.0.2 ", ECONNREFUSED, 2},
	    {"no way there",                        {"255.255.255.255 127.0.0.2"}, NEVER, NEVER,
             "0:127.0.0.2 ",										     ENETUNREACH,  2},
	    {"no hosts",			    {NULL},                        NEVER, NEVER, "",             0,            0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&dead, 0, sizeof(dead));
		run(&rows[i]);
	}
}

/* The silent first address is not waited for; it is asked once more when the
 * one that was faster has been handed out, and found dead. */
static void
a_race_goes_to_the_first_that_connects(void **state)
{
	static const char *const hosts[] = {"127.0.0.5 127.0.0.2"};
	struct targets t = targets_of(hosts, 1);
	struct dial_plan plan = {.targets = &t,
	    .port = port,
	    .connect_ms = NEVER,
	    .total_ms = NEVER,
	    .dead = &dead};
	struct ip slow = ip_of("127.0.0.5"), fast = ip_of("127.0.0.2");
	struct dial d;
	struct dialed out;

	(void)state;
	memset(&dead, 0, sizeof(dead));
	dial_begin(&d, &plan);
	assert_true(dial_next(&d, &out));
	assert_true(ip_equal(&out.ip, &fast));
	fd_close(&out.fd);
	assert_int_equal(d.error, 0);
	assert_false(dial_is_dead(&dead, &slow));
	plan.connect_ms = SOON;
	assert_false(dial_next(&d, &out));
	assert_int_equal(d.error, ETIMEDOUT);
	assert_true(ip_equal(&d.failed, &slow));
	assert_true(dial_is_dead(&dead, &slow));
	assert_false(dial_is_dead(&dead, &fast));
}

static void
the_dead_come_last_for_an_hour(void **state)
{
	static const struct row known = {
	    "known to be dead", {"127.0.0.2", "127.0.0.3"},
             SOON, NEVER,
	    "1:127.0.0.3 0:127.0.0.2 ", 0, 2
        };
	static const struct row forgotten = {
	    "alive again", {"127.0.0.2", "127.0.0.3"},
             SOON, NEVER,
	    "0:127.0.0.2 1:127.0.0.3 ", 0, 2
        };
	struct ip a = ip_of("127.0.0.2");

	(void)state;
	memset(&dead, 0, sizeof(dead));
	dial_bury(&dead, &a);
	run(&known);
	/* It connected, so it lives. */
	assert_false(dial_is_dead(&dead, &a));
	run(&forgotten);
	dial_bury(&dead, &a);
	move_clock(DIAL_DEAD - 10);
	assert_true(dial_is_dead(&dead, &a));
	move_clock(DIAL_DEAD);
	assert_false(dial_is_dead(&dead, &a));
	run(&forgotten);
	move_clock(0);
}

static void
the_dead_are_only_so_many(void **state)
{
	struct ip a = ip_of("192.0.2.0"), first = a;

	(void)state;
	memset(&dead, 0, sizeof(dead));
	for (unsigned i = 0; i < DIAL_DEAD_MAX; i++) {
		a.bytes[14] = (unsigned char)(i >> 8);
		a.bytes[15] = (unsigned char)i;
		dial_bury(&dead, &a);
		dial_bury(&dead, &a);
	}
	first.bytes[14] = 0;
	assert_true(dial_is_dead(&dead, &first));
	a.bytes[14] = 77;
	dial_bury(&dead, &a);
	assert_true(dial_is_dead(&dead, &a));
	assert_false(dial_is_dead(&dead, &first));
}

static void
all_of_it_takes_no_longer_than_it_may(void **state)
{
	static const struct row rows[] = {
	    {"each in its time", {"127.0.0.5", "127.0.0.6"}, SOON,  NEVER, "",
             ETIMEDOUT,								   2},
	    {"both in theirs",   {"127.0.0.5 127.0.0.6"},    SOON,  NEVER, "",
             ETIMEDOUT,								   2},
	    {"together",         {"127.0.0.5", "127.0.0.2"}, NEVER, SOON,  "", ETIMEDOUT,
             0									     },
	    {"no time at all",   {"127.0.0.2"},              NEVER, 0,     "", 0,         0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&dead, 0, sizeof(dead));
		run(&rows[i]);
	}
}

static void
a_host_may_be_passed_over(void **state)
{
	static const char *const hosts[] = {
	    "127.0.0.2", "127.0.0.4", "127.0.0.2 127.0.0.3"};
	struct targets t = targets_of(hosts, 3);
	struct dial_plan plan = {.targets = &t,
	    .port = port,
	    .connect_ms = NEVER,
	    .total_ms = NEVER,
	    .dead = &dead};
	struct dial d;
	struct dialed out;

	(void)state;
	memset(&dead, 0, sizeof(dead));
	dial_begin(&d, &plan);
	dial_skip(&d, &t.hosts[0]);
	dial_skip(&d, &t.hosts[1]);
	/* Its address by another name is not passed over. */
	assert_true(dial_next(&d, &out));
	assert_ptr_equal(out.target, &t.hosts[2]);
	assert_int_equal(d.tries, 1);
	fd_close(&out.fd);
	dial_skip(&d, &t.hosts[2]);
	assert_false(dial_next(&d, &out));
	assert_int_equal(d.error, 0);
}

/* What is written is whole as it is: the last part of a message must not wait
 * for the first one's acknowledgement. */
static void
nothing_written_is_held_back(void **state)
{
	static const char *const hosts[] = {"127.0.0.2"};
	struct targets t = targets_of(hosts, 1);
	const struct dial_plan plan = {.targets = &t,
	    .port = port,
	    .connect_ms = NEVER,
	    .total_ms = NEVER,
	    .dead = &dead};
	struct dial d;
	struct dialed out;
	int on = 0;
	socklen_t len = sizeof(on);

	(void)state;
	dial_begin(&d, &plan);
	assert_true(dial_next(&d, &out));
	assert_int_equal(
	    getsockopt(out.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_true(on != 0);
	fd_close(&out.fd);
}

static void
comes_from_the_source_and_does_not_block(void **state)
{
	static const char *const hosts[] = {"127.0.0.2"};
	struct targets t = targets_of(hosts, 1);
	struct dial_plan plan = {
	    .targets = &t,
	    .port = port,
	    .source = {.has4 = true, .four = ip_of("127.0.0.9")},
	    .connect_ms = NEVER,
	    .total_ms = NEVER,
	    .dead = &dead
        };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct dial d;
	struct dialed out;
	struct ip ip;
	char byte;

	(void)state;
	memset(&dead, 0, sizeof(dead));
	dial_begin(&d, &plan);
	assert_true(dial_next(&d, &out));
	assert_int_equal(
	    getsockname(out.fd, (struct sockaddr *)&from, &len), 0);
	assert_true(ip_from_sockaddr((struct sockaddr *)&from, &ip, NULL));
	assert_true(ip_equal(&ip, &plan.source.four));
	assert_int_equal(read(out.fd, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	fd_close(&out.fd);
	/* An address that is not this host's connects nowhere. */
	plan.source.four = ip_of("192.0.2.1");
	dial_begin(&d, &plan);
	assert_false(dial_next(&d, &out));
	assert_int_equal(d.error, EADDRNOTAVAIL);
}

/* Where this machine has IPv6 at all. */
static void
both_families_are_dialled(void **state)
{
	static const struct row rows[] = {
	    {"IPv6 first",                     {"::1 127.0.0.2"}, NEVER, NEVER,
             "0:::1 0:127.0.0.2 ", 0,         2},
	    {"IPv6 after IPv4 that is silent", {"127.0.0.5 ::1"}, SOON,  NEVER,
             "0:::1 ",             ETIMEDOUT, 2},
	};
	struct sockaddr_storage ss;
	struct ip a = ip_of("::1");
	socklen_t len = ip_to_sockaddr(&a, port, &ss);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) != 0) {
		fd_close(&fd);
		skip();
	}
	assert_int_equal(listen(fd, 64), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&dead, 0, sizeof(dead));
		run(&rows[i]);
	}
	fd_close(&fd);
}

static int
start(void **state)
{
	(void)state;
	clock_fd = mkstemp(clock_path);
	if (clock_fd < 0 || setenv("CULVER_CLOCK", clock_path, 1) != 0)
		return -1;
	move_clock(0);
	clock_open();
	/* One port for all: another when any of them has it. */
	while (silent[1] < 0) {
		for (int i = 0; i < 2; i++) {
			fd_close(&listening[i]);
			fd_close(&silent[i]);
		}
		listening[0] = listen_at(2, 0, 64);
		port = port_of(listening[0]);
		listening[1] = listen_at(3, port, 64);
		silent[0] = listen_at(5, port, 0);
		if (listening[1] >= 0 && silent[0] >= 0)
			silent[1] = listen_at(6, port, 0);
	}
	fill(5, filling, 4);
	fill(6, filling + 4, 4);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		fd_close(&listening[i]);
		fd_close(&silent[i]);
	}
	for (int i = 0; i < 8; i++)
		fd_close(&filling[i]);
	return close(clock_fd) != 0 || unlink(clock_path) != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_address_comes_once),
	    cmocka_unit_test(a_race_goes_to_the_first_that_connects),
	    cmocka_unit_test(the_dead_come_last_for_an_hour),
	    cmocka_unit_test(the_dead_are_only_so_many),
	    cmocka_unit_test(all_of_it_takes_no_longer_than_it_may),
	    cmocka_unit_test(a_host_may_be_passed_over),
	    cmocka_unit_test(both_families_are_dialled),
	    cmocka_unit_test(nothing_written_is_held_back),
	    cmocka_unit_test(comes_from_the_source_and_does_not_block),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
