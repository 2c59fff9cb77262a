/* handing: see handing.h. */
#include "queue/handing.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/netstring.h"
#include "wire/queue.h"
#include <errno.h>
#include <sys/socket.h>

enum { SLICE = 1000, ANSWER = 512 }; /* milliseconds; bytes */

static int64_t
within(int seconds)
{
	return clock_boot() + (int64_t)seconds * CLOCK_SECOND;
}

/* In slices, so that a test's clock is seen to move. */
static bool
wait_for(int fd, bool (*ready)(int fd, int ms), int64_t deadline)
{
	for (;;) {
		int64_t left = (deadline - clock_boot()) / 1000;

		if (left <= 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (ready(fd, left < SLICE ? (int)left : SLICE))
			return true;
		if (errno != ETIMEDOUT)
			return false;
	}
}

static bool
wait_connected(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!wait_for(fd, fd_wait_write, within(HANDING_CONNECT)) ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return false;
	errno = error;
	return error == 0;
}

static int
dial(const struct ip *server, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(server, port, &ss);
	int fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, len) != 0 &&
	    ((errno != EINPROGRESS && errno != EINTR) || !wait_connected(fd)))
		fd_close(&fd);
	return fd;
}

static bool
send_all(int fd, struct str s)
{
	while (s.len > 0) {
		ssize_t n = send(fd, s.data, s.len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR && errno != EAGAIN &&
		    errno != EWOULDBLOCK)
			return false;
		if (n < 0 &&
		    !wait_for(fd, fd_wait_write, within(HANDING_WRITE)))
			return false;
		s = str_slice(s, n < 0 ? 0 : (size_t)n, s.len);
	}
	return true;
}

/* Some bytes; 0 at the end; -1 with errno. */
static ssize_t
receive(int fd, char *data, size_t size, int64_t deadline)
{
	ssize_t n;

	do {
		if (!wait_for(fd, fd_wait_read, deadline))
			return -1;
		n = recv(fd, data, size, 0);
	} while (n < 0 &&
		 (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK));
	return n;
}

/* The first byte of a netstring is the answer; the rest is words. */
static int
hear(int fd)
{
	struct netstring n = {.left = 0};
	char data[ANSWER];
	int64_t deadline = within(HANDING_ANSWER);

	for (;;) {
		ssize_t got = receive(fd, data, sizeof(data), deadline);
		struct str in = {data, got > 0 ? (size_t)got : 0}, piece;

		if (got == 0)
			errno = 0;
		if (got <= 0)
			return QQ_LOST;
		switch (netstring_take(&n, &in, &piece)) {
		case NETSTRING_MORE:
			continue;
		case NETSTRING_BYTES:
			break;
		case NETSTRING_END:
		case NETSTRING_BAD:
			errno = EPROTO;
			return QQ_LOST;
		}
		errno = 0;
		if (piece.data[0] == 'K')
			return QQ_OK;
		if (piece.data[0] == 'D')
			return QQ_REFUSED;
		if (piece.data[0] == 'Z')
			return QQ_DEFERRED;
		errno = EPROTO;
		return QQ_LOST;
	}
}

int
handing_try(const struct ip *server, uint16_t port, const struct parcel *p)
{
	int fd = dial(server, port), code = QQ_LOST;

	if (fd < 0)
		return errno == ETIMEDOUT ? QQ_LATE : QQ_SHUT;
	if (send_all(fd, buf_str(&p->head)) &&
	    send_all(fd, buf_str(&p->message)) &&
	    send_all(fd, buf_str(&p->tail)))
		code = hear(fd);
	fd_close(&fd);
	return code;
}
