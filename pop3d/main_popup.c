/* popup: talk POP3 with clients until they are logged in, then pass bytes
 * between them and their mailboxes.
 *
 * Runs as     culverp, jailed; with -l root until the addresses are bound.
 * Started by  the supervisor, run/popup (with -l); or a UCSPI server, for one
 *             connection on descriptors 0 and 1.
 * Reads       control/{concurrencypop3,concurrencypop3ip,concurrencypop3net,
 *             maxuse,me,pop3apop,proxyclients,tcp.pop3,timeoutpop3}; env
 *             TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPREMOTEINFO TCPLOCALIP
 *             TCPLOCALPORT.
 * Writes      nothing on disk.
 * Talks to    culver-authd, by the socket state/auth, wire/login.h; and to the
 *             culver-pop3d that it gets from there, which it understands not.
 * Trusts      nothing from a client.
 * Exits       0 the client has gone or SIGTERM came; 100 wrong usage; 111 a
 *             local failure.
 */
#include "control/access.h"
#include "control/control.h"
#include "control/gate.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/listener.h"
#include "lib/usage.h"
#include "pop3d/popup.h"
#include "wire/login.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-popup -l ADDRESS:PORT [-l ADDRESS:PORT ...]\n"
    "       culver-popup                     (under a UCSPI server)\n"
    "example: culver-popup -l 0.0.0.0:110 -l [::]:110\n";

static const struct drop_path paths[] = {
    {"control", PATH_READ},
    {NULL,      0        },
};

#define CROWDED "-ERR [SYS/TEMP] too many connections from your address\r\n"

enum { MEMORY_MAX = 64 << 20 }; /* bytes of a worker */

/* A value that cannot be read stays what it was; serve says so. */
static uint64_t
number(struct controls *c, enum control_id id)
{
	bool fresh = control_refresh_row(c, id);

	(void)fresh;
	return control_number(c, id);
}

/* What workers are born with is a second old at most, so that they need not
 * read it again. */
static uint64_t
limit(void *context)
{
	static int64_t refreshed; /* boot clock */
	int64_t now = clock_boot();

	if (now >= refreshed + CLOCK_SECOND) {
		bool fresh = control_refresh(context);

		(void)fresh;
		refreshed = now;
	}
	return number(context, C_concurrencypop3);
}

static void
limits(void *context, struct crowd_limits *l)
{
	l->address = number(context, C_concurrencypop3ip);
	l->network = number(context, C_concurrencypop3net);
}

static bool
is_proxy(void *context, const struct ip *remote)
{
	return control_refresh_row(context, C_proxyclients) &&
	       access_listed(context, C_proxyclients, remote) == FOUND_YES;
}

static uint64_t
uses(void *context)
{
	return number(context, C_maxuse);
}

static void
prepare(void *context)
{
	(void)context;
	drop_to(&(struct drop){.account = ACCOUNT_POPUP,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_UNIX,
	    .paths = paths,
	    .memory_max = MEMORY_MAX});
}

/* Who the client is, and whether it may come in. */
static enum gate
enter(const struct controls *controls, struct connection *peer)
{
	struct access_client who = {.ip = &peer->remote};
	struct buf vars = {0};
	bool proxied;
	enum gate g = gate_proxy(controls, peer, &proxied);

	if (peer->listener_fd < 0 && !proxied) {
		who.host = env_get("TCPREMOTEHOST");
		who.info = env_get("TCPREMOTEINFO");
	}
	if (g == GATE_OPEN)
		g = gate_rules(controls, C_tcp_pop3, &who, &vars);
	buf_free(&vars);
	return g;
}

static void
turn_away(const struct connection *peer, enum gate g)
{
	static const char *const lines[] = {
	    [GATE_OPEN] = NULL,
	    [GATE_DENIED] = "-ERR [SYS/PERM] you may not connect here\r\n",
	    [GATE_CROWDED] = CROWDED,
	    [GATE_TROUBLE] = "-ERR [SYS/TEMP] cannot serve you now\r\n",
	    [GATE_CLOSED] = NULL,
	};

	if (lines[g] != NULL)
		gate_tell(peer, lines[g]);
}

static void
serve(void *context, const struct connection *c)
{
	struct connection peer = *c;
	enum gate g;
	struct controls *controls = context;
	struct popup p = {.login = LOGIN_SOCKET};

	if (!control_refresh(controls)) {
		errno = 0;
		warn(control_error(controls));
		popup_refuse(c);
		return;
	}
	g = enter(controls, &peer);
	if (g != GATE_OPEN) {
		turn_away(&peer, g);
		return;
	}
	p.me = control_line(controls, C_me);
	p.apop = control_number(controls, C_pop3apop) == 1;
	p.timeout_seconds = (int)control_number(controls, C_timeoutpop3);
	popup_serve(&p, &peer);
}

static void
serve_listener(struct controls *controls, struct listener *l)
{
	drop_to(&(struct drop){.account = ACCOUNT_POPUP,
	    .jailed = true,
	    .promises =
		PROMISE_READ | PROMISE_UNIX | PROMISE_ACCEPT | PROMISE_FORK,
	    .paths = paths});
	listener_run(l, &(struct listener_ops){.limit = limit,
			    .limits = limits,
			    .is_proxy = is_proxy,
			    .crowded = CROWDED,
			    .uses = uses,
			    .prepare = prepare,
			    .serve = serve,
			    .context = controls});
}

static void
serve_ucspi(struct controls *controls)
{
	struct connection c;

	connection_from_ucspi(&c);
	prepare(controls);
	serve(controls, &c);
}

static struct controls *
settings(void)
{
	int dirfd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct controls *c =
	    dirfd < 0 ? NULL : control_new(dirfd, CONTROL_POPUP);

	if (c == NULL)
		die_temp("unable to read control");
	return c;
}

int
main(int argc, char **argv)
{
	struct listener l = {.count = 0};
	struct controls *controls;
	int option;

	die_name("popup");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	opterr = 0;
	while ((option = getopt(argc, argv, "l:")) != -1) {
		if (option != 'l')
			die_usage("culver-popup [-l ADDRESS:PORT]...");
		listener_add(&l, str_of(optarg));
	}
	if (optind != argc)
		die_usage("culver-popup [-l ADDRESS:PORT]...");
	controls = settings();
	if (l.count > 0)
		serve_listener(controls, &l);
	else
		serve_ucspi(controls);
	control_free(controls);
	return 0;
}
