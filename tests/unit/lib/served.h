/* served: a listener in a child, and clients that are told their worker's pid
 * and send it one letter at a time.  Wants _GNU_SOURCE. */
#ifndef TESTS_UNIT_LIB_SERVED_H
#define TESTS_UNIT_LIB_SERVED_H

#include "tests/unit/lib/jail.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/num.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

/* Shared with the listener and its workers. */
struct shared {
	atomic_uint limit, uses, limit_asked, prepared;
	atomic_uint descriptors; /* the listener may have; 0: as ever */
	atomic_bool fail_to_prepare, jailed;
	struct connection seen;       /* by the last serve */
	atomic_int inherited;         /* listening sockets the last 'l' found */
	atomic_uint address, network; /* most of each; 0: no limit */
	struct ip proxy, claimed;     /* who is one; what 'a' claims */
	atomic_bool admitted;         /* the answer to it */
};
static struct shared *shared;
static struct listener listener;
static uint16_t port;
static pid_t listener_pid;

static uint64_t
limit(void *context)
{
	struct shared *s = context;

	atomic_fetch_add(&s->limit_asked, 1);
	return atomic_load(&s->limit);
}

static void
limits(void *context, struct crowd_limits *l)
{
	struct shared *s = context;

	l->address = atomic_load(&s->address);
	l->network = atomic_load(&s->network);
}

static bool
is_proxy(void *context, const struct ip *remote)
{
	return ip_equal(remote, &((struct shared *)context)->proxy);
}

static uint64_t
uses(void *context)
{
	return atomic_load(&((struct shared *)context)->uses);
}

static void
prepare(void *context)
{
	struct shared *s = context;
	const struct drop d = {.account = ACCOUNT_SMTPD, .jailed = true};

	atomic_fetch_add(&s->prepared, 1);
	if (atomic_load(&s->fail_to_prepare))
		_exit(1);
	if (atomic_load(&s->jailed))
		drop_to(&d);
}

static int
listening_sockets(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++) {
		int is = 0;
		socklen_t len = sizeof(is);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &len) == 0)
			n += is;
	}
	return n;
}

static void
tell_pid(int fd)
{
	pid_t pid = getpid();

	if (!fd_write_all(fd, &pid, sizeof(pid)))
		_exit(1);
}

static void
claim(struct shared *s, const struct connection *c)
{
	struct connection other = *c;

	other.remote = s->claimed;
	atomic_store(&s->admitted, connection_recount(&other));
}

static void
serve(void *context, const struct connection *c)
{
	struct shared *s = context;
	char letter;

	s->seen = *c;
	tell_pid(c->out_fd);
	while (fd_read_all(c->in_fd, &letter, 1) && letter != 'q') {
		if (letter == 'c')
			abort();
		if (letter == 'a')
			claim(s, c);
		if (letter == 'l')
			atomic_store(&s->inherited, listening_sockets());
		tell_pid(c->out_fd);
	}
}

static int
listen_in_child(const void *context)
{
	const struct listener_ops ops = {.limit = limit,
	    .limits = limits,
	    .is_proxy = is_proxy,
	    .crowded = "crowded\r\n",
	    .uses = uses,
	    .prepare = prepare,
	    .serve = serve,
	    .context = shared};
	const struct drop d = {.account = ACCOUNT_SMTPD,
	    .jailed = true,
	    .promises = PROMISE_ACCEPT | PROMISE_FORK};

	const struct rlimit few = {atomic_load(&shared->descriptors),
	    atomic_load(&shared->descriptors)};

	(void)context;
	if (few.rlim_cur > 0 && setrlimit(RLIMIT_NOFILE, &few) != 0)
		return 1;
	/* Nothing stays behind when a test is ended from outside. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	clock_open();
	if (atomic_load(&shared->jailed))
		drop_to(&d);
	listener_run(&listener, &ops);
	return 0;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ip a;
	uint16_t n = 0;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_true(ip_from_sockaddr((struct sockaddr *)&ss, &a, &n));
	return n;
}

static void
start(unsigned limited, unsigned used)
{
	atomic_store(&shared->limit, limited);
	atomic_store(&shared->uses, used);
	listener = (struct listener){.count = 0};
	listener_add(&listener, str_of("127.0.0.1:0"));
	port = port_of(listener.fds[0]);
	(void)fflush(NULL);
	listener_pid = fork();
	assert_true(listener_pid >= 0);
	if (listener_pid == 0)
		_exit(listen_in_child(NULL));
	(void)close(listener.fds[0]);
}

static void
expect_end(pid_t pid, int status)
{
	int got = -1;

	assert_int_equal(waitpid(pid, &got, 0), pid);
	if (pid == listener_pid)
		listener_pid = -1;
	assert_int_equal(got, status);
}

static void
finish(void)
{
	assert_int_equal(kill(listener_pid, SIGTERM), 0);
	expect_end(listener_pid, 0);
}

static int
try_to_connect_from(uint32_t from)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in own = {
	    .sin_family = AF_INET, .sin_addr = {htonl(from)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		fd_close(&fd);
	return fd;
}

static int
try_to_connect(void)
{
	return try_to_connect_from(INADDR_LOOPBACK);
}

static int
client_from(uint32_t from)
{
	int fd = try_to_connect_from(from);

	assert_true(fd >= 0);
	return fd;
}

static int
client(void)
{
	return client_from(INADDR_LOOPBACK);
}

static pid_t
read_pid(int fd)
{
	pid_t pid = 0;

	assert_true(fd_read_all(fd, &pid, sizeof(pid)));
	return pid;
}

static pid_t
ask(int fd, char letter)
{
	assert_true(fd_write_all(fd, &letter, 1));
	return read_pid(fd);
}

/* Say a last letter and wait for the end. */
static void
leave(int fd, char letter)
{
	char c;

	assert_true(fd_write_all(fd, &letter, 1));
	assert_false(fd_read_all(fd, &c, 1));
	(void)close(fd);
}

static pid_t
whole_connection(void)
{
	int fd = client();
	pid_t pid = read_pid(fd);

	leave(fd, 'q');
	return pid;
}

/* Not an assertion: gives way to others until a condition is looked at again.
 * A condition that never comes is for the one who runs the tests to end. */
static void
give_way(void)
{
	(void)nanosleep(&(struct timespec){0, 1000000}, NULL);
}

/* Until the listener has gone round twice: it has seen all there is now. */
static void
let_it_look(void)
{
	for (int i = 0; i < 2; i++) {
		unsigned before = atomic_load(&shared->limit_asked);

		while (atomic_load(&shared->limit_asked) == before) {
			assert_int_equal(kill(listener_pid, SIGCHLD), 0);
			give_way();
		}
	}
}

static void
wait_until_refused(void)
{
	for (int fd = try_to_connect(); fd >= 0; fd = try_to_connect())
		(void)close(fd);
}

static bool
has_data(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

#endif
