/* program: the unprivileged end of control/checkpassword; see program.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/program.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/field.h"
#include "lib/sock.h"
#include "pop3d/opener.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { MILLI = 1000 };

static bool
put_variable(struct buf *b, const char *name, struct str value)
{
	return buf_append_text(b, name) && buf_append_byte(b, '=') &&
	       field_put_text(b, value);
}

static bool
is_smtp(const struct login *l)
{
	return str_equal(l->service, str_of("smtp"));
}

static bool
put_request(struct buf *b, const struct login *l)
{
	return buf_append_byte(b, is_smtp(l) ? OPENER_TRUE : OPENER_PROGRAM) &&
	       put_variable(b, "TCPREMOTEIP", l->client) &&
	       put_variable(b, "TCPREMOTEPORT", l->client_port) &&
	       put_variable(b, "TCPLOCALIP", l->server) &&
	       put_variable(b, "TCPLOCALPORT", l->server_port);
}

/* The login waits in the socket before anybody can read it, and nothing comes
 * after it; the opening half passes it on and never sees it. */
static bool
put_login(int s, const struct checkpw *who)
{
	struct buf b = {.max = CHECKPW_MAX};
	bool ok = buf_reserve(&b, CHECKPW_MAX) && checkpw_write(&b, who) &&
		  fd_write_all(s, b.data, b.len) && shutdown(s, SHUT_WR) == 0;

	if (b.data != NULL)
		explicit_bzero(b.data, b.cap);
	buf_free(&b);
	return ok;
}

/* A socket to hear the answer from; -1. */
static int
ask(int opener, const struct login *l)
{
	struct buf b = {.max = OPENER_REQUEST};
	int ends[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		warn("unable to make a pair");
		return -1;
	}
	ok = put_login(ends[0], &l->who) && put_request(&b, l) &&
	     sock_send(opener, b.data, b.len, ends[1]);
	if (!ok) {
		warn("unable to ask for a program");
		fd_close(&ends[0]);
	}
	fd_close(&ends[1]);
	buf_free(&b);
	return ends[0];
}

/* A mailbox greets with +OK, or with -ERR that it could not be opened.  *mute:
 * it has closed, or says something else, and is not listened to any more. */
static bool
has_spoken(int stream, bool *mute)
{
	char c = '\0';
	ssize_t n = recv(stream, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == 1 && (c == '+' || c == '-'))
		return true;
	*mute = n >= 0;
	return false;
}

/* Wait for the mailbox's first byte, or the program's end, whichever is first.
 */
static enum program_result
wait_for(int answer, int stream)
{
	int64_t until = clock_boot() + (int64_t)OPENER_SECONDS * CLOCK_SECOND;
	bool mute = false;
	char letter = '\0';

	for (;;) {
		struct pollfd p[] = {
		    {.fd = mute ? -1 : stream, .events = POLLIN},
		    {.fd = answer,             .events = POLLIN}
                };
		int64_t left = (until - clock_boot()) / (CLOCK_SECOND / MILLI);
		int n = poll(p, 2, left > 0 ? (int)left : 0);

		if (n == 0 || (n < 0 && errno != EINTR))
			return PROGRAM_LATER;
		if (n > 0 && p[0].revents != 0 && has_spoken(stream, &mute))
			return PROGRAM_RIGHT;
		if (n > 0 && p[1].revents != 0)
			return recv(answer, &letter, 1, MSG_DONTWAIT) == 1 &&
				       letter == 'N'
				   ? PROGRAM_WRONG
				   : PROGRAM_LATER;
	}
}

/* Likewise, where there is no mailbox. */
static enum program_result
wait_for_end(int answer)
{
	char letter = 'Z';

	if (!fd_wait_read(answer, OPENER_SECONDS * MILLI) ||
	    recv(answer, &letter, 1, MSG_DONTWAIT) != 1)
		return PROGRAM_LATER;
	if (letter == 'Y')
		return PROGRAM_RIGHT;
	return letter == 'N' ? PROGRAM_WRONG : PROGRAM_LATER;
}

enum program_result
program_ask(int opener, const struct login *l, int *stream)
{
	int answer = ask(opener, l);
	enum program_result r = PROGRAM_LATER;
	char letter = 'Z';

	*stream = -1;
	if (answer < 0)
		return PROGRAM_LATER;
	if (fd_wait_read(answer, OPENER_SECONDS * MILLI) &&
	    sock_receive(answer, &letter, 1, stream) == 1 && letter == 'K' &&
	    *stream >= 0)
		r = is_smtp(l) ? wait_for_end(answer)
			       : wait_for(answer, *stream);
	if (r != PROGRAM_RIGHT || is_smtp(l))
		fd_close(stream);
	fd_close(&answer);
	return r;
}
