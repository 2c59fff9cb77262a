/* listener: workers are reused, limited, replaced and independent.  Real
 * loopback sockets. */
#define _GNU_SOURCE
#include "tests/unit/lib/jail.h"
#include "tests/unit/lib/served.h"

#include "lib/crew.h"
#include "lib/sock.h"

enum { HOST = INADDR_LOOPBACK, NETWORK = 1 << 8, MANY = 60 };

static void
one_after_another_costs_one_worker(void **state)
{
	pid_t first;

	(void)state;
	start(10, 100);
	first = whole_connection();
	assert_int_not_equal(first, listener_pid);
	for (int i = 0; i < 20; i++)
		assert_int_equal(whole_connection(), first);
	finish();
	assert_int_equal(atomic_load(&shared->prepared), 1);
}

static void
a_worker_knows_both_ends(void **state)
{
	struct ip loopback;
	int fd;

	(void)state;
	assert_true(ip_parse(str_of("127.0.0.1"), &loopback));
	start(10, 100);
	fd = client();
	(void)read_pid(fd);
	assert_true(ip_equal(&shared->seen.remote, &loopback));
	assert_true(ip_equal(&shared->seen.local, &loopback));
	assert_int_equal(shared->seen.remote_port, port_of(fd));
	assert_int_equal(shared->seen.local_port, port);
	leave(fd, 'q');
	finish();
}

static void
at_once_each_has_a_worker(void **state)
{
	int fds[3];
	pid_t pids[3];

	(void)state;
	start(10, 100);
	for (int i = 0; i < 3; i++) {
		fds[i] = client();
		pids[i] = read_pid(fds[i]);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(pids[i], pids[j]);
	}
	for (int i = 2; i >= 0; i--) {
		assert_int_equal(ask(fds[i], 'p'), pids[i]);
		leave(fds[i], 'q');
	}
	finish();
}

static void
beyond_the_limit_one_waits_until_another_ends(void **state)
{
	int one, two, three;
	pid_t pid;

	(void)state;
	start(2, 100);
	one = client();
	pid = read_pid(one);
	two = client();
	(void)read_pid(two);
	three = client();
	let_it_look();
	assert_false(has_data(three));
	leave(one, 'q');
	assert_int_equal(read_pid(three), pid);
	leave(two, 'q');
	leave(three, 'q');
	assert_int_equal(atomic_load(&shared->prepared), 2);
	finish();
}

static void
a_raised_limit_is_seen_without_a_restart(void **state)
{
	int one, two;

	(void)state;
	start(1, 100);
	one = client();
	(void)read_pid(one);
	two = client();
	let_it_look();
	assert_false(has_data(two));
	atomic_store(&shared->limit, 2);
	let_it_look();
	(void)read_pid(two);
	leave(two, 'q');
	leave(one, 'q');
	finish();
}

static void
a_crash_ends_one_connection_alone(void **state)
{
	int one, two;
	pid_t first, second;

	(void)state;
	start(10, 100);
	one = client();
	first = read_pid(one);
	two = client();
	second = read_pid(two);
	leave(one, 'c');
	assert_int_equal(ask(two, 'p'), second);
	one = client();
	assert_int_not_equal(read_pid(one), first);
	assert_int_equal(ask(two, 'p'), second);
	leave(one, 'q');
	leave(two, 'q');
	finish();
}

static void
one_use_gives_each_a_process(void **state)
{
	pid_t last = 0;

	(void)state;
	for (unsigned used = 0; used < 2; used++) {
		start(10, used);
		for (int i = 0; i < 5; i++) {
			pid_t pid = whole_connection();

			assert_int_not_equal(pid, last);
			last = pid;
		}
		finish();
	}
}

static void
after_its_uses_a_worker_is_replaced(void **state)
{
	pid_t first, second;

	(void)state;
	start(10, 3);
	first = whole_connection();
	assert_int_equal(whole_connection(), first);
	assert_int_equal(whole_connection(), first);
	second = whole_connection();
	assert_int_not_equal(second, first);
	assert_int_equal(whole_connection(), second);
	finish();
}

static void
a_worker_has_no_listening_socket(void **state)
{
	int one, two;

	(void)state;
	start(10, 100);
	one = client();
	(void)read_pid(one);
	two = client();
	(void)read_pid(two);
	atomic_store(&shared->inherited, -1);
	(void)ask(two, 'l');
	assert_int_equal(atomic_load(&shared->inherited), 0);
	leave(one, 'q');
	leave(two, 'q');
	finish();
}

static void
sigterm_lets_connections_end(void **state)
{
	int fd, status;
	pid_t pid;

	(void)state;
	start(10, 100);
	fd = client();
	pid = read_pid(fd);
	assert_int_equal(kill(listener_pid, SIGTERM), 0);
	wait_until_refused();
	assert_int_equal(ask(fd, 'p'), pid);
	assert_int_equal(waitpid(listener_pid, &status, WNOHANG), 0);
	leave(fd, 'q');
	expect_end(listener_pid, 0);
}

static void
a_second_sigterm_does_not_wait(void **state)
{
	int fd;
	char c;

	(void)state;
	start(10, 100);
	fd = client();
	(void)read_pid(fd);
	assert_int_equal(kill(listener_pid, SIGTERM), 0);
	wait_until_refused();
	assert_int_equal(kill(listener_pid, SIGTERM), 0);
	assert_false(fd_read_all(fd, &c, 1));
	(void)close(fd);
	expect_end(listener_pid, 0);
}

/* The test inherits the workers of a listener that is killed. */
static void
workers_of_a_dead_listener_end_their_connection_first(void **state)
{
	int fd;
	pid_t busy, idle;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	start(10, 100);
	fd = client();
	busy = read_pid(fd);
	idle = whole_connection();
	assert_int_not_equal(busy, idle);
	assert_int_equal(kill(listener_pid, SIGKILL), 0);
	expect_end(listener_pid, SIGKILL);
	expect_end(idle, 0);
	assert_int_equal(ask(fd, 'p'), busy);
	leave(fd, 'q');
	expect_end(busy, 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void
a_worker_that_cannot_begin_does_not_stop_the_next(void **state)
{
	int fd;
	char c;

	(void)state;
	atomic_store(&shared->fail_to_prepare, true);
	start(10, 100);
	fd = client();
	assert_false(fd_read_all(fd, &c, 1));
	(void)close(fd);
	atomic_store(&shared->fail_to_prepare, false);
	(void)whole_connection();
	finish();
}

static void
set_clock(int seconds)
{
	char text[CLOCK_FILE_SIZE + 1];
	int fd = open("clock", O_WRONLY | O_CREAT, 0644);

	(void)snprintf(text, sizeof(text), "%+0*lld\n%+0*lld\n",
	    CLOCK_FILE_SIZE / 2 - 1, 0LL, CLOCK_FILE_SIZE / 2 - 1,
	    (long long)seconds * CLOCK_SECOND);
	assert_true(fd_pwrite_all(fd, text, CLOCK_FILE_SIZE, 0));
	(void)close(fd);
}

static void
an_idle_worker_ends_after_a_minute(void **state)
{
	pid_t first;

	(void)state;
	set_clock(0);
	assert_int_equal(setenv("CULVER_CLOCK", "clock", 1), 0);
	start(10, 100);
	first = whole_connection();
	let_it_look();
	set_clock(59);
	let_it_look();
	assert_int_equal(whole_connection(), first);
	let_it_look();
	set_clock(59 + 61);
	let_it_look();
	assert_int_not_equal(whole_connection(), first);
	finish();
}

static void
all_of_it_works_in_a_jail(void **state)
{
	int one, two;
	pid_t pid;

	(void)state;
	atomic_store(&shared->jailed, true);
	start(2, 100);
	one = client();
	pid = read_pid(one);
	two = client();
	(void)read_pid(two);
	leave(one, 'q');
	assert_int_equal(whole_connection(), pid);
	leave(two, 'c');
	(void)whole_connection();
	finish();
}

static int
add(const void *context)
{
	struct listener l = {.count = 0};

	listener_add(&l, str_of(context));
	return 0;
}

static int
add_too_many(const void *context)
{
	struct listener l = {.count = 0};

	for (int i = 0; i <= LISTENER_MAX; i++)
		listener_add(&l, str_of(context));
	return 0;
}

/* poll takes no table longer than that limit. */
static void
without_descriptors_it_waits_for_workers_to_end(void **state)
{
	enum { CLIENTS = 40, SERVED = 10 };
	int fds[CLIENTS], lowest = dup(0);

	(void)state;
	assert_true(lowest >= 0);
	assert_int_equal(close(lowest), 0);
	atomic_store(&shared->descriptors, (unsigned)lowest + SERVED + 6);
	start(100, 100);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = client();
	for (int i = 0; i < SERVED; i++)
		(void)read_pid(fds[i]);
	let_it_look();
	assert_false(has_data(fds[CLIENTS - 1]));
	for (int i = 0; i < SERVED; i++)
		leave(fds[i], 'q');
	for (int i = SERVED; i < CLIENTS; i++) {
		(void)read_pid(fds[i]);
		leave(fds[i], 'q');
	}
	finish();
}

static void
what_cannot_be_listened_at_is_told_apart(void **state)
{
	struct listener l = {.count = 0};
	char taken[32];

	(void)state;
	listener_add(&l, str_of("127.0.0.1:0"));
	(void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", port_of(l.fds[0]));
	assert_int_equal(in_child(add, taken), 111 << 8);
	assert_int_equal(in_child(add, "192.0.2.1:0"), 111 << 8);
	assert_int_equal(in_child(add, "25"), 100 << 8);
	assert_int_equal(in_child(add, "localhost:25"), 100 << 8);
	assert_int_equal(in_child(add_too_many, "127.0.0.1:0"), 100 << 8);
	(void)close(l.fds[0]);
}

static void
both_families_share_a_port(void **state)
{
	struct listener l = {.count = 0};
	char other[32];
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof(in6)) != 0) {
		print_message("skipped: no IPv6 on this host\n");
		skip();
	}
	(void)close(fd);
	listener_add(&l, str_of("[::]:0"));
	(void)snprintf(other, sizeof(other), "0.0.0.0:%u", port_of(l.fds[0]));
	listener_add(&l, str_of(other));
	assert_int_equal(port_of(l.fds[0]), port_of(l.fds[1]));
	(void)close(l.fds[0]);
	(void)close(l.fds[1]);
}

static void
expect_refusal(uint32_t from)
{
	static const char line[] = "crowded\r\n";
	char got[sizeof(line) - 1], more;
	int fd = client_from(from);

	assert_true(fd_read_all(fd, got, sizeof(got)));
	assert_memory_equal(got, line, sizeof(got));
	assert_false(fd_read_all(fd, &more, 1));
	(void)close(fd);
}

/* Once it has been served to its end, its place is free. */
static void
expect_place(uint32_t from)
{
	for (;;) {
		int fd = client_from(from);
		pid_t pid = 0;

		if (fd_read_all(fd, &pid, sizeof(pid)) && pid > 0 &&
		    memcmp(&pid, "crow", 4) != 0) {
			leave(fd, 'q');
			return;
		}
		(void)close(fd);
		give_way();
	}
}

static void
one_address_has_its_limit_and_others_come_in(void **state)
{
	int one, two, other;

	(void)state;
	atomic_store(&shared->address, 2);
	start(10, 100);
	one = client();
	(void)read_pid(one);
	two = client();
	(void)read_pid(two);
	expect_refusal(HOST);
	expect_refusal(HOST);
	other = client_from(HOST + 1);
	(void)read_pid(other);
	leave(one, 'q');
	expect_place(HOST);
	leave(two, 'q');
	leave(other, 'q');
	finish();
}

static void
one_network_has_its_limit(void **state)
{
	int one, two, other;

	(void)state;
	atomic_store(&shared->network, 2);
	start(10, 100);
	one = client();
	(void)read_pid(one);
	two = client_from(HOST + 1);
	(void)read_pid(two);
	expect_refusal(HOST + 2);
	other = client_from(HOST + NETWORK);
	(void)read_pid(other);
	leave(one, 'q');
	leave(two, 'q');
	expect_place(HOST + 2);
	leave(other, 'q');
	finish();
}

static void
the_last_quarter_is_for_other_networks(void **state)
{
	int same[6], other[2];

	(void)state;
	atomic_store(&shared->network, 7);
	start(8, 100);
	for (int i = 0; i < 6; i++) {
		same[i] = client();
		(void)read_pid(same[i]);
	}
	expect_refusal(HOST);
	for (int i = 0; i < 2; i++) {
		other[i] = client_from((uint32_t)(HOST + (i + 1) * NETWORK));
		(void)read_pid(other[i]);
	}
	leave(same[0], 'q');
	expect_refusal(HOST + NETWORK);
	for (int i = 1; i < 6; i++)
		leave(same[i], 'q');
	leave(other[0], 'q');
	leave(other[1], 'q');
	finish();
}

/* Whatever ends a worker, what it served is counted no more. */
static void
a_place_comes_back_when_a_worker_dies(void **state)
{
	static const char ways[] = {'c', 'q', 'k'};

	(void)state;
	atomic_store(&shared->address, 1);
	start(10, 1); /* each worker ends after its connection */
	for (int i = 0; i < MANY; i++) {
		int fd = client();
		pid_t pid;

		while (!fd_read_all(fd, &pid, sizeof(pid)) ||
		       memcmp(&pid, "crow", 4) == 0) {
			(void)close(fd);
			give_way();
			fd = client();
		}
		if (ways[i % 3] == 'k') {
			assert_int_equal(kill(pid, SIGKILL), 0);
			(void)close(fd);
		} else
			leave(fd, ways[i % 3]);
	}
	finish();
}

static void
behind_a_proxy_the_true_address_counts(void **state)
{
	int fds[3], fd;
	pid_t pid;

	(void)state;
	assert_true(ip_parse(str_of("127.0.0.1"), &shared->proxy));
	assert_true(ip_parse(str_of("192.0.2.1"), &shared->claimed));
	atomic_store(&shared->address, 2);
	start(20, 100);
	/* More than its limit, for it speaks for others. */
	for (int i = 0; i < 3; i++) {
		fds[i] = client();
		pid = read_pid(fds[i]);
		(void)ask(fds[i], 'a');
		assert_int_equal(atomic_load(&shared->admitted), i < 2);
	}
	leave(fds[0], 'q');
	/* The one that was not admitted is nobody's any more. */
	leave(fds[2], 'q');
	do {
		fd = client();
		(void)read_pid(fd);
		(void)ask(fd, 'a');
		if (!atomic_load(&shared->admitted))
			leave(fd, 'q');
	} while (!atomic_load(&shared->admitted));
	/* Nothing is counted twice when a worker dies. */
	assert_int_equal(kill(pid, 0), 0);
	leave(fd, 'c');
	leave(fds[1], 'c');
	finish();
}

static int gate[2];

static void
wait_at_gate(void *context)
{
	char c;

	(void)context;
	(void)close(gate[1]);
	assert_false(fd_read_all(gate[0], &c, 1));
}

/* It was handed over before the listener was told to stop. */
static void
a_connection_in_hand_outlives_the_listener(void **state)
{
	const struct listener_ops ops = {.uses = uses,
	    .prepare = wait_at_gate,
	    .serve = serve,
	    .context = shared};
	const struct handover from = {.remote_port = 7};
	int ends[2], talk[2];
	pid_t pid;

	(void)state;
	atomic_store(&shared->uses, 100);
	assert_true(sock_pair(ends));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, talk), 0);
	assert_int_equal(pipe(gate), 0);
	assert_true(sock_send(ends[0], &from, sizeof(from), talk[1]));
	(void)close(talk[1]);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		(void)close(talk[0]);
		crew_work(&ops, ends[1]);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(gate[0]);
	(void)close(gate[1]);
	assert_int_equal(read_pid(talk[0]), pid);
	assert_int_equal(shared->seen.remote_port, 7);
	leave(talk[0], 'q');
	expect_end(pid, 0);
}

static int
setup(void **state)
{
	if (home_make(state) != 0)
		return -1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int
forget(void **state)
{
	(void)state;
	memset(shared, 0, sizeof(*shared));
	listener_pid = -1;
	return 0;
}

/* What a failed test left. */
static int
clear(void **state)
{
	(void)state;
	if (listener_pid > 0 && kill(listener_pid, SIGKILL) == 0)
		(void)waitpid(listener_pid, NULL, 0);
	(void)unsetenv("CULVER_CLOCK");
	(void)unlink("clock");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(home_path());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_after_another_costs_one_worker),
	    TEST(a_worker_knows_both_ends),
	    TEST(at_once_each_has_a_worker),
	    TEST(beyond_the_limit_one_waits_until_another_ends),
	    TEST(a_raised_limit_is_seen_without_a_restart),
	    TEST(a_crash_ends_one_connection_alone),
	    TEST(one_use_gives_each_a_process),
	    TEST(after_its_uses_a_worker_is_replaced),
	    TEST(a_worker_has_no_listening_socket),
	    TEST(sigterm_lets_connections_end),
	    TEST(a_second_sigterm_does_not_wait),
	    TEST(workers_of_a_dead_listener_end_their_connection_first),
	    TEST(a_worker_that_cannot_begin_does_not_stop_the_next),
	    TEST(an_idle_worker_ends_after_a_minute),
	    TEST(all_of_it_works_in_a_jail),
	    TEST(without_descriptors_it_waits_for_workers_to_end),
	    TEST(what_cannot_be_listened_at_is_told_apart),
	    TEST(both_families_share_a_port),
	    TEST(one_address_has_its_limit_and_others_come_in),
	    TEST(one_network_has_its_limit),
	    TEST(the_last_quarter_is_for_other_networks),
	    TEST(a_place_comes_back_when_a_worker_dies),
	    TEST(behind_a_proxy_the_true_address_counts),
	    TEST(a_connection_in_hand_outlives_the_listener),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
