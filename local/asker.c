/* asker: does that recipient exist; see asker.h. */
#define _GNU_SOURCE /* accept4 */
#include "local/asker.h"

#include "control/control.h"
#include "lib/account.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/sock.h"
#include "local/space.h"
#include "wire/who.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ = 4096 };

struct client {
	struct buf in;
	int64_t since; /* its last question, boot clock */
};

struct asker {
	struct owners *owners;
	struct controls *controls;
	struct spaces spaces;
	uid_t smtpd_uid;
	size_t count;                         /* of clients */
	struct pollfd polls[WHO_CLIENTS + 2]; /* theirs, parent, listener */
	struct client clients[WHO_CLIENTS];
};

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
judge(struct asker *k, struct str address, uint64_t size)
{
	struct owner w;

	switch (owner_exists(k->owners, address, &w)) {
	case FOUND_YES:
		return judge_space(k, &w, size);
	case FOUND_NO:
		return WHO_NO;
	case FOUND_ERROR:
		warn("unable to tell whether a recipient exists");
		break;
	}
	return WHO_TROUBLE;
}

/* Append the answer to a question; false for what is none. */
static bool
answer(struct asker *k, const struct frame *f, struct buf *out)
{
	struct str address;
	uint64_t size;

	return f->kind == WHO_QUESTION &&
	       who_read(f->payload, &address, &size) &&
	       frame_append(
		   out, (char)judge(k, address, size), (struct str){"", 0});
}

/* What a client sent.  False: it is to be left. */
static bool
hear(struct asker *k, struct client *c, int fd)
{
	struct buf out = {.max = READ};
	struct frame f;
	enum frame_result r = FRAME_MORE;
	ssize_t n = fd_read_more(fd, &c->in, READ);
	size_t used;
	bool ok = n > 0;

	if (n < 0 && errno == EAGAIN)
		return true;
	while (ok && (r = frame_take(&c->in, &f, &used)) == FRAME_OK) {
		ok = answer(k, &f, &out);
		buf_drop(&c->in, used);
	}
	/* It has room for what it is owed, or it does not read. */
	ok = ok && r == FRAME_MORE &&
	     (out.len == 0 || sock_send(fd, out.data, out.len, -1));
	c->since = clock_boot();
	buf_free(&out);
	return ok;
}

/* Wait, then do whatever there is to do; newcomers last. */
static void
turn(struct asker *k, int parent, int listener)
{
	size_t n = k->count;
	bool arrived;

	k->polls[n] = (struct pollfd){parent, POLLIN, 0};
	k->polls[n + 1] = (struct pollfd){listener, POLLIN, 0};
	if (poll(k->polls, n + 2, -1) < 0)
		return;
	if (k->polls[n].revents != 0)
		_exit(0);
	arrived = k->polls[n + 1].revents != 0;
	/* From the end: who leaves gives his place to one that was served. */
	for (size_t i = n; i-- > 0;)
		if (k->polls[i].revents != 0 &&
		    !hear(k, &k->clients[i], k->polls[i].fd))
			leave(k, i);
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
	for (;;)
		turn(k, parent, listener);
}
