/* stream: one connection to a host, in the clear or within TLS; see stream.h. */
#include "remote/stream.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

void
stream_open(struct stream *s, int fd)
{
	s->fd = fd;
	s->tls = NULL;
	s->eof = false;
	s->failed = STREAM_OK;
	s->error = 0;
	s->nap = 0;
	s->in_pos = s->in_end = s->out_len = 0;
	s->text[0] = '\0';
}

void
stream_patience(struct stream *s, int64_t microseconds)
{
	const int64_t half = microseconds / 2;
	const struct timeval wait = {
	    .tv_sec = half / CLOCK_SECOND, .tv_usec = half % CLOCK_SECOND};
	int flags = fcntl(s->fd, F_GETFL);

	if (half > 0 && flags >= 0 &&
	    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ==
		0 &&
	    fcntl(s->fd, F_SETFL, flags & ~O_NONBLOCK) == 0)
		s->nap = half;
}

/* As recv(2): -1 with EAGAIN where nothing is there. */
static ssize_t
receive(struct stream *s, void *data, size_t size, int flags, short *events)
{
	*events = POLLIN;
	return s->tls != NULL ? tls_read(s->tls, data, size, events)
			      : recv(s->fd, data, size, flags);
}

static ssize_t
transmit(struct stream *s, const void *data, size_t size, short *events)
{
	*events = POLLOUT;
	return s->tls != NULL
		   ? tls_write(s->tls, data, size, events)
		   : send(s->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* What errno means. */
static enum stream_result
result(void)
{
	switch (errno) {
	case ETIMEDOUT:
		return STREAM_TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return STREAM_CLOSED;
	default:
		return STREAM_ERROR;
	}
}

/* Take in what is there, at most once.  False with errno when that failed;
 * EAGAIN: nothing is there, and *events is what to wait for.  flags are those
 * of recv. */
static bool
fill_now(struct stream *s, int flags, short *events)
{
	ssize_t n;

	if (s->in_pos > 0)
		memmove(s->in, s->in + s->in_pos, s->in_end - s->in_pos);
	s->in_end -= s->in_pos;
	s->in_pos = 0;
	n = receive(s, s->in + s->in_end, STREAM_IN - s->in_end, flags, events);
	if (n < 0)
		return false;
	s->eof = n == 0;
	s->in_end += (size_t)n;
	return true;
}

/* A read that waits by itself is back in time. */
static int
waiting(const struct stream *s, int64_t deadline)
{
	bool naps =
	    s->nap > 0 && s->tls == NULL && deadline - clock_boot() >= s->nap;

	return naps ? 0 : MSG_DONTWAIT;
}

static enum stream_result
fill(struct stream *s, int64_t deadline)
{
	short events, seen;

	if (s->eof)
		return STREAM_CLOSED;
	for (;;) {
		int flags = waiting(s, deadline);

		if (fill_now(s, flags, &events))
			break;
		if (!again())
			return result();
		if (flags != 0 && !fd_await(s->fd, events, deadline, &seen))
			return result();
	}
	return s->eof ? STREAM_CLOSED : STREAM_OK;
}

static struct str
held(const struct stream *s)
{
	return (struct str){s->in + s->in_pos, s->in_end - s->in_pos};
}

bool
stream_has_line(const struct stream *s)
{
	struct str in = held(s);

	return in.len >= STREAM_LINE || str_find(in, '\n') < in.len;
}

bool
stream_pending(const struct stream *s)
{
	return s->in_pos < s->in_end;
}

enum stream_result
stream_line(struct stream *s, int64_t deadline, struct str *line)
{
	struct str in;
	size_t lf;

	while (!stream_has_line(s)) {
		enum stream_result r = fill(s, deadline);

		if (r != STREAM_OK)
			return r;
	}
	in = held(s);
	lf = str_find(in, '\n');
	if (lf >= STREAM_LINE)
		return STREAM_LONG;
	s->in_pos += lf + 1;
	*line = str_slice(in, 0, lf);
	if (lf > 0 && line->data[lf - 1] == '\r')
		line->len--;
	return STREAM_OK;
}

static enum stream_result
fail(struct stream *s, enum stream_result r)
{
	s->failed = r;
	s->error = errno;
	return r;
}

/* Wait until more can be written, and take in what comes in the meantime.
 * What ends the input is told by a read; a broken connection, by a write. */
static bool
await_write(struct stream *s, short events, int64_t deadline)
{
	bool room = !s->eof && s->in_end - s->in_pos < STREAM_IN;
	short seen, unused;

	if (!fd_await(
		s->fd, (short)(events | (room ? POLLIN : 0)), deadline, &seen))
		return false;
	if (room && (seen & POLLIN) != 0 &&
	    !fill_now(s, MSG_DONTWAIT, &unused) && !again())
		s->eof = true;
	return true;
}

static enum stream_result
write_through(struct stream *s, const char *data, size_t n, int64_t deadline)
{
	while (n > 0) {
		short events;
		ssize_t r = transmit(s, data, n, &events);

		if (r >= 0) {
			data += r;
			n -= (size_t)r;
		} else if (!again() || !await_write(s, events, deadline))
			return fail(s, result());
	}
	return STREAM_OK;
}

enum stream_result
stream_flush(struct stream *s, int64_t deadline)
{
	size_t n = s->out_len;

	errno = s->error;
	if (s->failed != STREAM_OK)
		return s->failed;
	s->out_len = 0;
	return write_through(s, s->out, n, deadline);
}

enum stream_result
stream_write(struct stream *s, const void *data, size_t n, int64_t deadline)
{
	const char *from = data;

	while (n > 0) {
		size_t room = STREAM_OUT - s->out_len;
		size_t now = n < room ? n : room;

		memcpy(s->out + s->out_len, from, now);
		s->out_len += now;
		from += now;
		n -= now;
		if (s->out_len == STREAM_OUT &&
		    stream_flush(s, deadline) != STREAM_OK)
			return s->failed;
	}
	errno = s->error;
	return s->failed;
}

/* Clear bytes are there, taken in or not yet. */
static bool
injected(const struct stream *s)
{
	char byte;

	return stream_pending(s) ||
	       recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

enum tls_fault
stream_start_tls(struct stream *s, struct tls_context *c,
    const struct tls_wish *wish, int64_t deadline, char why[TLS_WHY])
{
	enum tls_fault fault;

	if (injected(s)) {
		(void)str_copy(why, TLS_WHY,
		    str_of("the host sent more before the handshake"));
		return TLS_INJECTED;
	}
	fault = tls_connect(&s->tls, c, s->fd, wish, deadline, why);
	if (fault == TLS_OK)
		tls_describe(s->tls, s->text);
	return fault;
}

const char *
stream_tls_text(const struct stream *s)
{
	return s->text;
}

bool
stream_alive(struct stream *s)
{
	char byte;

	if (s->fd < 0 || s->eof || s->failed != STREAM_OK || stream_pending(s))
		return false;
	if (s->tls != NULL)
		return !tls_readable(s->tls);
	return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && again();
}

void
stream_close(struct stream *s, bool politely)
{
	tls_close(s->tls, politely && s->failed == STREAM_OK);
	s->tls = NULL;
	s->text[0] = '\0';
	fd_close(&s->fd);
}
