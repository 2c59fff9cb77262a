/* relay: what one side has said is kept until the other takes it; see relay.h.
 */
#include "pop3d/relay.h"

#include "lib/str.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { FLOW_SIZE = 65536 }; /* bytes on their way to the client */

/* What is waited for. */
enum way { CLIENT_READ, CLIENT_WRITE, MAILBOX, WAYS };

enum step { STEP_ON, STEP_LEFT };

struct ends {
	struct relay *r;
	bool client_closed, mailbox_closed;
	bool told; /* the mailbox knows that the client has closed */
	size_t pos, end;
	char down[FLOW_SIZE]; /* what the mailbox said, from pos to end */
};

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static enum step
client_says(struct ends *e)
{
	struct str bytes;

	if (reader_peek(e->r->in, &bytes))
		return STEP_ON;
	e->client_closed = true;
	return errno == 0 ? STEP_ON : STEP_LEFT;
}

/* One that is gone takes nothing; what it has said is still to come. */
static void
mailbox_hears(struct ends *e)
{
	struct reader *in = e->r->in;
	ssize_t n = send(e->r->mailbox, in->data + in->pos, in->end - in->pos,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && again())
		return;
	reader_consume(in, n < 0 ? in->end - in->pos : (size_t)n);
}

static void
mailbox_says(struct ends *e)
{
	ssize_t n = recv(e->r->mailbox, e->down, FLOW_SIZE, MSG_DONTWAIT);

	e->pos = e->end = 0;
	if (n > 0)
		e->end = (size_t)n;
	else if (n == 0 || !again())
		e->mailbox_closed = true;
}

static enum step
client_hears(struct ends *e)
{
	struct channel *out = e->r->out;
	short unused;
	ssize_t n = e->r->tls == NULL
			? out->write(out, e->down + e->pos, e->end - e->pos)
			: tls_write(e->r->tls, e->down + e->pos,
			      e->end - e->pos, &unused);

	if (n < 0)
		return e->r->tls != NULL && again() ? STEP_ON : STEP_LEFT;
	e->pos += (size_t)n;
	e->r->sent += (uint64_t)n;
	return STEP_ON;
}

/* After its last command the client may close and still wait for answers. */
static void
tell(struct ends *e)
{
	if (!e->client_closed || e->told || reader_pending(e->r->in))
		return;
	e->told = true;
	if (shutdown(e->r->mailbox, SHUT_WR) != 0)
		e->mailbox_closed = e->mailbox_closed || errno != ENOTCONN;
}

/* Each side is asked only for what there is room for. */
static void
prepare(const struct ends *e, struct pollfd ways[WAYS])
{
	bool up = reader_pending(e->r->in), down = e->end > e->pos;
	int in_fd = e->r->in->channel->fd;

	ways[CLIENT_READ] = (struct pollfd){
	    .fd = up || e->client_closed ? -1 : in_fd, .events = POLLIN};
	ways[CLIENT_WRITE] =
	    (struct pollfd){.fd = down ? e->r->out->fd : -1, .events = POLLOUT};
	ways[MAILBOX] = (struct pollfd){.fd = up || !down ? e->r->mailbox : -1,
	    .events = (short)((up ? POLLOUT : 0) | (down ? 0 : POLLIN))};
}

static enum step
move(struct ends *e, const struct pollfd ways[WAYS])
{
	if (ways[MAILBOX].revents != 0) {
		if ((ways[MAILBOX].events & POLLOUT) != 0)
			mailbox_hears(e);
		if ((ways[MAILBOX].events & POLLIN) != 0)
			mailbox_says(e);
	}
	if (ways[CLIENT_WRITE].revents != 0 && client_hears(e) == STEP_LEFT)
		return STEP_LEFT;
	if (ways[CLIENT_READ].revents == 0)
		return STEP_ON;
	/* A part of a record says nothing yet. */
	if (e->r->tls != NULL && !tls_readable(e->r->tls))
		return STEP_ON;
	return client_says(e);
}

/* As poll(2); what TLS has read ahead can be had at once. */
static int
await(const struct ends *e, struct pollfd ways[WAYS])
{
	bool held = e->r->tls != NULL && ways[CLIENT_READ].fd >= 0 &&
		    tls_readable(e->r->tls);
	int n = poll(ways, WAYS, held ? 0 : e->r->idle_ms);

	if (!held || n < 0)
		return n;
	ways[CLIENT_READ].revents = POLLIN;
	return n + 1;
}

enum relay_end
relay_run(struct relay *r)
{
	struct ends e;

	e.r = r;
	e.client_closed = e.mailbox_closed = e.told = false;
	e.pos = e.end = 0;
	r->sent = 0;
	while (!e.mailbox_closed || e.end > e.pos) {
		struct pollfd ways[WAYS];
		int n;

		tell(&e);
		prepare(&e, ways);
		n = await(&e, ways);
		if (n == 0)
			return RELAY_TIMEOUT;
		if (n < 0 && errno != EINTR)
			return RELAY_LEFT;
		if (n > 0 && move(&e, ways) == STEP_LEFT)
			return RELAY_LEFT;
	}
	return r->sent == 0 ? RELAY_SILENT : RELAY_DONE;
}
