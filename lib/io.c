/* io: buffered reading and writing with a time limit; see io.h. */
#include "lib/io.h"

#include "lib/fd.h"
#include "lib/num.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int
patience(const struct channel *c)
{
	return c->timeout_ms == 0 ? -1 : c->timeout_ms;
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

static ssize_t plain_read(struct channel *c, void *data, size_t size);
static ssize_t plain_write(struct channel *c, const void *data, size_t size);

/* Whoever else has the socket open may change that at any time. */
static bool
blocks(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

static bool
waits_in_kernel(const struct channel *c)
{
	return c->kernel_ms > 0 && c->timeout_ms == c->kernel_ms;
}

/* A socket is asked first and waited for only when it has nothing, or both by
 * the kernel.  What turns out to be none is a plain descriptor from then on: to
 * ask what it is takes a call that a jail may forbid. */
static ssize_t
socket_read(struct channel *c, void *data, size_t size)
{
	bool waits = waits_in_kernel(c);

	for (;;) {
		ssize_t r = recv(c->fd, data, size, waits ? 0 : MSG_DONTWAIT);

		if (r < 0 && errno == ENOTSOCK) {
			c->read = plain_read;
			return plain_read(c, data, size);
		}
		if (r < 0 && waits && again()) {
			if (blocks(c->fd)) {
				errno = ETIMEDOUT;
				return -1;
			}
			waits = false;
			c->kernel_ms = 0;
		}
		if (r >= 0 || (errno != EINTR && !again()))
			return r;
		if (again() && !fd_wait_read(c->fd, patience(c)))
			return -1;
	}
}

static ssize_t
socket_write(struct channel *c, const void *data, size_t size)
{
	for (;;) {
		ssize_t r =
		    send(c->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno == ENOTSOCK) {
			c->write = plain_write;
			return plain_write(c, data, size);
		}
		if (r >= 0 || (errno != EINTR && !again()))
			return r;
		if (again() && !fd_wait_write(c->fd, patience(c)))
			return -1;
	}
}

static ssize_t
plain_read(struct channel *c, void *data, size_t size)
{
	for (;;) {
		ssize_t r;

		if (!fd_wait_read(c->fd, patience(c)))
			return -1;
		r = read(c->fd, data, size);
		if (r >= 0 || (errno != EINTR && !again()))
			return r;
	}
}

/* A pipe that is ready takes PIPE_BUF bytes without blocking, no more. */
static ssize_t
plain_write(struct channel *c, const void *data, size_t size)
{
	for (;;) {
		ssize_t r;

		if (!fd_wait_write(c->fd, patience(c)))
			return -1;
		r = write(c->fd, data, size < PIPE_BUF ? size : PIPE_BUF);
		if (r >= 0 || (errno != EINTR && !again()))
			return r;
	}
}

void
channel_open(struct channel *c, int fd, int timeout_seconds)
{
	if (timeout_seconds < 0)
		timeout_seconds = 0;
	if (timeout_seconds > INT_MAX / 1000)
		timeout_seconds = INT_MAX / 1000;
	*c = (struct channel){.fd = fd,
	    .timeout_ms = timeout_seconds * 1000,
	    .read = socket_read,
	    .write = socket_write};
}

void
channel_wait_in_kernel(struct channel *c)
{
	const struct timeval limit = {.tv_sec = c->timeout_ms / 1000,
	    .tv_usec = c->timeout_ms % 1000 * 1000L};

	if (blocks(c->fd) && setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
				 sizeof(limit)) == 0)
		c->kernel_ms = c->timeout_ms;
}

void
reader_open(struct reader *r, struct channel *c, char *storage, size_t size)
{
	*r = (struct reader){.channel = c, .size = size};
	r->data = storage;
}

/* Read once behind what is buffered, which is moved to the front of the
 * storage first.  False at the end (errno 0, r->eof) or on error. */
static bool
fill(struct reader *r)
{
	ssize_t n;

	if (r->eof) {
		errno = 0;
		return false;
	}
	if (r->pos > 0)
		memmove(r->data, r->data + r->pos, r->end - r->pos);
	r->end -= r->pos;
	r->pos = 0;
	n = r->channel->read(r->channel, r->data + r->end, r->size - r->end);
	if (n < 0)
		return false;
	r->end += (size_t)n;
	r->eof = n == 0;
	errno = 0;
	return n > 0;
}

static enum line_result
ended(const struct reader *r)
{
	return r->eof ? LINE_EOF : LINE_ERROR;
}

/* The storage is full and holds no LF: forget up to the next one. */
static enum line_result
skip(struct reader *r)
{
	const char *lf = NULL;

	while (lf == NULL) {
		r->pos = r->end = 0;
		if (!fill(r))
			return ended(r);
		lf = memchr(r->data, '\n', r->end);
	}
	r->pos = (size_t)(lf - r->data) + 1;
	return LINE_LONG;
}

static void
take(struct reader *r, size_t len, struct str *line, bool *bare)
{
	bool cr = len > 0 && r->data[r->pos + len - 1] == '\r';

	*line = (struct str){r->data + r->pos, cr ? len - 1 : len};
	if (bare != NULL)
		*bare = !cr;
	r->pos += len + 1;
}

enum line_result
reader_line(struct reader *r, struct str *line, bool *bare)
{
	size_t seen = 0;

	for (;;) {
		struct str held = {r->data + r->pos, r->end - r->pos};
		size_t lf = str_find(str_slice(held, seen, held.len), '\n');

		if (seen + lf < held.len) {
			take(r, seen + lf, line, bare);
			return LINE_OK;
		}
		seen = held.len;
		if (seen == r->size)
			return skip(r);
		if (!fill(r))
			return ended(r);
	}
}

bool
reader_peek(struct reader *r, struct str *bytes)
{
	if (r->pos == r->end && !fill(r))
		return false;
	*bytes = (struct str){r->data + r->pos, r->end - r->pos};
	return true;
}

char *
reader_place(struct reader *r)
{
	return r->data + r->pos;
}

void
reader_consume(struct reader *r, size_t n)
{
	size_t held = r->end - r->pos;

	r->pos += n < held ? n : held;
}

bool
reader_pending(const struct reader *r)
{
	return r->pos < r->end;
}

void
writer_open(struct writer *w, struct channel *c, char *storage, size_t size)
{
	*w = (struct writer){.channel = c, .size = size};
	w->data = storage;
}

/* All n bytes to the channel, or failed. */
static void
write_through(struct writer *w, const char *data, size_t n)
{
	while (n > 0 && !w->failed) {
		ssize_t r = w->channel->write(w->channel, data, n);

		if (r <= 0) {
			w->failed = true;
			w->error = r < 0 ? errno : EIO;
			return;
		}
		data += r;
		n -= (size_t)r;
	}
}

static void
empty(struct writer *w)
{
	write_through(w, w->data, w->len);
	w->len = 0;
}

void
writer_put(struct writer *w, const void *data, size_t n)
{
	if (n > w->size - w->len)
		empty(w);
	if (n > w->size) {
		write_through(w, data, n);
	} else if (n > 0) {
		memcpy(w->data + w->len, data, n);
		w->len += n;
	}
}

void
writer_str(struct writer *w, struct str s)
{
	writer_put(w, s.data, s.len);
}

void
writer_text(struct writer *w, const char *s)
{
	writer_put(w, s, strlen(s));
}

void
writer_number(struct writer *w, uint64_t n)
{
	char text[NUM_SIZE];

	writer_put(w, text, num_format(text, n));
}

bool
writer_flush(struct writer *w)
{
	empty(w);
	if (w->failed)
		errno = w->error;
	return !w->failed;
}
