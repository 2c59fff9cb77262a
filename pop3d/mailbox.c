/* mailbox: one request, one answer; see mailbox.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/mailbox.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>

static enum mailbox_result
answer(int s, int *fd)
{
	struct buf b = {0};
	struct login_answer a;
	enum mailbox_result r = MAILBOX_LATER;

	if (!login_receive(s, LOGIN_ANSWER * 1000, &b, &a))
		warn("unable to hear from authd");
	else if (a.letter == 'N')
		r = MAILBOX_WRONG;
	else if (a.letter == 'K')
		r = a.fd >= 0 ? MAILBOX_OPEN : MAILBOX_WAITS;
	*fd = a.fd;
	buf_free(&b);
	return r;
}

static enum mailbox_result
ask(const char *socket, struct str request, int *fd)
{
	enum mailbox_result r = MAILBOX_LATER;
	int s = sock_connect(socket);

	if (s < 0)
		warn("unable to reach authd at ", socket);
	else if (!frame_write(s, LOGIN_LETTER, request))
		warn("unable to ask authd");
	else
		r = answer(s, fd);
	if (r == MAILBOX_WAITS)
		*fd = s;
	else
		fd_close(&s);
	return r;
}

enum mailbox_result
mailbox_ask(const char *socket, const struct login *l, int *fd)
{
	enum mailbox_result r = MAILBOX_LATER;
	struct buf b = {0};

	*fd = -1;
	/* Room for all at once, so that no copy is left behind. */
	if (!buf_reserve(&b, LOGIN_PAYLOAD))
		return MAILBOX_LATER;
	/* A user or password that cannot be said is nobody's. */
	if (login_write(&b, l))
		r = ask(socket, buf_str(&b), fd);
	else if (errno != ENOMEM)
		r = MAILBOX_WRONG;
	explicit_bzero(b.data, b.len);
	buf_free(&b);
	return r;
}
