/* bounce: tell senders what became of their mail, by notices put into the queue.
 *
 * Runs as     culverq:culverm, jailed: no network, no exec, writes no file;
 *             root until its socket is bound.
 * Started by  a supervisor, see run/bounce.
 * Reads       control/{me,bouncefrom,bouncehost,bouncemaxbytes,
 *             doublebouncehost,doublebounceto}; queue/mess and queue/info of
 *             what it is asked.
 * Writes      nothing.
 * Talks to    culver-send, by socket queue/bounce, wire/bounce.h; queue, by
 *             socket queue/submit, wire/submit.h.
 * Trusts      culver-send for what is to be told; nothing a message or a host says.
 * Exits       0 never by itself; 111 it cannot work.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/frame.h"
#include "lib/home.h"
#include "lib/sock.h"
#include "lib/usage.h"
#include "send/notice.h"
#include "wire/bounce.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	JOURNAL_MAX = 1 << 28,   /* bytes; a million failures fit */
	MEMORY_MAX = 1024 << 20, /* bytes */
	BACKLOG = 16
};

struct bouncer {
	struct controls *controls;
	struct submit submit;
	struct notice notice;
	int listen_fd;
	unsigned split;
	uid_t send_uid, queue_uid;
};

static const char usage[] =
    "usage: culver-bounce [--help | --version]\n"
    "It serves culver-send at queue/bounce below $CULVER_HOME.\n"
    "Example: CULVER_HOME=/var/culver culver-bounce\n";

static const struct drop_path paths[] = {
    {"control",         PATH_READ},
    {QUEUE_FORMAT_FILE, PATH_READ},
    {QUEUE_MESS,        PATH_READ},
    {QUEUE_INFO,        PATH_READ},
    {NULL,	      0        },
};

static const struct drop jail = {
    .account = ACCOUNT_QUEUE,
    .group = GROUP_MESSAGES,
    .jailed = true,
    .promises = PROMISE_READ | PROMISE_UNIX | PROMISE_ACCEPT,
    .paths = paths,
    .memory_max = MEMORY_MAX,
};

/* Before the jail: what only root may do. */
static void
open_first(struct bouncer *b)
{
	gid_t gid;

	if (!account_find(ACCOUNT_SEND, &b->send_uid, &gid))
		die_temp("unable to find the account of culver-send");
	b->listen_fd = sock_listen(QUEUE_BOUNCE, 0600);
	if (b->listen_fd < 0 || !sock_give(QUEUE_BOUNCE, b->send_uid))
		die_temp("unable to listen at ", QUEUE_BOUNCE);
}

static void
open_rest(struct bouncer *b)
{
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gid_t gid;

	if (!account_find(ACCOUNT_QUEUE, &b->queue_uid, &gid))
		die_temp("unable to find the queue's account");
	if (!queue_split_read(&b->split))
		die_temp("unable to read ", QUEUE_FORMAT_FILE);
	if (dir < 0)
		die_temp("unable to open ", home_path(), "/control");
	b->controls = control_new(dir, CONTROL_BOUNCE);
	if (b->controls == NULL)
		die_temp("unable to keep settings");
}

/* A message's file with this token, or -1 with errno. */
static int
open_message(
    const struct bouncer *b, const struct bounce_request *r, struct message *m)
{
	char path[QUEUE_PATH_SIZE];
	int fd;

	queue_mess_path(path, b->split, r->ino);
	fd = message_open(path, b->queue_uid, m);
	if (fd >= 0 && memcmp(m->token, r->token, QUEUE_TOKEN) != 0) {
		fd_close(&fd);
		errno = ESTALE;
	}
	return fd;
}

static bool
read_list(const struct bouncer *b, const struct bounce_request *r,
    struct noticelist *l)
{
	struct buf journal = {.max = JOURNAL_MAX};
	char path[QUEUE_PATH_SIZE];
	bool ok;

	queue_info_path(path, b->split, r->ino);
	ok = fd_read_file(AT_FDCWD, path, &journal) &&
	     noticelist_read(l, r->kind, buf_str(&journal), r->ino, r->token);
	if (ok && l->count == 0) {
		errno = ENOMSG; /* culver-send would not have asked */
		ok = false;
	}
	buf_free(&journal);
	return ok;
}

/* Anything that fails here is for another time. */
static void
answer(struct bouncer *b, const struct bounce_request *r,
    struct bounce_answer *a, struct buf *text)
{
	struct noticelist list = {0};
	struct notice *n = &b->notice;
	int fd;

	*a = (struct bounce_answer){.kind = 'Z'};
	if (!control_refresh(b->controls)) {
		a->text = str_of(control_error(b->controls));
		return;
	}
	*n = (struct notice){.controls = b->controls,
	    .submit = &b->submit,
	    .kind = r->kind,
	    .unasked = r->unasked,
	    .until = r->until,
	    .list = &list};
	fd = n->fd = open_message(b, r, &n->message);
	if (fd < 0)
		a->text = str_of("unable to open the message");
	else if (!read_list(b, r, &list))
		a->text = str_of("unable to read the journal");
	if (a->text.len > 0)
		warn(a->text.data);
	else
		notice_make(n, a, text);
	noticelist_free(&list);
	notice_free(n);
	fd_close(&fd);
}

/* Until culver-send hangs up, or says what is no request. */
static void
serve(struct bouncer *b, int fd)
{
	struct buf in = {0}, out = {0}, text = {0};
	struct bounce_request r;
	struct bounce_answer a;
	struct frame f;

	while (frame_read(fd, -1, &in, &f) == FRAME_OK && f.kind == 'B' &&
	       bounce_request_read(f.payload, &r)) {
		buf_clear(&out);
		buf_clear(&text);
		answer(b, &r, &a, &text);
		a.text = str_slice(a.text, 0, BOUNCE_TEXT);
		if (!bounce_answer_write(&out, &a) ||
		    !frame_write(fd, a.kind, buf_str(&out)))
			break;
	}
	buf_free(&in);
	buf_free(&out);
	buf_free(&text);
}

int
main(int argc, char **argv)
{
	static struct bouncer b;
	struct peer peer;
	int fd;

	die_name("bounce");
	usage_answer(argc, argv, usage);
	home_enter();
	clock_open();
	open_first(&b);
	drop_to(&jail);
	open_rest(&b);
	/* Who connects is told who listened last: not root. */
	if (listen(b.listen_fd, BACKLOG) != 0)
		die_temp("unable to listen at ", QUEUE_BOUNCE);
	submit_init(&b.submit);
	for (;;) {
		fd = accept(b.listen_fd, NULL, NULL);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			die_temp("unable to accept a connection");
		if (sock_peer(fd, &peer) && peer.uid == b.send_uid)
			serve(&b, fd);
		fd_close(&fd);
	}
}
