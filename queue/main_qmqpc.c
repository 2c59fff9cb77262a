/* qmqpc: hand a message given as qmail-queue wants it to a QMQP server.
 *
 * Runs as     the caller, whoever it is, jailed.
 * Started by  any program that would run qmail-queue: in $QMAILQUEUE, or under
 *             that name on a host without a queue.
 * Reads       control/{me,qmqpservers}; the message on descriptor 0, the
 *             envelope on descriptor 1.
 * Writes      nothing on disk.
 * Talks to    QMQP servers, by TCP.
 * Trusts      a server to keep what it says it has.
 * Exits       0 a server has it; else a code of wire/queue.h, qmail-queue's.
 */
#include "control/control.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/ip.h"
#include "queue/caller.h"
#include "queue/handing.h"
#include "queue/parcel.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>

static const char usage[] =
    "usage: culver-qmqpc 0<message 1<envelope\n"
    "Hand a message to one of control/qmqpservers, as qmail-qmqpc does.\n"
    "Example: printf 'Fa@here\\0Tb@there\\0\\0' >envelope\n"
    "         culver-qmqpc <message 1<envelope\n";

static const struct drop jail = {
    .account = ACCOUNT_SELF, .jailed = true, .promises = PROMISE_INET};

/* The servers; NULL when they cannot be read. */
static struct controls *
read_servers(void)
{
	int fd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct controls *c = fd < 0 ? NULL : control_new(fd, CONTROL_QMQPC);

	if (c == NULL) {
		warn("unable to open control");
		return NULL;
	}
	if (!control_refresh(c)) {
		errno = 0;
		warn(control_error(c));
		control_free(c);
		return NULL;
	}
	return c;
}

/* The first server that takes it or refuses it for good.  Otherwise what was
 * wrong with the last. */
static int
hand_over(const struct controls *c, const struct parcel *p)
{
	int code = QQ_CONFIG;
	struct str text;

	for (size_t n = 0; control_server(c, C_qmqpservers, n, &text); n++) {
		char name[IP_SIZE];
		struct ip ip;
		uint16_t port;

		if (!ip_parse_server(text, HANDING_PORT, &ip, &port))
			continue; /* control_refresh has checked them */
		code = handing_try(&ip, port, p);
		if (code == QQ_OK || code == QQ_REFUSED)
			return code;
		ip_format(name, &ip);
		warn("unable to hand a message to ", name,
		    code == QQ_DEFERRED ? ": not now" : "");
	}
	return code;
}

int
main(int argc, char **argv)
{
	static struct parcel parcel;
	struct controls *c;
	int code;

	caller_begin(argc, argv, "qmqpc", usage);
	c = read_servers();
	if (c == NULL)
		return QQ_CONFIG;
	drop_to(&jail);
	code = parcel_read(&parcel, 0, 1);
	if (code == QQ_OK &&
	    parcel.recipients > 0) /* else all of them have it */
		code = hand_over(c, &parcel);
	parcel_free(&parcel);
	control_free(c);
	return code;
}
