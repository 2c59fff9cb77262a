/* desk: one question a connection; see desk.h. */
#define _GNU_SOURCE /* accept4 */
#include "keyd/desk.h"

#include "keyd/signing.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "wire/key.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>

enum { ASKED = FRAME_HEAD + KEY_HEAD + KEY_MESSAGE }; /* bytes of a request */

struct visitor {
	int fd;
	size_t door; /* of desk.peers */
	pid_t pid;   /* 0: not known here */
	struct buf in;
	int64_t deadline; /* clock_boot */
};

struct room {
	struct desk *desk;
	struct visitor visitors[DESK_MOST];
	struct pollfd polled[DESK_MOST + 1];
	size_t count;   /* visitors stand together at the front */
	int64_t warned; /* clock_boot */
};

static bool
answer_chain(struct desk *d, const struct key_request *r, struct buf *b)
{
	const struct credential *c = store_find(d->store, r->name);

	return c != NULL && buf_append_str(b, buf_str(&c->chain));
}

static bool
answer_signature(struct desk *d, const struct key_request *r, struct buf *b)
{
	const struct credential *c =
	    key_signable(r->message) ? store_of(d->store, r->hash) : NULL;

	return c != NULL && signing_make(c->key, r->scheme, r->message, b);
}

static bool
answer_tickets(struct tickets *of_door, struct buf *b)
{
	struct tls_tickets t;
	bool ok = tickets_now(of_door, &t) && key_tickets_write(b, &t);

	OPENSSL_cleanse(&t, sizeof(t));
	return ok;
}

bool
desk_answer(struct desk *d, size_t door, char letter, struct str payload,
    struct buf *out)
{
	struct key_request r;
	struct buf b = {.max = TLS_CHAIN_MAX};
	bool known = key_read(letter, payload, &r), ok = false;

	if (known && letter == 'C')
		ok = answer_chain(d, &r, &b);
	else if (known && letter == 'S')
		ok = answer_signature(d, &r, &b);
	else if (known)
		ok = answer_tickets(&d->tickets[door], &b);
	/* Without random bytes it cannot tell now. */
	if (!ok)
		letter = known && letter == 'T' ? 'Z' : 'N';
	ok = frame_append(out, letter, ok ? buf_str(&b) : str_of(""));
	if (b.data != NULL)
		OPENSSL_cleanse(b.data, b.len);
	buf_free(&b);
	return ok;
}

/* An answer fits into the socket's buffer; who does not take it has gone. */
static void
reply(struct desk *d, const struct visitor *v, const struct frame *f)
{
	struct buf out = {.max = TLS_CHAIN_MAX + FRAME_HEAD};

	if (desk_answer(d, v->door, f->kind, f->payload, &out))
		(void)!send(
		    v->fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (out.data != NULL)
		OPENSSL_cleanse(out.data, out.len);
	buf_free(&out);
}

/* False when the connection is over. */
static bool
hear(struct desk *d, struct visitor *v)
{
	char data[ASKED];
	ssize_t n = recv(v->fd, data, sizeof(data), MSG_DONTWAIT);
	struct frame f;
	size_t used;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || !buf_append(&v->in, data, (size_t)n))
		return false;
	switch (frame_take(&v->in, &f, &used)) {
	case FRAME_MORE:
		return true;
	case FRAME_OK:
		if (used == v->in.len)
			reply(d, v, &f);
		return false;
	case FRAME_END:
	case FRAME_BAD:
		break;
	}
	return false;
}

static void
leave(struct room *r, size_t i)
{
	fd_close(&r->visitors[i].fd);
	buf_free(&r->visitors[i].in);
	r->visitors[i] = r->visitors[--r->count];
}

/* The account's index; DESK_DOORS for anybody else. */
static size_t
door_of(const struct desk *d, uid_t uid)
{
	size_t door = 0;

	while (door < DESK_DOORS && d->peers[door] != uid)
		door++;
	return door;
}

/* One more of that account and that process would keep others out. */
static bool
is_crowd(const struct room *r, size_t door, pid_t pid)
{
	size_t of_door = 0, of_process = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct visitor *v = &r->visitors[i];

		of_door += v->door == door;
		of_process += pid != 0 && v->pid == pid;
	}
	return of_door >= DESK_OF_DOOR || of_process >= DESK_OF_PROCESS;
}

/* Whoever knocks without end shall not fill the log. */
static void
complain(struct room *r, const char *what)
{
	int64_t now = clock_boot();

	if (r->warned != 0 && now < r->warned + CLOCK_SECOND)
		return;
	r->warned = now;
	errno = 0;
	warn(what);
}

static void
enter(struct room *r)
{
	int fd = accept4(r->desk->listening, NULL, NULL, SOCK_CLOEXEC);
	struct peer who = {.pid = 0};
	size_t door = DESK_DOORS;

	if (fd < 0)
		return;
	if (sock_peer(fd, &who))
		door = door_of(r->desk, who.uid);
	if (door == DESK_DOORS || is_crowd(r, door, who.pid)) {
		complain(r, door == DESK_DOORS ? "somebody asks who may not"
					       : "too many questions at once");
		fd_close(&fd);
		return;
	}
	r->visitors[r->count++] = (struct visitor){.fd = fd,
	    .door = door,
	    .pid = who.pid,
	    .in = {.max = ASKED},
	    .deadline = clock_boot() + (int64_t)KEY_REQUEST * CLOCK_SECOND};
	/* Who connects has mostly asked already. */
	if (!hear(r->desk, &r->visitors[r->count - 1]))
		leave(r, r->count - 1);
}

/* Milliseconds until the first visitor has taken too long; -1 without one. */
static int
patience(const struct room *r, int64_t now)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < r->count; i++)
		if (r->visitors[i].deadline < first)
			first = r->visitors[i].deadline;
	if (r->count == 0)
		return -1;
	return first <= now ? 0 : (int)((first - now) / 1000) + 1;
}

static void
turn(struct room *r)
{
	size_t seen = r->count;
	int64_t now = clock_boot();

	for (size_t i = 0; i < seen; i++)
		r->polled[i] =
		    (struct pollfd){.fd = r->visitors[i].fd, .events = POLLIN};
	r->polled[seen] = (struct pollfd){
	    .fd = seen < DESK_MOST ? r->desk->listening : -1, .events = POLLIN};
	if (poll(r->polled, seen + 1, patience(r, now)) < 0) {
		if (errno != EINTR)
			die_temp("unable to wait");
		return;
	}
	now = clock_boot();
	/* From the end: whoever leaves is replaced by one already seen. */
	for (size_t i = seen; i-- > 0;)
		if ((r->polled[i].revents != 0 &&
			!hear(r->desk, &r->visitors[i])) ||
		    now >= r->visitors[i].deadline)
			leave(r, i);
	if (r->polled[seen].revents != 0)
		enter(r);
}

void
desk_run(struct desk *d)
{
	static struct room room;

	room.desk = d;
	for (;;)
		turn(&room);
}
