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

static const char *const hows[] = {
    [LOGIN_PASS] = "pass",
    [LOGIN_APOP] = "apop",
    [LOGIN_CRAM] = "cram",
    [LOGIN_FIRST] = "first",
    [LOGIN_FINAL] = "final",
    [LOGIN_SEND] = "send",
    [LOGIN_SEEN] = "seen",
};
enum { HOWS = sizeof(hows) / sizeof(hows[0]) };

static bool
is_scram(enum login_how how)
{
	return how == LOGIN_FIRST || how == LOGIN_FINAL;
}

static bool
put_scram(struct buf *b, const struct checkpw *who)
{
	size_t mark = b->len;

	if (!field_put_text(b, who->user) ||
	    !field_put_text(b, who->password) || !field_put_text(b, who->extra))
		return false;
	if (b->len - mark <= LOGIN_SCRAM)
		return true;
	errno = EMSGSIZE;
	return false;
}

static bool
put(struct buf *b, const struct login *l)
{
	return put_text(b, l->service) && put_text(b, str_of(hows[l->how])) &&
	       put_text(b, l->client) && put_text(b, l->client_port) &&
	       put_text(b, l->server) && put_text(b, l->server_port) &&
	       (is_scram(l->how) ? put_scram(b, &l->who)
				 : checkpw_write(b, &l->who));
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

static bool
take_how(struct str *in, enum login_how *how)
{
	struct str word;
	int i = 0;

	if (!take_text(in, &word))
		return false;
	while (i < HOWS && !str_equal(word, str_of(hows[i])))
		i++;
	*how = (enum login_how)i;
	return i < HOWS;
}

static bool
take_scram(struct str in, struct checkpw *who)
{
	return in.len <= LOGIN_SCRAM && field_take_text(&in, &who->user) &&
	       field_take_text(&in, &who->password) &&
	       field_take_text(&in, &who->extra) && in.len == 0;
}

bool
login_read(struct str in, struct login *l)
{
	struct login got;

	if (!take_text(&in, &got.service) || !take_how(&in, &got.how) ||
	    !take_text(&in, &got.client) || !take_text(&in, &got.client_port) ||
	    !take_text(&in, &got.server) || !take_text(&in, &got.server_port) ||
	    !(is_scram(got.how) ? take_scram(in, &got.who)
				: checkpw_read(in, &got.who)))
		return false;
	*l = got;
	return true;
}

static bool
put_answer(struct buf *b, const struct login_answer *a)
{
	if (a->letter == 'K' && a->address.len > CHECKPW_MAX) {
		errno = EMSGSIZE;
		return false;
	}
	return (a->letter != 'K' || field_put_text(b, a->address)) &&
	       buf_append_str(b, str_slice(a->text, 0, LOGIN_TEXT));
}

bool
login_send(int s, const struct login_answer *a)
{
	struct buf b = {.max = FRAME_HEAD + LOGIN_SAID};
	size_t mark;
	bool ok = frame_begin(&b, a->letter, &mark) && put_answer(&b, a) &&
		  frame_finish(&b, mark) && sock_send(s, b.data, b.len, a->fd);

	buf_free(&b);
	return ok;
}

/* Add to b what has come; the descriptor comes with the first part. */
static bool
more(int s, int ms, struct buf *b, int *fd)
{
	char part[FRAME_HEAD + LOGIN_SAID];
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
take_answer(const struct frame *f, struct login_answer *a)
{
	a->letter = f->kind;
	a->text = f->payload;
	if (a->letter == 'K')
		return field_take_text(&a->text, &a->address);
	return a->fd < 0 &&
	       (a->letter == 'C' || a->letter == 'N' || a->letter == 'Z');
}

static bool
receive(int s, int ms, struct buf *b, struct login_answer *a)
{
	enum frame_result r;
	struct frame f;
	size_t used;

	buf_clear(b);
	b->max = FRAME_HEAD + LOGIN_SAID;
	while ((r = frame_take(b, &f, &used)) == FRAME_MORE)
		if (!more(s, ms, b, &a->fd))
			return false;
	if (r == FRAME_OK && used == b->len && take_answer(&f, a))
		return true;
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
