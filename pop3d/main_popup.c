/* popup: talk POP3 with clients until they are logged in, then pass bytes
 * between them and their mailboxes.
 *
 * Runs as     culverp, jailed; with -l root until the addresses are bound.
 * Started by  the supervisor, run/popup (with -l); or a UCSPI server, for one
 *             connection on descriptors 0 and 1.
 * Reads       control/{concurrencypop3,maxuse,me,tcp.pop3,timeoutpop3}; env
 *             TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP TCPLOCALPORT.
 * Writes      nothing on disk.
 * Talks to    culver-authd, by the socket state/auth, wire/login.h; and to the
 *             culver-pop3d that it gets from there, which it understands not.
 * Trusts      nothing from a client.
 * Exits       0 the client has gone or SIGTERM came; 100 wrong usage; 111 a
 *             local failure.
 */
#include "control/control.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
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

enum { MEMORY_MAX = 64 << 20 }; /* bytes of a worker */

/* A value that cannot be read stays what it was; serve says so. */
static uint64_t
number(struct controls *c, enum control_id id)
{
	bool fresh = control_refresh(c);

	(void)fresh;
	return control_number(c, id);
}

static uint64_t
limit(void *context)
{
	return number(context, C_concurrencypop3);
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

static void
serve(void *context, const struct connection *c)
{
	struct controls *controls = context;
	struct popup p = {.login = LOGIN_SOCKET};

	if (!control_refresh(controls)) {
		errno = 0;
		warn(control_error(controls));
		popup_refuse(c);
		return;
	}
	p.me = control_line(controls, C_me);
	p.timeout_seconds = (int)control_number(controls, C_timeoutpop3);
	popup_serve(&p, c);
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
