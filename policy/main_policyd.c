/* policyd: fetch the TLS policies of domains, count how TLS went, report it.
 *
 * Runs as     culvert, three processes, each jailed: the keeper, which answers
 *             and has no network; the fetcher, which has, and a child of it for
 *             each fetch; the reporter.  Root until the socket is bound.
 * Started by  a supervisor, see run/policyd.
 * Reads       control/{dnsservers,me,tlscafile,tlsrptfrom}; the authorities'
 *             certificates; state/policies, state/tlsrpt.
 * Writes      state/policies, state/tlsrpt.
 * Talks to    culver-remote, by socket state/policy, wire/sts.h; DNS and web
 *             servers of anybody; queue, by socket queue/submit, wire/submit.h.
 * Trusts      nothing of DNS or the web but what a certificate proves;
 *             culver-remote for how sessions went.
 * Exits       0 told to end; 100 wrong usage; 111 one of the processes could
 *             not go on, and so none.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/os_linux.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "policy/desk.h"
#include "policy/reporter.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 128,
	PATH_SIZE = 4096,
	SPARE_FILES = 64,
	KEEPER_MEMORY = 512 << 20, /* bytes */
	OTHER_MEMORY = 1024 << 20
};

static const char usage[] =
    "usage: culver-policyd\n"
    "\n"
    "It listens on HOME/state/policy until it is stopped.\n"
    "example: CULVER_HOME=/var/culver culver-policyd\n";

/* Where authorities' certificates and resolv.conf are. */
#define SYSTEM_PATHS                                                           \
	{"control", PATH_READ}, {"/etc", PATH_READ},                           \
	    {"/usr/share/ca-certificates", PATH_READ},                         \
	    {"/usr/local/share/ca-certificates", PATH_READ},                   \
	{                                                                      \
		"/usr/lib/ssl", PATH_READ                                      \
	}

static const struct drop_path keeper_paths[] = {
    {"control",     PATH_READ					 },
    {STORE_FOLDER,  PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE},
    {COUNTS_FOLDER, PATH_READ | PATH_WRITE | PATH_CREATE              },
    {NULL,          0						 },
};

static int
open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die_temp("unable to open ", path);
	return fd;
}

static struct controls *
open_controls(void)
{
	struct controls *c =
	    control_new(open_folder("control"), CONTROL_POLICYD);

	if (c == NULL)
		die_temp("unable to keep settings");
	if (!control_refresh(c))
		warn(control_error(c));
	return c;
}

/* The fetcher; a file of authorities elsewhere is allowed if it is named when
 * the program starts. */
static int
start_fetcher(int listening)
{
	struct controls *c;
	char path[PATH_SIZE];
	int ends[2];
	pid_t pid;

	if (!sock_pair(ends) || (pid = fork()) < 0)
		die_temp("unable to start the fetcher");
	if (pid > 0) {
		fd_close(&ends[1]);
		return ends[0];
	}
	fd_close(&ends[0]);
	fd_close(&listening);
	c = open_controls();
	const struct drop_path paths[] = {
	    SYSTEM_PATHS, {fetcher_authorities(c, path), PATH_READ},
             {NULL,                     0                      }
        };

	drop_to(&(struct drop){.account = ACCOUNT_POLICY,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_INET | PROMISE_FORK,
	    .paths = paths,
	    .memory_max = OTHER_MEMORY});
	fetcher_run(ends[1], c);
}

/* The reporter; what is returned ends when it does. */
static int
start_reporter(const struct keeper *k, int listening)
{
	struct controls *c;
	char path[PATH_SIZE];
	int ends[2], fetcher = k->fetcher;
	pid_t pid;

	if (!sock_pair(ends) || (pid = fork()) < 0)
		die_temp("unable to start the reporter");
	if (pid > 0) {
		fd_close(&ends[1]);
		return ends[0];
	}
	fd_close(&ends[0]);
	fd_close(&listening);
	fd_close(&fetcher);
	c = open_controls();
	const struct drop_path paths[] = {
	    SYSTEM_PATHS, {STORE_FOLDER,          PATH_READ                                         },
	    {COUNTS_FOLDER,         PATH_READ | PATH_WRITE | PATH_CREATE | PATH_REMOVE},
	    {fetcher_authorities(c, path),					      PATH_READ},
             {NULL,                     0								   }
        };

	drop_to(&(struct drop){.account = ACCOUNT_POLICY,
	    .jailed = true,
	    .promises =
		PROMISE_READ | PROMISE_WRITE | PROMISE_UNIX | PROMISE_INET,
	    .paths = paths,
	    .memory_max = OTHER_MEMORY});
	reporter_run(c, k->days, k->policies, ends[1]);
}

static int
bind_socket(uid_t *peer)
{
	gid_t gid;
	int fd = sock_listen(STS_SOCKET, 0600);

	if (!account_find(ACCOUNT_REMOTE, peer, &gid) || fd < 0 ||
	    !sock_give(STS_SOCKET, *peer))
		die_temp("unable to listen at ", STS_SOCKET);
	return fd;
}

/* The jail of the keeper, and what it needs within. */
static void
settle(struct keeper *k, int listening)
{
	drop_to(&(struct drop){.account = ACCOUNT_POLICY,
	    .jailed = true,
	    .promises =
		PROMISE_READ | PROMISE_WRITE | PROMISE_ACCEPT | PROMISE_UNIX,
	    .paths = keeper_paths,
	    .memory_max = KEEPER_MEMORY});
	if (!fd_raise_limit(DESK_MOST + SPARE_FILES))
		warn("unable to have many descriptors");
	k->known = known_new();
	if (k->known == NULL)
		die_temp("unable to keep what is known");
	/* Who connects is told who listened last: not root. */
	if (listen(listening, BACKLOG) != 0 || !fd_nonblock(listening))
		die_temp("unable to listen at ", STS_SOCKET);
}

/* All of it, as the account that it is, with the socket that root has bound. */
static int
serve(int listening, uid_t peer)
{
	static const int caught[] = {SIGTERM, SIGINT};
	static struct keeper k;
	int life, signals;
	sigset_t before;
	bool told;

	k.days = open_folder(COUNTS_FOLDER);
	k.policies = open_folder(STORE_FOLDER);
	k.fetcher = start_fetcher(listening);
	life = start_reporter(&k, listening);
	k.controls = open_controls();
	settle(&k, listening);
	signals = os_signals_begin(caught, 2, &before);
	if (signals < 0)
		die_temp("unable to hear of signals");
	told = desk_run(&k, listening, peer, signals, life);
	keeper_end(&k);
	errno = 0;
	if (!told)
		die_temp("the reporter has gone");
	return 0;
}

int
main(int argc, char **argv)
{
	uid_t peer;
	int listening;

	die_name("policyd");
	usage_answer(argc, argv, usage);
	if (argc != 1)
		die_usage("culver-policyd");
	home_enter();
	clock_open();
	listening = bind_socket(&peer);
	drop_to(&(struct drop){.account = ACCOUNT_POLICY});
	return serve(listening, peer);
}
