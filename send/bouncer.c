/* bouncer: asks culver-bounce, hears what became of it. */
#include "send/bouncer.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { INPUT = 4096 }; /* bytes read at once */

void
bouncer_init(struct bouncer *b, uid_t owner)
{
	memset(b, 0, sizeof *b);
	b->fd = -1;
	b->owner = owner;
}

void
bouncer_close(struct bouncer *b)
{
	fd_close(&b->fd);
	buf_clear(&b->in);
	buf_clear(&b->out);
	b->asked = NULL;
}

static bool
connect_to(struct bouncer *b, int64_t now)
{
	struct peer who;

	if (b->fd != -1)
		return true;
	if (now < b->again)
		return false;
	b->again = now + CLOCK_SECOND;
	b->fd = sock_connect(QUEUE_BOUNCE);
	if (b->fd == -1)
		return false;
	if (sock_peer(b->fd, &who) && who.uid == b->owner && fd_nonblock(b->fd))
		return true;
	bouncer_close(b);
	return false;
}

bool
bouncer_ask(struct bouncer *b, struct active *a, const struct bounce_request *r,
    int64_t now)
{
	size_t mark;

	if (b->asked != NULL || !connect_to(b, now))
		return false;
	buf_clear(&b->out);
	if (!frame_begin(&b->out, 'B', &mark) ||
	    !bounce_request_write(&b->out, r) || !frame_finish(&b->out, mark)) {
		buf_clear(&b->out);
		return false;
	}
	b->asked = a;
	b->deadline = now + (int64_t)BOUNCE_ANSWER * CLOCK_SECOND;
	return true;
}

bool
bouncer_well(const struct bouncer *b, int64_t now)
{
	const int64_t asked =
	    b->deadline - (int64_t)BOUNCE_ANSWER * CLOCK_SECOND;

	return b->fd != -1 &&
	       (b->asked == NULL ||
		   now - asked < (int64_t)BOUNCER_PATIENCE * CLOCK_SECOND);
}

static bool
write_out(struct bouncer *b)
{
	ssize_t n;

	if (b->out.len == 0)
		return true;
	n = send(b->fd, b->out.data, b->out.len, MSG_NOSIGNAL);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	buf_drop(&b->out, (size_t)n);
	return true;
}

static bool
read_in(struct bouncer *b)
{
	ssize_t n;

	if (!buf_reserve(&b->in, INPUT))
		return false;
	n = recv(b->fd, b->in.data + b->in.len, INPUT, 0);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	b->in.len += (size_t)n;
	return n > 0;
}

bool
bouncer_move(struct bouncer *b, bool readable)
{
	return write_out(b) && (!readable || read_in(b));
}

bool
bouncer_answer(struct bouncer *b, struct bounce_answer *answer, bool *broken)
{
	struct frame f;
	size_t used;
	enum frame_result got = frame_take(&b->in, &f, &used);

	*broken =
	    got == FRAME_BAD ||
	    (got == FRAME_OK && (b->asked == NULL || !bounce_answer_read(f.kind,
							 f.payload, answer)));
	return got == FRAME_OK && !*broken;
}

void
bouncer_taken(struct bouncer *b)
{
	buf_clear(&b->in);
	b->asked = NULL;
}
