/* asker: does that recipient exist; see asker.h. */
#define _GNU_SOURCE /* accept4 */
#include "local/asker.h"

#include "control/control.h"
#include "lib/account.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "local/naming.h"
#include "local/space.h"
#include "wire/who.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ = 4096 };

struct client {
	struct buf in;
	int64_t since; /* its last question, boot clock */
	uint32_t id;
	bool waiting; /* for the answer to one */
};

struct asker {
	struct owners *owners;
	struct controls *controls;
	struct spaces spaces;
	struct naming naming;
	uid_t smtpd_uid;
	uint32_t id;  /* of the last client */
	size_t count; /* of clients */
	struct pollfd
	    polls[WHO_CLIENTS + 3]; /* theirs, parent, listener, names */
	struct client clients[WHO_CLIENTS];
};

/* What is kept of a question that waits. */
struct waiter {
	uint32_t id;
	char address[WHO_ADDRESS];
};

enum { WAITER_HEAD = offsetof(struct waiter, address) };

static void
leave(struct asker *k, size_t i)
{
	fd_close(&k->polls[i].fd);
	buf_free(&k->clients[i].in);
	k->count--;
	k->polls[i] = k->polls[k->count];
	k->clients[i] = k->clients[k->count];
}

static void
make_room(struct asker *k)
{
	size_t oldest = 0;

	for (size_t i = 1; i < k->count; i++)
		if (k->clients[i].since < k->clients[oldest].since)
			oldest = i;
	if (k->count > 0)
		leave(k, oldest);
}

static void
greet(struct asker *k, int listener)
{
	struct peer peer;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		make_room(k);
	if (fd < 0)
		return;
	if (!sock_peer(fd, &peer) || peer.uid != k->smtpd_uid) {
		fd_close(&fd);
		return;
	}
	if (k->count == WHO_CLIENTS)
		make_room(k);
	k->polls[k->count] = (struct pollfd){fd, POLLIN, 0};
	k->clients[k->count] = (struct client){.since = clock_boot(),
	    .id = ++k->id,
	    .in = {.max = FRAME_HEAD + WHO_ADDRESS + READ}};
	k->count++;
}

/* .Trash counts; where that cannot be read, as if it did. */
static bool
counts_trash(struct asker *k)
{
	return !control_refresh_lately(k->controls) ||
	       control_number(k->controls, C_quotatrash) == 1;
}

/* A mailbox that is there.  What would take long to know the delivery finds
 * out. */
static enum who
judge_space(struct asker *k, const struct owner *w, uint64_t size)
{
	if (w->home.len > 0 ||
	    (w->record.quota == 0 && w->record.messages == 0))
		return WHO_YES;
	return space_find(&k->spaces, &w->record, counts_trash(k), size) ==
		       FOUND_NO
		   ? WHO_FULL
		   : WHO_YES;
}

static enum who
judge(struct asker *k, enum found found, const struct owner *w, uint64_t size)
{
	switch (found) {
	case FOUND_YES:
		return owner_has_mail(w) ? judge_space(k, w, size) : WHO_NO;
	case FOUND_NO:
		return WHO_NO;
	case FOUND_ERROR:
		warn("unable to tell whether a recipient exists");
		break;
	}
	return WHO_TROUBLE;
}

/* It waits for the name service. */
static bool
wait_for(struct asker *k, struct client *c, struct str address)
{
	struct waiter w = {.id = c->id};
	struct str local, domain;

	memcpy(w.address, address.data, address.len);
	address_split(address, &local, &domain);
	c->waiting =
	    naming_ask(&k->naming, local, &w, WAITER_HEAD + address.len);
	return c->waiting;
}

/* Append the answer to a question, unless it waits; false for what is none. */
static bool
answer(
    struct asker *k, struct client *c, const struct frame *f, struct buf *out)
{
	struct str address;
	struct owner w;
	enum found found;
	uint64_t size;
	bool ask;

	if (f->kind != WHO_QUESTION || !who_read(f->payload, &address, &size))
		return false;
	found = owner_known(k->owners, address, &w, &ask);
	if (ask && wait_for(k, c, address))
		return true;
	return frame_append(out,
	    (char)judge(k, ask ? FOUND_ERROR : found, &w, size),
	    (struct str){"", 0});
}

/* Answer what a client has sent so far.  False: it is to be left. */
static bool
serve(struct asker *k, struct client *c, int fd)
{
	struct buf out = {.max = READ};
	struct frame f;
	enum frame_result r = FRAME_MORE;
	size_t used;
	bool ok = true;

	while (ok && !c->waiting &&
	       (r = frame_take(&c->in, &f, &used)) == FRAME_OK) {
		ok = answer(k, c, &f, &out);
		buf_drop(&c->in, used);
	}
	/* It has room for what it is owed, or it does not read. */
	ok = ok && (c->waiting || r == FRAME_MORE) &&
	     (out.len == 0 || sock_send(fd, out.data, out.len, -1));
	c->since = clock_boot();
	buf_free(&out);
	return ok;
}

static bool
hear(struct asker *k, struct client *c, int fd)
{
	ssize_t n = fd_read_more(fd, &c->in, READ);

	if (n < 0 && errno == EAGAIN)
		return true;
	return n > 0 && (c->waiting || serve(k, c, fd));
}

/* The answer to what waited, if its client is still there. */
static void
complete(struct asker *k, struct question *q, const struct named *named)
{
	int error = named == NULL ? errno : named->error;
	struct str local, domain, address;
	struct waiter w;
	struct owner o;
	struct buf out = {.max = READ};
	size_t i = 0;

	memcpy(&w, q->packet, q->len);
	free(q->packet);
	address = (struct str){w.address, q->len - WAITER_HEAD};
	address_split(address, &local, &domain);
	if (error == 0)
		owner_learn(k->owners, local, &named->row, &o);
	while (i < k->count && k->clients[i].id != w.id)
		i++;
	if (i == k->count)
		return;
	k->clients[i].waiting = false;
	errno = error;
	if (!frame_append(&out,
		(char)judge(k, error == 0 ? FOUND_YES : FOUND_ERROR, &o, 0),
		(struct str){"", 0}) ||
	    !sock_send(k->polls[i].fd, out.data, out.len, -1) ||
	    !serve(k, &k->clients[i], k->polls[i].fd))
		leave(k, i);
	buf_free(&out);
}

static void
hear_names(struct asker *k)
{
	static struct named named;
	struct question q;

	while (naming_hear(&k->naming, &named, &q))
		complete(k, &q, &named);
}

static void
tend_names(struct asker *k)
{
	struct question q;

	while (naming_lost(&k->naming, &q))
		complete(k, &q, NULL);
	if (k->naming.fd < 0)
		naming_start(&k->naming, k->owners);
}

/* Wait, then do whatever there is to do; newcomers last. */
static void
turn(struct asker *k, int parent, int listener)
{
	const bool busy = naming_busy(&k->naming);
	size_t n = k->count;
	bool arrived, named;

	for (size_t i = 0; i < n; i++)
		k->polls[i].events = busy || k->clients[i].waiting ? 0 : POLLIN;
	k->polls[n] = (struct pollfd){parent, POLLIN, 0};
	k->polls[n + 1] = (struct pollfd){listener, POLLIN, 0};
	k->polls[n + 2] = (struct pollfd){k->naming.fd, POLLIN, 0};
	if (poll(k->polls, n + 3, naming_wait(&k->naming)) < 0)
		return;
	if (k->polls[n].revents != 0)
		_exit(0);
	arrived = k->polls[n + 1].revents != 0;
	named = k->polls[n + 2].revents != 0;
	/* From the end: who leaves gives his place to one that was served. */
	for (size_t i = n; i-- > 0 && !naming_busy(&k->naming);)
		if (k->polls[i].revents != 0 &&
		    !hear(k, &k->clients[i], k->polls[i].fd))
			leave(k, i);
	if (named)
		hear_names(k);
	if (arrived)
		greet(k, listener);
}

void
asker_run(int parent, int listener, struct owners *o)
{
	struct asker *k = calloc(1, sizeof(*k));
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gid_t gid;

	if (k == NULL || dir < 0 ||
	    (k->controls = control_new(dir, CONTROL_LSPAWN)) == NULL)
		die_temp("unable to keep settings");
	if (!account_find(ACCOUNT_SMTPD, &k->smtpd_uid, &gid))
		die_temp(
		    "unable to find account ", account_name(ACCOUNT_SMTPD));
	/* Who else was made to wait by the kernel is not ours to wait for. */
	if (!fd_nonblock(listener))
		die_temp("unable to listen");
	k->owners = o;
	k->naming.fd = -1;
	for (;;) {
		tend_names(k);
		turn(k, parent, listener);
	}
}
