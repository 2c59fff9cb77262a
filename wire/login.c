/* login: the request to culver-authd and its answer; see login.h. */
#include "wire/login.h"

#include "lib/fd.h"
#include "lib/field.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>

static bool
put_text(struct buf *b, struct str text)
{
	if (text.len > LOGIN_CLIENT) {
		errno = EMSGSIZE;
		return false;
	}
	return field_put_text(b, text);
}

static bool
put(struct buf *b, const struct login *l)
{
	return put_text(b, l->service) &&
	       put_text(b, str_of(l->apop ? "apop" : "pass")) &&
	       put_text(b, l->client) && put_text(b, l->client_port) &&
	       put_text(b, l->server) && put_text(b, l->server_port) &&
	       checkpw_write(b, &l->who);
}

bool
login_write(struct buf *b, const struct login *l)
{
	size_t mark = b->len;

	if (put(b, l))
		return true;
	b->len = mark;
	return false;
}

static bool
take_text(struct str *in, struct str *text)
{
	return field_take_text(in, text) && text->len <= LOGIN_CLIENT;
}

bool
login_read(struct str in, struct login *l)
{
	struct login got;
	struct str how;

	if (!take_text(&in, &got.service) || !take_text(&in, &how) ||
	    !take_text(&in, &got.client) || !take_text(&in, &got.client_port) ||
	    !take_text(&in, &got.server) || !take_text(&in, &got.server_port) ||
	    !checkpw_read(in, &got.who))
		return false;
	got.apop = str_equal(how, str_of("apop"));
	if (!got.apop && !str_equal(how, str_of("pass")))
		return false;
	*l = got;
	return true;
}

bool
login_send(int s, const struct login_answer *a)
{
	struct buf b = {.max = FRAME_HEAD + LOGIN_TEXT};
	bool ok =
	    frame_append(&b, a->letter, str_slice(a->text, 0, LOGIN_TEXT)) &&
	    sock_send(s, b.data, b.len, a->fd);

	buf_free(&b);
	return ok;
}

/* Add to b what has come; the descriptor comes with the first part. */
static bool
more(int s, int ms, struct buf *b, int *fd)
{
	char part[FRAME_HEAD + LOGIN_TEXT];
	ssize_t n;
	int got;

	if (!fd_wait_read(s, ms))
		return false;
	n = sock_receive(s, part, sizeof(part), &got);
	if (n < 0)
		return false;
	if (got >= 0) {
		fd_close(fd);
		*fd = got;
	}
	if (n == 0) {
		errno = EPIPE;
		return false;
	}
	if (buf_append(b, part, (size_t)n))
		return true;
	errno = EPROTO;
	return false;
}

/* A descriptor comes with K and with nothing else. */
static bool
sound(const struct login_answer *a)
{
	return a->letter == 'K' ||
	       ((a->letter == 'N' || a->letter == 'Z') && a->fd < 0);
}

static bool
receive(int s, int ms, struct buf *b, struct login_answer *a)
{
	enum frame_result r;
	struct frame f;
	size_t used;

	buf_clear(b);
	b->max = FRAME_HEAD + LOGIN_TEXT;
	while ((r = frame_take(b, &f, &used)) == FRAME_MORE)
		if (!more(s, ms, b, &a->fd))
			return false;
	if (r == FRAME_OK) {
		a->letter = f.kind;
		a->text = f.payload;
		if (used == b->len && sound(a))
			return true;
	}
	errno = EPROTO;
	return false;
}

bool
login_receive(int s, int ms, struct buf *b, struct login_answer *a)
{
	*a = (struct login_answer){.fd = -1};
	if (receive(s, ms, b, a))
		return true;
	fd_close(&a->fd);
	return false;
}
