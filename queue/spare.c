/* spare: looked at, and handed on; see spare.h. */
#define _GNU_SOURCE /* O_PATH, F_SETLEASE */
#include "queue/spare.h"

#include "lib/fd.h"
#include "lib/sock.h"
#include "wire/message.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	POOL_NAME = 24, /* bytes of INO */
	FILE_MODE = 0640,
	PERMISSIONS = 07777
};

/* A finished message, as culver-send tells of it. */
struct finished {
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	char name[POOL_NAME];
};

static void
close_all(struct spare *s)
{
	fd_close(&s->pool);
	fd_close(&s->proc);
	fd_close(&s->fifo);
	fd_close(&s->out);
	fd_close(&s->file);
}

void
spare_close(struct spare *s)
{
	close_all(s);
	fd_close(&s->in);
}

int
spare_leave(struct spare *s)
{
	close_all(s);
	return s->in;
}

static bool
open_ends(struct spare *s)
{
	int ends[2];

	if (!sock_pair(ends))
		return false;
	s->out = ends[0];
	s->in = ends[1];
	return fd_nonblock(s->out) && fd_nonblock(s->in);
}

bool
spare_open(struct spare *s)
{
	s->proc = s->fifo = s->out = s->in = s->file = -1;
	s->used = s->len = 0;
	s->pool = open(QUEUE_POOL, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->pool < 0)
		return errno == ENOENT;
	/* Writing, too: one that nobody has open for writing is always
	 * readable, at its end. */
	s->fifo = open(QUEUE_FREE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fifo >= 0)
		s->proc =
		    open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc >= 0 && open_ends(s))
		return true;
	spare_close(s);
	return errno == ENOENT;
}

/* The file is as it must be, a message of ours with one name, and is still the
 * one whose removal culver-send speaks of: were it another, that one's removal
 * might not be durable. */
static bool
is_free(int fd, const struct finished *f, struct stat *st)
{
	char head[MESSAGE_HEAD];
	struct message m;

	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	       st->st_ino == f->ino && st->st_nlink == 1 &&
	       st->st_uid == geteuid() && st->st_gid == getegid() &&
	       (st->st_mode & PERMISSIONS) == FILE_MODE &&
	       st->st_size <= QUEUE_POOL_FILE &&
	       fd_pread_all(fd, head, sizeof(head), 0) &&
	       message_read(head, (uint64_t)st->st_size, &m) &&
	       memcmp(m.token, f->token, QUEUE_TOKEN) == 0;
}

/* The same file, for writing alone; -1 with errno. */
static int
reopen(const struct spare *s, int fd)
{
	char self[POOL_NAME];

	snprintf(self, sizeof(self), "%d", fd);
	return openat(s->proc, self, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

/* The lease is refused while anybody else has the file open or mapped: a
 * program that keeps the finished message would read the next one, and a writer
 * that has the file already would have it written by another.  What is seen
 * under it stays so: nobody but us opens what lies in pool/. */
static bool
is_alone_and_free(int fd, const struct finished *f, struct stat *st)
{
	return fcntl(fd, F_SETLEASE, F_WRLCK) == 0 && is_free(fd, f, st) &&
	       fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

/* The free file, for writing alone, or -1. */
static int
open_free(struct spare *s, const struct finished *f)
{
	int out = -1, fd = openat(s->pool, f->name,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && is_alone_and_free(fd, f, &st))
		out = reopen(s, fd);
	fd_close(&fd);
	if (out >= 0)
		s->given = (struct spare_given){f->ino, (uint64_t)st.st_size};
	return out;
}

/* The file of the next hint; -1: none, but further hints may have one. */
static int
next(struct spare *s)
{
	struct finished f;
	int fd;

	if (!queue_hint_read(s->hints + s->used, &f.ino, f.token)) {
		s->used = s->len;
		return -1;
	}
	s->used += QUEUE_HINT_SIZE;
	snprintf(f.name, sizeof(f.name), "%llu", (unsigned long long)f.ino);
	fd = open_free(s, &f);
	if (fd < 0) /* it leaves the pool; a name in mess/ stays */
		(void)unlinkat(s->pool, f.name, 0);
	return fd;
}

/* Some hints are there. */
static bool
fill(struct spare *s)
{
	ssize_t n;

	if (s->used + QUEUE_HINT_SIZE <= s->len)
		return true;
	n = read(s->fifo, s->hints, sizeof(s->hints));
	s->used = 0;
	s->len = n > 0 ? (size_t)n : 0;
	return s->len >= QUEUE_HINT_SIZE;
}

void
spare_run(struct spare *s)
{
	if (s->fifo < 0)
		return;
	while (s->file >= 0 || fill(s)) {
		if (s->file < 0)
			s->file = next(s);
		if (s->file >= 0 &&
		    !sock_send(s->out, &s->given, sizeof(s->given), s->file) &&
		    errno == EAGAIN)
			return;
		fd_close(&s->file);
	}
}

struct pollfd
spare_watch(const struct spare *s)
{
	if (s->file >= 0)
		return (struct pollfd){.fd = s->out, .events = POLLOUT};
	return (struct pollfd){.fd = s->fifo, .events = POLLIN};
}

int
spare_receive(int in, struct spare_given *given)
{
	int fd;
	ssize_t n = sock_receive(in, given, sizeof(*given), &fd);

	if (n == (ssize_t)sizeof(*given) && fd >= 0)
		return fd;
	fd_close(&fd);
	if (n >= 0)
		errno = EAGAIN;
	return -1;
}
