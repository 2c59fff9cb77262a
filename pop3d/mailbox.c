/* mailbox: one request, one answer; see mailbox.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "pop3d/mailbox.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>

/* Who asks, and what he wants to know. */
struct asking {
	const char *socket;
	struct buf *user, *text;
	int fd; /* of the mailbox; -1 */
};

static bool
tell(const struct asking *q, const struct login_answer *a)
{
	return (q->user == NULL || buf_append_lower(q->user, a->address)) &&
	       (q->text == NULL || buf_append_str(q->text, a->text));
}

static enum mailbox_result
answer(struct asking *q, int s)
{
	struct buf b = {0};
	struct login_answer a;
	enum mailbox_result r = MAILBOX_LATER;

	if (!login_receive(s, LOGIN_ANSWER * 1000, &b, &a))
		warn("unable to hear from authd");
	else if (a.letter == 'N')
		r = MAILBOX_WRONG;
	else if (!tell(q, &a))
		warn("unable to keep what authd says");
	else if (a.letter == 'C')
		r = MAILBOX_STEP;
	else if (a.letter == 'K')
		r = a.fd >= 0 ? MAILBOX_OPEN : MAILBOX_WAITS;
	if (r == MAILBOX_LATER)
		fd_close(&a.fd);
	q->fd = a.fd;
	buf_free(&b);
	return r;
}

static enum mailbox_result
ask(struct asking *q, struct str request)
{
	enum mailbox_result r = MAILBOX_LATER;
	int s = sock_connect_within(q->socket, LOGIN_ANSWER);

	if (s < 0)
		warn("unable to reach authd at ", q->socket);
	/* It may become a mailbox's, who has its own time. */
	else if (!frame_write(s, LOGIN_LETTER, request) || !sock_patience(s, 0))
		warn("unable to ask authd");
	else
		r = answer(q, s);
	if (r == MAILBOX_WAITS)
		q->fd = s;
	else
		fd_close(&s);
	return r;
}

enum mailbox_result
mailbox_ask(const char *socket, const struct login *l, int *fd,
    struct buf *user, struct buf *text)
{
	struct asking q = {
	    .socket = socket, .user = user, .text = text, .fd = -1};
	enum mailbox_result r = MAILBOX_LATER;
	struct buf b = {0};

	*fd = -1;
	/* Room for all at once, so that no copy is left behind. */
	if (!buf_reserve(&b, LOGIN_PAYLOAD))
		return MAILBOX_LATER;
	/* A user or password that cannot be said is nobody's. */
	if (login_write(&b, l))
		r = ask(&q, buf_str(&b));
	else if (errno != ENOMEM)
		r = MAILBOX_WRONG;
	*fd = q.fd;
	explicit_bzero(b.data, b.len);
	buf_free(&b);
	return r;
}
