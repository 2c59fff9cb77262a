/* remote: deliver messages to other hosts by SMTP and LMTP, as told.
 *
 * Runs as     culverr:culverr and culverm; jailed; never root.
 * Started by  culver-rspawn, which keeps it for more mail of the same way.
 * Reads       control/{authsenders,dnsservers,helohost,me,outgoingip,
 *             smtproutes,timeoutconnect,timeoutremote,tlscafile,tlspolicy};
 *             the open message; /etc/resolv.conf and the system's certificates, before the jail.
 * Writes      nothing on disk.
 * Talks to    culver-rspawn on fd 0, wire/job.h; DNS; hosts by TCP;
 *             culver-policyd, wire/sts.h.
 * Trusts      culver-rspawn.  Nothing that a host or DNS says.
 * Exits       0 the socket ended, or there was no work for a minute; 111 it
 *             cannot work.
 */
#define _DEFAULT_SOURCE /* alarm */
#include "control/control.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "remote/deliver.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-remote [--help | --version]\n"
    "It delivers what culver-rspawn passes to it on descriptor 0, and is\n"
    "started by nobody else.\n"
    "Example: culver-remote --version\n";

static const struct drop_path paths[] = {
    {"control", PATH_READ},
    {NULL,      0        },
};

/* Resolvers of ours, where dnsservers names some. */
static size_t
own_servers(
    const struct controls *c, struct dns_server servers[DNS_SERVERS_MAX])
{
	size_t count = 0;
	struct str line;

	while (count < DNS_SERVERS_MAX &&
	       control_server(c, C_dnsservers, count, &line)) {
		struct dns_server *s = &servers[count];

		if (!ip_parse_server(line, DNS_PORT, &s->ip, &s->port))
			break;
		count++;
	}
	return count;
}

static void
open_dns(struct deliverer *d)
{
	struct dns_server servers[DNS_SERVERS_MAX];
	size_t count;

	count = own_servers(d->controls, servers);
	d->resolver.dns = dns_new(count > 0 ? servers : NULL, count);
	if (d->resolver.dns == NULL)
		die_temp("unable to ask DNS");
	if (!self_learn(&d->self))
		die_temp("unable to learn own addresses");
	d->resolver.self = &d->self;
	d->resolver.ms = DELIVER_DNS_MS;
}

static void
open_tls(struct deliverer *d)
{
	struct str file = control_line(d->controls, C_tlscafile);
	struct buf error = {.max = 0};
	char path[PATH_MAX];

	if (!str_copy(path, sizeof(path), file)) {
		errno = 0;
		die_temp("unable to use control/tlscafile");
	}
	d->tls = tls_context_new(path[0] != '\0' ? path : NULL, &error);
	if (d->tls == NULL) {
		errno = 0;
		die_temp("unable to use TLS: ", error.data);
	}
	buf_free(&error);
}

static void
open_all(struct deliverer *d)
{
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		die_temp("unable to open ", home_path(), "/control");
	d->controls = control_new(dir, CONTROL_REMOTE);
	if (d->controls == NULL)
		die_temp("unable to keep settings");
	if (!control_refresh(d->controls)) {
		errno = 0;
		warn("unable to use ", control_error(d->controls));
	}
	open_tls(d);
	open_dns(d);
	sts_init(&d->sts);
	session_init(&d->session);
}

static void
send_result(const struct result *r)
{
	struct buf packet = {.max = JOB_PACKET};

	if (!result_write(&packet, r) ||
	    !sock_send(STDIN_FILENO, packet.data, packet.len, -1))
		die_temp("unable to answer culver-rspawn");
	buf_free(&packet);
}

static void
say_ready(void)
{
	const char ready = JOB_READY;

	if (!sock_send(STDIN_FILENO, &ready, sizeof(ready), -1))
		die_temp("unable to greet culver-rspawn");
}

/* It need not be to the second, and who has no work ends long before. */
static void
set_alarm(void)
{
	static int64_t set = INT64_MIN;
	int64_t now = clock_boot() / CLOCK_SECOND;

	if (now < set + JOB_IDLE)
		return;
	(void)alarm(JOB_ALARM);
	set = now;
}

/* One packet, its results. */
static void
work(struct deliverer *d, struct str packet, int fd)
{
	struct errand e;

	if (fd < 0 || !errand_read(packet, &e)) {
		errno = 0;
		die_temp("unable to understand culver-rspawn");
	}
	set_alarm();
	deliver(d, &e, fd);
}

/* Reads of descriptor 0 wait for so many seconds. */
static bool
wait_for(int seconds)
{
	const struct timeval wait = {.tv_sec = seconds};

	return setsockopt(STDIN_FILENO, SOL_SOCKET, SO_RCVTIMEO, &wait,
		   sizeof(wait)) == 0;
}

static ssize_t
listen_on(struct deliverer *d, char packet[JOB_PACKET], int *fd)
{
	ssize_t n;

	/* A connection does not wait as long as we do. */
	deliver_rest(d);
	if (!wait_for(JOB_IDLE - DELIVER_IDLE))
		return -1;
	n = sock_receive(STDIN_FILENO, packet, JOB_PACKET, fd);
	if (n < 0 && errno == EAGAIN && shutdown(STDIN_FILENO, SHUT_RD) == 0)
		n = sock_receive(STDIN_FILENO, packet, JOB_PACKET, fd);
	return n >= 0 && !wait_for(DELIVER_IDLE) ? -1 : n;
}

/* The next packet, or 0 when there will be none: the socket ended, or nobody
 * had work for us.  What was sent at that very moment still comes. */
static ssize_t
hear(struct deliverer *d, char packet[JOB_PACKET], int *fd)
{
	ssize_t n = sock_receive(STDIN_FILENO, packet, JOB_PACKET, fd);

	return n < 0 && errno == EAGAIN ? listen_on(d, packet, fd) : n;
}

static void
close_all(struct deliverer *d)
{
	deliver_rest(d);
	sts_close(&d->sts);
	dns_free(d->resolver.dns);
	tls_context_free(d->tls);
	control_free(d->controls);
}

int
main(int argc, char **argv)
{
	static const struct drop drop = {.account = ACCOUNT_REMOTE,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_INET | PROMISE_UNIX,
	    .paths = paths};
	static struct deliverer d = {.answer = send_result};
	static char packet[JOB_PACKET];
	ssize_t n;
	int fd;

	die_name("remote");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	open_all(&d);
	if (!wait_for(DELIVER_IDLE))
		die_temp("unable to use culver-rspawn");
	drop_to(&drop);
	say_ready();
	while ((n = hear(&d, packet, &fd)) > 0) {
		work(&d, (struct str){packet, (size_t)n}, fd);
		fd_close(&fd);
	}
	if (n < 0)
		die_temp("unable to hear culver-rspawn");
	close_all(&d);
	return 0;
}
