/* place: a file gets its name when all of it is on the disk; see place.h. */
#define _GNU_SOURCE /* O_TMPFILE, O_PATH */
#include "queue/place.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "queue/spare.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MESSAGE_MODE = 0640,
	FOLDER_NAME = 16, /* bytes of SS */
	ENTRY_NAME = 40   /* bytes of SS/INO, and of a number */
};

static int
open_unnamed(int mess)
{
	return openat(
	    mess, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, MESSAGE_MODE);
}

/* What kernels say of a file system that has no such files. */
static bool
unknown(int error)
{
	return error == EOPNOTSUPP || error == EISDIR || error == ENOSYS;
}

/* setup made it; culver-send removes what a dead writer leaves in it. */
static bool
has_tmp(int mess)
{
	struct stat st;

	return fstatat(mess, "tmp", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
place_probe(struct place *p)
{
	int mess, fd;
	bool ok;

	p->spare = -1;
	if (!queue_split_read(&p->split))
		return false;
	mess = open(QUEUE_MESS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mess < 0)
		return false;
	fd = open_unnamed(mess);
	p->named = fd < 0 && unknown(errno);
	ok = p->named ? has_tmp(mess) : fd >= 0;
	fd_close(&fd);
	fd_close(&mess);
	return ok;
}

static bool
open_folders(struct place *p)
{
	p->folders = malloc(p->split * sizeof(*p->folders));
	if (p->folders == NULL)
		return false;
	for (unsigned i = 0; i < p->split; i++)
		p->folders[i] = -1;
	for (unsigned i = 0; i < p->split; i++) {
		char name[FOLDER_NAME];

		snprintf(name, sizeof(name), "%u", i);
		p->folders[i] =
		    openat(p->mess, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (p->folders[i] < 0)
			return false;
	}
	return true;
}

bool
place_open(struct place *p)
{
	p->folders = NULL;
	p->serial = 0;
	p->mess = open(QUEUE_MESS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->info = open(QUEUE_INFO, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Without it files of the pool cannot be used. */
	p->pool = open(QUEUE_POOL, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->mess < 0 || p->info < 0 || p->proc < 0 || !open_folders(p)) {
		place_close(p);
		return false;
	}
	return true;
}

void
place_close(struct place *p)
{
	for (unsigned i = 0; p->folders != NULL && i < p->split; i++)
		fd_close(&p->folders[i]);
	free(p->folders);
	p->folders = NULL;
	fd_close(&p->mess);
	fd_close(&p->info);
	fd_close(&p->pool);
	fd_close(&p->proc);
}

void
place_init(struct slot *s)
{
	s->fd = -1;
	s->ino = 0;
	s->name[0] = '\0';
	s->pooled = false;
	s->held_count = 0;
}

static void
number(uint64_t ino, char out[ENTRY_NAME])
{
	snprintf(out, ENTRY_NAME, "%llu", (unsigned long long)ino);
}

/* A file that is not used after all leaves the pool: who knows why. */
static void
forget_name(struct place *p, struct slot *s)
{
	char name[ENTRY_NAME];

	number(s->ino, name);
	if (s->pooled)
		(void)unlinkat(p->pool, name, 0);
	s->pooled = false;
	if (s->name[0] != '\0')
		(void)unlinkat(p->mess, s->name, 0);
	s->name[0] = '\0';
}

void
place_drop(struct place *p, struct slot *s)
{
	int saved = errno;

	forget_name(p, s);
	fd_close(&s->fd);
	while (s->held_count > 0)
		fd_close(&s->held[--s->held_count]);
	errno = saved;
}

static int
open_named(struct place *p, struct slot *s)
{
	int fd;

	snprintf(s->name, sizeof(s->name), "tmp/%lld.%ld.%u",
	    (long long)(clock_wall() / CLOCK_SECOND), (long)getpid(),
	    p->serial++);
	fd = openat(p->mess, s->name,
	    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, MESSAGE_MODE);
	if (fd < 0)
		s->name[0] = '\0';
	return fd;
}

static bool
open_new(struct place *p, struct slot *s)
{
	struct stat st;

	s->fd = p->named ? open_named(p, s) : open_unnamed(p->mess);
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		return false;
	s->ino = st.st_ino;
	return true;
}

bool
place_reuse(struct place *p, struct slot *s, uint64_t size)
{
	struct spare_given given;

	if (p->spare < 0 || p->pool < 0)
		return false;
	s->fd = spare_receive(p->spare, &given);
	if (s->fd < 0)
		return false;
	s->ino = given.ino;
	s->pooled = true;
	if (given.size <= size || ftruncate(s->fd, (off_t)size) == 0)
		return true;
	forget_name(p, s);
	fd_close(&s->fd);
	return false;
}

void
place_release(struct place *p)
{
	struct slot s;

	place_init(&s);
	while (place_reuse(p, &s, 0))
		place_drop(p, &s);
}

/* The entry's name below mess/ and info/. */
static void
entry(const struct place *p, uint64_t ino, char out[ENTRY_NAME])
{
	snprintf(out, ENTRY_NAME, "%u/%llu", (unsigned)(ino % p->split),
	    (unsigned long long)ino);
}

/* 1: somebody has the name; 0: nobody; -1 with errno. */
static int
exists(int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

/* Keep the file open, so that its number is not given out again. */
static bool
hold(struct place *p, struct slot *s)
{
	forget_name(p, s);
	if (s->held_count == PLACE_TRIES) {
		errno = EMFILE;
		return false;
	}
	s->held[s->held_count++] = s->fd;
	s->fd = -1;
	return true;
}

bool
place_take(struct place *p, struct slot *s, bool look)
{
	for (;;) {
		char name[ENTRY_NAME];
		int taken;

		if (!open_new(p, s))
			return false;
		if (!look)
			return true;
		entry(p, s->ino, name);
		taken = exists(p->info, name);
		if (taken == 0)
			taken = exists(p->mess, name);
		if (taken == 0)
			return true;
		if (taken < 0 || !hold(p, s))
			return false;
	}
}

static bool
give_name(struct place *p, struct slot *s, int folder)
{
	char name[ENTRY_NAME], self[ENTRY_NAME];

	number(s->ino, name);
	snprintf(self, sizeof(self), "%d", s->fd);
	if (s->name[0] != '\0')
		return linkat(p->mess, s->name, folder, name, 0) == 0;
	return linkat(p->proc, self, folder, name, AT_SYMLINK_FOLLOW) == 0;
}

/* Its own name, which nobody was told of, may be removed by the writer (P5). */
static void
take_name_back(struct place *p, const struct slot *s)
{
	char name[ENTRY_NAME];
	int saved = errno;

	entry(p, s->ino, name);
	(void)unlinkat(p->mess, name, 0);
	errno = saved;
}

/* The number cannot be had.  One of the pool stays taken only as long as its
 * name there. */
static enum place_result
pass_over(struct place *p, struct slot *s)
{
	if (!s->pooled)
		return hold(p, s) ? PLACE_TAKEN : PLACE_FAILED;
	forget_name(p, s);
	fd_close(&s->fd);
	return PLACE_TAKEN;
}

/* W4 and W5.  PLACE_DURABLE means here that the name is given. */
static enum place_result
name_it(struct place *p, struct slot *s, int folder)
{
	char name[ENTRY_NAME];
	int taken;

	entry(p, s->ino, name);
	taken = exists(p->info, name);
	if (taken < 0)
		return PLACE_FAILED;
	if (taken == 0 && give_name(p, s, folder))
		return PLACE_DURABLE;
	/* ENOENT: culver-send has swept it out of the pool. */
	if (taken == 0 && errno != EEXIST && !(s->pooled && errno == ENOENT))
		return PLACE_FAILED;
	return pass_over(p, s);
}

/* What a file of the pool is besides its bytes and its size is on the disk. */
static bool
sync_file(const struct slot *s)
{
	return (s->pooled ? fdatasync(s->fd) : fsync(s->fd)) == 0;
}

enum place_result
place_keep(struct place *p, struct slot *s)
{
	int folder = p->folders[s->ino % p->split];
	enum place_result r;

	if (!sync_file(s)) /* W3; never tried twice */
		return PLACE_SYNC;
	r = name_it(p, s, folder);
	if (r != PLACE_DURABLE)
		return r;
	if (fsync(folder) != 0) { /* W6 */
		take_name_back(p, s);
		return PLACE_SYNC;
	}
	s->pooled = false;
	place_drop(p, s);
	return PLACE_DURABLE;
}
