/* tls_channel: a channel of lib/io.h through TLS; see tls_channel.h. */
#include "lib/tls_channel.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include <errno.h>
#include <stdint.h>

static int64_t
end_of(const struct channel *c)
{
	return c->timeout_ms == 0 ? INT64_MAX
				  : clock_boot() + (int64_t)c->timeout_ms *
						       (CLOCK_SECOND / 1000);
}

static ssize_t
secure_read(struct channel *c, void *data, size_t size)
{
	int64_t end = end_of(c);
	bool waits = c->kernel_ms > 0 && c->timeout_ms == c->kernel_ms;
	short events, seen;
	ssize_t n = waits ? tls_read_patiently(c->context, data, size, &events)
			  : tls_read(c->context, data, size, &events);

	while (n < 0 && errno == EAGAIN) {
		if (!fd_await(c->fd, events, end, &seen))
			return -1;
		n = tls_read(c->context, data, size, &events);
	}
	return n;
}

static ssize_t
secure_write(struct channel *c, const void *data, size_t size)
{
	int64_t end = end_of(c);

	for (;;) {
		short events, seen;
		ssize_t n = tls_write(c->context, data, size, &events);

		if (n >= 0 || errno != EAGAIN)
			return n;
		if (!fd_await(c->fd, events, end, &seen))
			return -1;
	}
}

void
tls_channel(struct channel *c, struct tls *t)
{
	c->context = t;
	c->read = secure_read;
	c->write = secure_write;
}
