/* fetcher: a child for each order; see fetcher.h. */
#include "policy/fetcher.h"

#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "policy/order.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, CHILD_MEMORY = 512 << 20 /* bytes */ };

struct fetcher {
	int s, signals;
	sigset_t before;
	struct controls *controls;
	struct {
		pid_t pid; /* 0: free */
		uint32_t job;
	} children[FETCHER_MOST];
};

struct dns *
fetcher_dns(const struct controls *c)
{
	struct dns_server servers[DNS_SERVERS_MAX];
	struct str line;
	size_t n = 0;

	while (
	    n < DNS_SERVERS_MAX && control_server(c, C_dnsservers, n, &line)) {
		if (!ip_parse_server(
			line, DNS_PORT, &servers[n].ip, &servers[n].port)) {
			errno = EINVAL;
			return NULL;
		}
		n++;
	}
	return dns_new(n > 0 ? servers : NULL, n);
}

const char *
fetcher_authorities(const struct controls *c, char path[4096])
{
	struct str line = control_line(c, C_tlscafile);

	return line.len > 0 && str_copy(path, PATH_SIZE, line) ? path : NULL;
}

/* Tell the keeper; where that fails it is gone, and so are we soon. */
static void
report(int s, const struct outcome *o)
{
	struct buf b = {.max = ORDER_PACKET};

	if (!outcome_write(&b, o) || !sock_send(s, b.data, b.len, -1))
		_exit(EXIT_TEMP);
	buf_free(&b);
}

static void
report_trouble(int s, uint32_t job, const char *why)
{
	report(s, &(struct outcome){.job = job,
		      .result = FETCH_LOCAL,
		      .id = str_of(""),
		      .why = str_of(why)});
}

/* The child.  Its jail is the fetcher's without the right to fork. */
NO_RETURN static void
work(const struct fetcher *f, const struct order *o)
{
	static const struct drop_path paths[] = {
	    {"/",  PATH_READ},
            {NULL, 0        }
        };
	char path[PATH_SIZE];
	struct fetch fetch = {.domain = o->domain,
	    .known = o->known,
	    .anyway = o->anyway,
	    .authorities = fetcher_authorities(f->controls, path)};
	struct outcome out = {.job = o->job};

	if (!os_end_with_parent(SIGKILL))
		_exit(EXIT_TEMP);
	drop_to(&(struct drop){.account = ACCOUNT_POLICY,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_INET,
	    .paths = paths,
	    .memory_max = CHILD_MEMORY});
	fetch.dns = fetcher_dns(f->controls);
	if (fetch.dns == NULL)
		report_trouble(f->s, o->job, "unable to begin asking DNS");
	else {
		out.result = fetch_run(&fetch);
		out.id = str_of(fetch.id);
		out.why = str_of(fetch.why);
		if (out.result == FETCH_NEW)
			out.text = buf_str(&fetch.text);
		report(f->s, &out);
	}
	_exit(0);
}

static void
begin(struct fetcher *f, const struct order *o)
{
	size_t i = 0;
	pid_t pid;

	while (i < FETCHER_MOST && f->children[i].pid != 0)
		i++;
	if (!control_refresh(f->controls)) {
		report_trouble(f->s, o->job, control_error(f->controls));
		return;
	}
	pid = i < FETCHER_MOST ? fork() : -1;
	if (pid == 0) {
		fd_close(&f->signals);
		(void)sigprocmask(SIG_SETMASK, &f->before, NULL);
		work(f, o);
	}
	if (pid < 0) {
		report_trouble(f->s, o->job, "unable to start a fetch");
		return;
	}
	f->children[i].pid = pid;
	f->children[i].job = o->job;
}

/* One that died without a word is spoken for. */
static void
reap(struct fetcher *f)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		size_t i = 0;

		while (i < FETCHER_MOST && f->children[i].pid != pid)
			i++;
		if (i == FETCHER_MOST)
			continue;
		f->children[i].pid = 0;
		if (status != 0)
			report_trouble(
			    f->s, f->children[i].job, "a fetch died");
	}
}

static void
take(struct fetcher *f)
{
	char packet[STS_DOMAIN_MAX + STS_ID_MAX + 64];
	struct order o;
	ssize_t n;
	int none;

	n = sock_receive(f->s, packet, sizeof(packet), &none);
	fd_close(&none);
	if (n <= 0)
		exit(0);
	if (!order_read((struct str){packet, (size_t)n}, &o))
		bug("an order is malformed");
	begin(f, &o);
}

void
fetcher_run(int s, struct controls *c)
{
	static const int caught[] = {SIGCHLD};
	static struct fetcher f;
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (!web_begin())
		die_temp("unable to begin with libcurl");
	f.s = p[0].fd = s;
	f.controls = c;
	f.signals = p[1].fd = os_signals_begin(caught, 1, &f.before);
	if (f.signals < 0)
		die_temp("unable to hear of children");
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die_temp("unable to wait");
		while (os_signals_next(f.signals) != 0)
			continue;
		reap(&f);
		if (p[0].revents != 0)
			take(&f);
	}
}
