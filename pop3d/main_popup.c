/* popup: talk POP3 with clients until they are logged in, then hand them to
 * their mailboxes, or pass bytes between the two.
 *
 * Runs as     culverp, jailed; with -l root until the addresses are bound.
 * Started by  the supervisor, run/popup (with -l); or a UCSPI server, for one
 *             connection on descriptors 0 and 1.
 * Reads       control/{authmechanisms,concurrencypop3,concurrencypop3ip,
 *             concurrencypop3net,maxuse,me,plainauth,plainpop3,pop3apop,
 *             proxyclients,tcp.pop3,timeoutpop3}; env TCPREMOTEIP
 *             TCPREMOTEPORT TCPREMOTEHOST TCPREMOTEINFO TCPLOCALIP
 *             TCPLOCALPORT.
 * Writes      nothing on disk.
 * Talks to    culver-authd, by the socket state/auth, wire/login.h; and to the
 *             culver-pop3d that it gets from there, wire/handover.h, or which
 *             it understands not; to culver-keyd, by the socket state/key,
 *             wire/key.h.
 * Trusts      nothing from a client.
 * Exits       0 the client has gone or SIGTERM came; 100 wrong usage; 111 a
 *             local failure.
 */
#include "control/access.h"
#include "control/control.h"
#include "control/gate.h"
#include "lib/clock.h"
#include "lib/daemon.h"
#include "lib/die.h"
#include "lib/env.h"
#include "pop3d/popup.h"
#include "wire/key.h"
#include "wire/login.h"
#include <errno.h>
#include <fcntl.h>

static const char usage[] =
    "usage: culver-popup [-t] -l ADDRESS:PORT [-l ADDRESS:PORT ...]\n"
    "       culver-popup [-t]                (under a UCSPI server)\n"
    "-t: begin with TLS, as on port 995\n"
    "example: culver-popup -l 0.0.0.0:110 -l [::]:110\n";

static const struct drop_path paths[] = {
    {"control", PATH_READ},
    {NULL,      0        },
};

#define CROWDED "-ERR [SYS/TEMP] too many connections from your address\r\n"

enum { MEMORY_MAX = 64 << 20 }; /* bytes of a worker */

struct service {
	struct controls *controls;
	struct tls_server *tls;
	bool secure;       /* TLS from the first byte */
	int64_t refreshed; /* by the listener, boot clock */
};

static const struct drop jail = {.account = ACCOUNT_POPUP,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_UNIX,
    .paths = paths,
    .memory_max = MEMORY_MAX};

/* A value that cannot be read stays what it was; serve says so. */
static uint64_t
number(void *context, enum control_id id)
{
	struct controls *c = ((struct service *)context)->controls;
	bool fresh = control_refresh_row(c, id);

	(void)fresh;
	return control_number(c, id);
}

/* What workers are born with is a second old at most, so that they need not
 * read it again. */
static uint64_t
limit(void *context)
{
	struct service *s = context;
	int64_t now = clock_boot();

	if (now >= s->refreshed + CLOCK_SECOND) {
		bool fresh = control_refresh(s->controls);

		(void)fresh;
		s->refreshed = now;
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
	struct controls *c = ((struct service *)context)->controls;

	return control_refresh_row(c, C_proxyclients) &&
	       access_listed(c, C_proxyclients, remote) == FOUND_YES;
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
	drop_to(&jail);
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
	const struct service *s = context;
	struct controls *controls = s->controls;
	struct popup p = {
	    .login = LOGIN_SOCKET, .tls = s->tls, .secure = s->secure};

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
	p.plain = control_number(controls, C_plainauth) == 1 ||
		  control_number(controls, C_plainpop3) == 1;
	p.mechanisms = control_line(controls, C_authmechanisms);
	p.timeout_seconds = (int)control_number(controls, C_timeoutpop3);
	popup_serve(&p, &peer);
}

static void
open_settings(void *context, bool ucspi)
{
	struct service *s = context;
	int dirfd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)ucspi;
	s->controls = dirfd < 0 ? NULL : control_new(dirfd, CONTROL_POPUP);
	if (s->controls == NULL)
		die_temp("unable to read control");
	s->tls = tls_server_new(key_keeper(), "pop3");
	if (s->tls == NULL)
		die_temp("unable to prepare TLS");
}

/* -t. */
static void
take_letter(void *context, int letter UNUSED)
{
	((struct service *)context)->secure = true;
}

static struct service service;

static const struct daemon program = {
    .name = "popup",
    .usage = usage,
    .brief = "culver-popup [-t] [-l ADDRESS:PORT]...",
    .jail = &jail,
    .open = open_settings,
    .letters = "t",
    .letter = take_letter,
    .ops = {.limit = limit,
	    .limits = limits,
	    .is_proxy = is_proxy,
	    .crowded = CROWDED,
	    .uses = uses,
	    .prepare = prepare,
	    .serve = serve,
	    .context = &service},
};

int
main(int argc, char **argv)
{
	return daemon_run(argc, argv, &program);
}
