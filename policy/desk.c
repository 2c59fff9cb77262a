/* desk: connections of culver-remote, one question at a time each; see desk.h.
 */
#include "policy/desk.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/field.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 8192, EARS = 4 /* that are no clients */ };

struct client {
	int fd; /* -1: free */
	struct buf in, out;
	int64_t until; /* boot clock: of its silence, or of its waiting */
	char waits[STS_DOMAIN_MAX + 1]; /* for this domain; "": for none */
};

struct desk {
	struct keeper *keeper;
	int listening;
	uid_t peer;
	struct client clients[DESK_MOST];
	size_t used; /* clients beyond it are free */
	struct pollfd polls[EARS + DESK_MOST];
	struct sts_policy policy;
};

static int64_t
after(int64_t seconds)
{
	return clock_boot() + seconds * CLOCK_SECOND;
}

static void
drop(struct client *c)
{
	fd_close(&c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	c->waits[0] = '\0';
}

/* What waits to be written, as far as it goes. */
static void
flush(struct client *c)
{
	ssize_t n;

	while (c->fd >= 0 && c->out.len > 0) {
		n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			drop(c);
		if (n <= 0)
			return;
		buf_drop(&c->out, (size_t)n);
	}
}

static void
answer(struct client *c, char kind, const struct sts_policy *p)
{
	size_t mark;

	c->waits[0] = '\0';
	c->until = after(STS_IDLE);
	if (!frame_begin(&c->out, kind, &mark) ||
	    (p != NULL && !sts_policy_write(&c->out, p)) ||
	    !frame_finish(&c->out, mark)) {
		warn("unable to answer");
		drop(c);
		return;
	}
	flush(c);
}

/* Answer, or let it wait. */
static void
find(struct desk *d, struct client *c, struct str domain, bool waited)
{
	switch (keeper_ask(d->keeper, domain, waited, &d->policy)) {
	case KEEPER_HAS:
		answer(c, 'P', &d->policy);
		return;
	case KEEPER_HAS_NOT:
		answer(c, 'N', NULL);
		return;
	case KEEPER_WAIT:
		c->until = after(STS_ANSWER - 1);
		if (str_copy(c->waits, sizeof(c->waits), domain))
			return;
		break;
	case KEEPER_LATER:
		break;
	}
	answer(c, 'Z', NULL);
}

/* False for what is no frame of wire/sts.h. */
static bool
obey(struct desk *d, struct client *c, const struct frame *f)
{
	struct str rest = f->payload, domain;
	struct sts_report r;

	if (f->kind == 'R') {
		if (!sts_report_read(f->payload, &r))
			return false;
		keeper_count(d->keeper, &r);
		return true;
	}
	if (f->kind != 'Q' || !field_take_text(&rest, &domain) ||
	    rest.len > 0 || !sts_domain_ok(domain))
		return false;
	find(d, c, domain, false);
	return true;
}

/* Frames that are there, while no answer is owed. */
static void
work(struct desk *d, struct client *c)
{
	enum frame_result r = FRAME_OK;
	struct frame f;
	size_t used;

	while (c->fd >= 0 && c->waits[0] == '\0' && c->out.len == 0) {
		r = frame_take(&c->in, &f, &used);
		if (r == FRAME_MORE)
			return;
		if (r != FRAME_OK || !obey(d, c, &f)) {
			drop(c);
			return;
		}
		if (c->fd >= 0)
			buf_drop(&c->in, used);
	}
}

static void
read_more(struct desk *d, struct client *c)
{
	char part[REQUEST_MAX];
	ssize_t n = recv(c->fd, part, sizeof(part), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !buf_append(&c->in, part, (size_t)n)) {
		drop(c);
		return;
	}
	c->until = after(STS_IDLE);
	work(d, c);
}

static struct client *
place(struct desk *d)
{
	for (size_t i = 0; i < d->used; i++)
		if (d->clients[i].fd < 0)
			return &d->clients[i];
	if (d->used == DESK_MOST)
		return NULL;
	d->clients[d->used].fd = -1;
	return &d->clients[d->used++];
}

static void
greet(struct desk *d)
{
	struct client *c = place(d);
	struct peer who;
	int fd;

	if (c == NULL)
		return;
	fd = accept(d->listening, NULL, NULL);
	if (fd < 0)
		return;
	if (!sock_peer(fd, &who) || who.uid != d->peer || !fd_nonblock(fd)) {
		fd_close(&fd);
		return;
	}
	*c = (struct client){.fd = fd,
	    .in = {.max = (size_t)2 * REQUEST_MAX},
	    .out = {.max = FRAME_HEAD + STS_FRAME},
	    .until = after(STS_IDLE)};
}

/* Who waits for this domain is answered. */
static void
spread(struct desk *d, const char *domain)
{
	for (size_t i = 0; domain[0] != '\0' && i < d->used; i++) {
		struct client *c = &d->clients[i];

		if (c->fd < 0 || strcmp(c->waits, domain) != 0)
			continue;
		find(d, c, str_of(domain), true);
		work(d, c);
	}
}

/* Who has waited long enough, or been silent.  Returns milliseconds until the
 * next one. */
static int
expire(struct desk *d, int ms)
{
	int64_t now = clock_boot(), left;

	for (size_t i = 0; i < d->used; i++) {
		struct client *c = &d->clients[i];

		if (c->fd >= 0 && now >= c->until && c->waits[0] != '\0') {
			answer(c, 'Z', NULL);
			work(d, c);
		} else if (c->fd >= 0 && now >= c->until)
			drop(c);
		if (c->fd < 0)
			continue;
		left = (c->until - now) / 1000 + 1;
		ms = left < ms ? (int)(left > 0 ? left : 0) : ms;
	}
	while (d->used > 0 && d->clients[d->used - 1].fd < 0)
		d->used--;
	return ms;
}

static void
prepare(struct desk *d)
{
	/* Without a free place the kernel keeps who comes. */
	d->polls[0].events = place(d) == NULL ? 0 : POLLIN;
	for (size_t i = 0; i < d->used; i++) {
		const struct client *c = &d->clients[i];

		d->polls[EARS + i].fd = c->fd;
		d->polls[EARS + i].events = c->waits[0] != '\0' ? 0
					    : c->out.len > 0    ? POLLOUT
								: POLLIN;
	}
}

static void
serve(struct desk *d, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct client *c = &d->clients[i];
		short got = d->polls[EARS + i].revents;

		if (c->fd < 0 || got == 0)
			continue;
		if ((got & POLLIN) != 0)
			read_more(d, c);
		else if ((got & POLLOUT) != 0) {
			flush(c);
			work(d, c);
		} else
			drop(c);
	}
}

static void
hear(struct desk *d)
{
	char domain[STS_DOMAIN_MAX + 1];

	keeper_hear(d->keeper, domain);
	spread(d, domain);
}

bool
desk_run(struct keeper *k, int listening, uid_t peer, int signals, int life)
{
	static struct desk d;
	size_t count;
	int ms;

	d.keeper = k;
	d.listening = listening;
	d.peer = peer;
	d.polls[0].fd = listening;
	d.polls[1] = (struct pollfd){.fd = k->fetcher, .events = POLLIN};
	d.polls[2] = (struct pollfd){.fd = signals, .events = POLLIN};
	d.polls[3] = (struct pollfd){.fd = life, .events = POLLIN};
	for (;;) {
		ms = expire(&d, keeper_tick(k));
		prepare(&d);
		count = d.used;
		if (poll(d.polls, (nfds_t)(EARS + count), ms) < 0 &&
		    errno != EINTR)
			die_temp("unable to wait");
		if (d.polls[2].revents != 0)
			return true;
		if (d.polls[3].revents != 0)
			return false;
		serve(&d, count);
		if (d.polls[1].revents != 0)
			hear(&d);
		if (d.polls[0].revents != 0)
			greet(&d);
	}
}
