/* qmtpd: talk QMTP with clients and hand their messages to the queue.
 *
 * Runs as     culverd, jailed; with -l root until the addresses are bound.
 * Started by  the supervisor (with -l); or a UCSPI server, for one connection
 *             on descriptors 0 and 1.
 * Reads       control/{badmailfrom-out,badmailto-out,concurrencyincoming,
 *             concurrencyip,concurrencynet,databytes,locals,maxrcpt,maxuse,me,
 *             morercpthosts,percenthack,proxyclients,quotapolicy,rcpthosts,
 *             relayusers,tcp.qmtp,timeoutsmtpd,usercheck,virtualdomains},
 *             users/rcpt.cdb; env RELAYCLIENT DATABYTES
 *             QMAILQUEUE TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPREMOTEINFO
 *             TCPLOCALIP TCPLOCALPORT.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by the socket queue/submit, wire/submit.h;
 *             culver-lspawn, by the socket state/who, wire/who.h.
 * Trusts      nothing from a client.
 * Exits       0 the client has gone or SIGTERM came; 100 wrong usage; 111 a
 *             local failure.
 */
#include "lib/daemon.h"
#include "lib/die.h"
#include "smtpd/netdoor.h"
#include "smtpd/qmtp.h"

static const struct drop_path paths[] = {
    {"control", PATH_READ},
    {"users",   PATH_READ},
    {NULL,      0        },
};

static struct netdoor netdoor = {.reader = CONTROL_QMTPD, .rules = C_tcp_qmtp};

static const struct drop jail = {.account = ACCOUNT_SMTPD,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_UNIX,
    .paths = paths,
    .memory_max = NETDOOR_MEMORY};

static void
prepare(void *context)
{
	struct netdoor *n = context;

	drop_to(&jail);
	n->package = package_new(&n->door, "QMTP");
	if (n->package != NULL)
		n->qmtp = qmtp_new(n->package);
	if (n->qmtp == NULL)
		die_temp("unable to start");
}

/* Whom the rules keep out is told nothing: the answers are to messages. */
static void
serve(void *context, const struct connection *c)
{
	struct netdoor *n = context;

	if (door_ask(&n->door, c) == GATE_OPEN)
		qmtp_serve(n->qmtp, &n->door.client);
}

static const struct daemon program = {
    .name = "qmtpd",
    .usage = "usage: culver-qmtpd -l ADDRESS:PORT [-l ADDRESS:PORT ...]\n"
	     "       culver-qmtpd                      (under a UCSPI server)\n"
	     "example: culver-qmtpd -l 0.0.0.0:209 -l [::]:209\n",
    .brief = "culver-qmtpd [-l ADDRESS:PORT]...",
    .jail = &jail,
    .open = netdoor_open,
    .ops = {.limit = netdoor_limit,
	    .limits = netdoor_limits,
	    .is_proxy = netdoor_is_proxy,
	    .crowded = "",
	    .uses = netdoor_uses,
	    .prepare = prepare,
	    .serve = serve,
	    .context = &netdoor},
};

int
main(int argc, char **argv)
{
	return daemon_run(argc, argv, &program);
}
