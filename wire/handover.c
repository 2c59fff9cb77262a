/* handover: a client goes to its mailbox; see handover.h. */
#include "wire/handover.h"

#include "lib/fd.h"
#include "lib/field.h"
#include "lib/num.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD_MAX =
	    1 + NUM_SIZE + HANDOVER_ADDRESS + 1, /* before what was said */
	END_MAX = HANDOVER_WORD + NUM_SIZE + 1,
	MILLI = 1000
};

static bool
put_number(struct buf *b, uint64_t n)
{
	return buf_append_number(b, n) && buf_append_byte(b, '\0');
}

bool
handover_give(int s, const struct handover_client *c)
{
	struct buf b = {.max = HEAD_MAX + HANDOVER_SAID};
	bool ok =
	    buf_append_byte(&b, c->fd >= 0 ? 'C' : 'R') &&
	    put_number(&b, c->seconds) && field_put_text(&b, c->address) &&
	    buf_append_str(&b, c->said) && sock_send(s, b.data, b.len, c->fd);

	buf_free(&b);
	return ok;
}

/* How much to take: behind an R come the bytes that are passed on, as many as
 * there are, and what is not taken is read later. */
static size_t
most(int s)
{
	char letter = '\0';

	if (!fd_wait_read(s, HANDOVER_SECONDS * MILLI) ||
	    recv(s, &letter, 1, MSG_PEEK) != 1)
		return HEAD_MAX + HANDOVER_SAID;
	return letter == 'R' ? HANDOVER_SAID : HEAD_MAX + HANDOVER_SAID;
}

/* Add what has come, up to size bytes in all, and the descriptor beside it. */
static bool
more(int s, struct buf *b, size_t size, int *fd)
{
	size_t room = size - b->len;
	ssize_t n;
	int got;

	if (!buf_reserve(b, room) || !fd_wait_read(s, HANDOVER_SECONDS * MILLI))
		return false;
	n = sock_receive(s, b->data + b->len, room, &got);
	if (got >= 0) {
		fd_close(fd);
		*fd = got;
	}
	if (n > 0)
		b->len += (size_t)n;
	if (n == 0)
		errno = EPIPE;
	return n > 0;
}

/* A whole head; false while it is none. */
static bool
parse(struct str in, struct handover_client *c)
{
	struct str letter = str_slice(in, 0, 1), number;

	in = str_slice(in, 1, in.len);
	if (!field_take_text(&in, &number) ||
	    !field_take_text(&in, &c->address) ||
	    c->address.len > HANDOVER_ADDRESS || in.len > HANDOVER_SAID ||
	    !num_parse(number, UINT32_MAX, &c->seconds))
		return false;
	c->said = in;
	return str_equal(letter, str_of(c->fd >= 0 ? "C" : "R"));
}

bool
handover_take(int s, struct buf *b, struct handover_client *c)
{
	size_t size = most(s);

	*c = (struct handover_client){.fd = -1};
	buf_clear(b);
	b->max = HEAD_MAX + HANDOVER_SAID;
	while (b->len < size && more(s, b, size, &c->fd))
		if (parse(buf_str(b), c))
			return true;
	if (b->len > 0)
		errno = EPROTO;
	fd_close(&c->fd);
	return false;
}

bool
handover_end(int s, const char *how, uint64_t sent)
{
	struct buf b = {.max = END_MAX};
	bool ok = field_put_text(&b, str_of(how)) && put_number(&b, sent) &&
		  sock_send(s, b.data, b.len, -1);

	buf_free(&b);
	return ok;
}

static bool
parse_end(struct str in, char how[HANDOVER_WORD], uint64_t *sent)
{
	struct str word, number;

	return field_take_text(&in, &word) && field_take_text(&in, &number) &&
	       str_copy(how, HANDOVER_WORD, word) &&
	       num_parse(number, UINT64_MAX, sent);
}

bool
handover_hear(int s, char how[HANDOVER_WORD], uint64_t *sent)
{
	char bytes[END_MAX];
	size_t len = 0;

	while (len < sizeof(bytes)) {
		ssize_t n = read(s, bytes + len, sizeof(bytes) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		len += (size_t)n;
		if (parse_end((struct str){bytes, len}, how, sent))
			return true;
	}
	return false;
}
