/* smtpd: talk SMTP with clients and hand their messages to the queue.
 *
 * Runs as     culverd, jailed; with -l root until the addresses are bound.
 * Started by  the supervisor, run/smtpd (with -l); or a UCSPI server, for one
 *             connection on descriptors 0 and 1.
 * Reads       control/{concurrencyincoming,concurrencyip,concurrencynet,
 *             databytes,maxrcpt,maxuse,me,proxyclients,rcpthosts,
 *             smtpgreeting,tcp.smtp,timeoutsmtpd,xclientclients},
 *             users/rcpt.cdb; env RELAYCLIENT DATABYTES QMAILQUEUE
 *             TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPREMOTEINFO
 *             TCPLOCALIP TCPLOCALPORT TCPLOCALHOST.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by the socket queue/submit, wire/submit.h.
 * Trusts      nothing from a client.
 * Exits       0 the client has gone or SIGTERM came; 100 wrong usage; 111 a
 *             local failure.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/home.h"
#include "lib/listener.h"
#include "lib/usage.h"
#include "smtpd/session.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-smtpd -l ADDRESS:PORT [-l ADDRESS:PORT ...]\n"
    "       culver-smtpd                      (under a UCSPI server)\n"
    "example: culver-smtpd -l 0.0.0.0:25 -l [::]:25\n";

static const struct drop_path paths[] = {
    {"control", PATH_READ},
    {"users",   PATH_READ},
    {NULL,      0        },
};

enum { MEMORY_MAX = 512 << 20 }; /* bytes; a million refused recipients fit */

struct service {
	struct door door;
	struct session *session;
};

/* One client at a time: files to read, the socket of the queue, no more. */
static void
prepare(void *context)
{
	struct service *s = context;

	drop_to(&(struct drop){.account = ACCOUNT_SMTPD,
	    .jailed = true,
	    .promises = PROMISE_READ | PROMISE_UNIX,
	    .paths = paths,
	    .memory_max = MEMORY_MAX});
	s->session = session_new(&s->door);
	if (s->session == NULL)
		die_temp("unable to start");
}

static void
serve(void *context, const struct connection *c)
{
	struct service *s = context;

	if (door_enter(&s->door, c))
		session_serve(s->session, &s->door.client);
}

/* A value that cannot be read stays what it was; the worker says so. */
static uint64_t
number(const struct service *s, enum control_id id)
{
	bool fresh = control_refresh(s->door.controls);

	(void)fresh;
	return control_number(s->door.controls, id);
}

static uint64_t
limit(void *context)
{
	return number(context, C_concurrencyincoming);
}

static void
limits(void *context, struct crowd_limits *l)
{
	const struct service *s = context;

	l->address = control_number(s->door.controls, C_concurrencyip);
	l->network = control_number(s->door.controls, C_concurrencynet);
}

/* Or one that may say so later, by XCLIENT. */
static bool
is_proxy(void *context, const struct ip *remote)
{
	const struct controls *c = ((struct service *)context)->door.controls;

	return access_listed(c, C_proxyclients, remote) == FOUND_YES ||
	       access_listed(c, C_xclientclients, remote) == FOUND_YES;
}

static uint64_t
uses(void *context)
{
	return number(context, C_maxuse);
}

static void
serve_listener(struct service *s, struct listener *l)
{
	door_open(&s->door);
	drop_to(&(struct drop){.account = ACCOUNT_SMTPD,
	    .jailed = true,
	    .promises =
		PROMISE_READ | PROMISE_UNIX | PROMISE_ACCEPT | PROMISE_FORK,
	    .paths = paths});
	listener_run(l, &(struct listener_ops){.limit = limit,
			    .limits = limits,
			    .is_proxy = is_proxy,
			    .crowded = "421 4.7.0 too many connections from "
				       "your address\r\n",
			    .uses = uses,
			    .prepare = prepare,
			    .serve = serve,
			    .context = s});
}

static void
serve_ucspi(struct service *s)
{
	struct connection c;

	door_open(&s->door);
	door_filter(&s->door);
	connection_from_ucspi(&c);
	prepare(s);
	serve(s, &c);
	session_free(s->session);
}

int
main(int argc, char **argv)
{
	static struct service service;
	struct listener l = {.count = 0};
	int option;

	die_name("smtpd");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		die_temp("unable to ignore SIGPIPE");
	opterr = 0;
	while ((option = getopt(argc, argv, "l:")) != -1) {
		if (option != 'l')
			die_usage("culver-smtpd [-l ADDRESS:PORT]...");
		listener_add(&l, str_of(optarg));
	}
	if (optind != argc)
		die_usage("culver-smtpd [-l ADDRESS:PORT]...");
	if (l.count > 0)
		serve_listener(&service, &l);
	else
		serve_ucspi(&service);
	door_close(&service.door);
	return 0;
}
