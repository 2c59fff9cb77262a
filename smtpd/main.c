/* smtpd: talk SMTP or LMTP with clients and hand their messages to the queue.
 *
 * Runs as     culverd, jailed; with -l root until the addresses are bound; with
 *             -c its caller, if that is not root.
 * Started by  the supervisor, run/smtpd (with -l); a UCSPI server, for one
 *             connection on descriptors 0 and 1; or culver-sendmail (-c).
 * Reads       control/{authmechanisms,authrate,badmailfrom-out,badmailto-out,
 *             brtlimit,concurrencyincoming,concurrencyip,concurrencynet,
 *             databytes,forceauthfrom,forceheaderfrom,hideclientip,locals,
 *             maxrcpt,maxuse,me,morercpthosts,percenthack,plainauth,
 *             popbeforesmtp,proxyclients,quotapolicy,rcpthosts,relayusers,
 *             senderlogin,smtpgreeting,tcp.smtp,timeoutsmtpd,usercheck,
 *             virtualdomains,xclientclients},
 *             users/rcpt.cdb; env RELAYCLIENT REQUIREAUTH DATABYTES QMAILQUEUE
 *             TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPREMOTEINFO
 *             TCPLOCALIP TCPLOCALPORT TCPLOCALHOST.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by the socket queue/submit, wire/submit.h;
 *             culver-lspawn, by the socket state/who, wire/who.h;
 *             culver-authd, by state/auth, wire/login.h, or in its place a
 *             child outside the jail that runs CHECKPASSWORD, wire/checkpw.h;
 *             culver-keyd, by the socket state/key, wire/key.h.
 * Trusts      nothing from a client.
 * Exits       0 the client has gone or SIGTERM came; 100 wrong usage; 111 a
 *             local failure.
 */
#include "lib/clock.h"
#include "lib/daemon.h"
#include "lib/die.h"
#include "smtpd/checkpw.h"
#include "smtpd/session.h"
#include "wire/key.h"
#include <unistd.h>

#define BRIEF "culver-smtpd [-Lt] [-l ADDRESS:PORT]..."

static const char usage[] =
    "usage: culver-smtpd [-Lt] -l ADDRESS:PORT [-l ADDRESS:PORT ...]\n"
    "       culver-smtpd [-Lt]                (under a UCSPI server)\n"
    "       culver-smtpd [-t] HOST CHECKPASSWORD true\n"
    "                                         (likewise, with AUTH)\n"
    "       culver-smtpd -c                   (sendmail -bs)\n"
    "-L: speak LMTP\n"
    "-t: begin with TLS, as on port 465\n"
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
	bool lmtp;
	bool secure;       /* TLS from the first byte */
	bool caller;       /* the client is who started us */
	char **words;      /* HOST PROGRAM ...; NULL */
	int64_t refreshed; /* by the listener, boot clock */
};

static const struct drop jail = {.account = ACCOUNT_SMTPD,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_UNIX,
    .paths = paths,
    .memory_max = MEMORY_MAX};

/* One client at a time: files to read, the socket of the queue, no more. */
static void
prepare(void *context)
{
	struct service *s = context;
	struct drop how = jail;

	if (s->caller && geteuid() != 0)
		how.account = ACCOUNT_SELF;
	drop_to(&how);
	s->session = session_new(&s->door);
	if (s->session == NULL)
		die_temp("unable to start");
	s->session->lmtp = s->lmtp;
	s->session->secure = s->secure;
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
	bool fresh = control_refresh_row(s->door.controls, id);

	(void)fresh;
	return control_number(s->door.controls, id);
}

/* What workers are born with is a second old at most, so that they need not
 * read it again. */
static uint64_t
limit(void *context)
{
	struct service *s = context;
	int64_t now = clock_boot();

	if (now >= s->refreshed + CLOCK_SECOND) {
		bool fresh = control_refresh(s->door.controls);

		(void)fresh;
		s->refreshed = now;
	}
	return number(s, C_concurrencyincoming);
}

static void
limits(void *context, struct crowd_limits *l)
{
	l->address = number(context, C_concurrencyip);
	l->network = number(context, C_concurrencynet);
}

static bool
is_listed(struct controls *c, enum control_id id, const struct ip *remote)
{
	return control_refresh_row(c, id) &&
	       access_listed(c, id, remote) == FOUND_YES;
}

/* Or one that may say so later, by XCLIENT. */
static bool
is_proxy(void *context, const struct ip *remote)
{
	struct controls *c = ((struct service *)context)->door.controls;

	return is_listed(c, C_proxyclients, remote) ||
	       is_listed(c, C_xclientclients, remote);
}

static uint64_t
uses(void *context)
{
	return number(context, C_maxuse);
}

/* Under a UCSPI server, what other people's programs are run by. */
static void
start_programs(struct service *s)
{
	door_filter(&s->door);
	if (s->words == NULL)
		return;
	s->door.checkpw_host = str_of(s->words[0]);
	s->door.checkpw = checkpw_start(s->words + 1, ACCOUNT_SMTPD);
}

static void
open_door(void *context, bool ucspi)
{
	struct service *s = context;

	if (s->caller && !ucspi)
		die_usage(BRIEF);
	door_open(&s->door);
	s->door.caller = s->caller;
	s->door.tls = tls_server_new(key_keeper(), "smtp");
	if (s->door.tls == NULL)
		die_temp("unable to prepare TLS");
	if (ucspi)
		start_programs(s);
}

/* -L, -c and -t. */
static void
take_letter(void *context, int letter)
{
	struct service *s = context;

	*(letter == 'L'     ? &s->lmtp
	    : letter == 't' ? &s->secure
			    : &s->caller) = true;
}

/* HOST CHECKPASSWORD true, as qmail-smtpd has them where it has AUTH. */
static void
take_words(void *context, int count, char **words)
{
	struct service *s = context;

	if (count < 3 || s->caller || s->lmtp)
		die_usage(BRIEF);
	s->words = words;
}

static struct service service;

static const struct daemon program = {
    .name = "smtpd",
    .usage = usage,
    .brief = BRIEF,
    .jail = &jail,
    .open = open_door,
    .words = take_words,
    .letters = "Lct",
    .letter = take_letter,
    .ops = {.limit = limit,
	    .limits = limits,
	    .is_proxy = is_proxy,
	    .crowded = "421 4.7.0 too many connections from your address\r\n",
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
