/* maildirsize: room in a Maildir, taken and given back; see maildirsize.h. */
#include "wire/maildirsize.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/census.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	TRIES = 3,       /* of what others may spoil meanwhile */
	PAUSE = 30,      /* ms: more than a step of the clock of files */
	NAME_ROOM = 128, /* bytes of a file's name in tmp/ */
	APPEND = O_WRONLY | O_APPEND
};

int
maildirsize_open(int dirfd, int flags)
{
	struct stat st;
	int fd = openat(
	    dirfd, QUOTA_NAME, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 ||
	    (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink <= 1))
		return fd;
	fd_close(&fd);
	errno = EINVAL;
	return -1;
}

static bool
append(int fd, const char *line, size_t len)
{
	ssize_t n;

	do
		n = write(fd, line, len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	return n >= 0 && (size_t)n == len;
}

bool
maildirsize_change(int fd, const struct quota *figures, bool negative)
{
	char line[QUOTA_LINE];

	return append(fd, line, quota_write_figures(line, figures, negative));
}

/* Whatever the file is now, the next to look counts. */
static void
spoil(const struct maildirsize *m)
{
	int fd = maildirsize_open(m->root_fd, APPEND);

	if (fd >= 0)
		(void)append(fd, QUOTA_SPOIL, strlen(QUOTA_SPOIL));
	fd_close(&fd);
}

/* The first bytes of the open file, at most until end. */
static bool
read_text(struct maildirsize *m, size_t end, struct quota_text *t)
{
	char bytes[QUOTA_FILE];
	size_t have = 0;
	ssize_t n = 1;

	if (end > sizeof(bytes))
		end = sizeof(bytes);
	while (have < end && n != 0) {
		n = pread(m->fd, bytes + have, end - have, (off_t)have);
		if (n < 0 && errno != EINTR)
			return false;
		have += n > 0 ? (size_t)n : 0;
	}
	quota_read((struct str){bytes, have}, t);
	return true;
}

static bool
is_old(const struct stat *st)
{
	int64_t age = clock_wall() / CLOCK_SECOND - st->st_mtim.tv_sec;

	return age > QUOTA_STALE || age < -QUOTA_STALE;
}

static enum room
judge(struct maildirsize *m, const struct quota_text *t, uint64_t size)
{
	if (!quota_limits(&m->limits))
		m->limits = t->named && quota_limits(&t->limits) ? t->limits
								 : m->otherwise;
	if (!quota_limits(&m->limits))
		return ROOM_NO_QUOTA;
	if (!t->sound || t->limits.bytes != m->limits.bytes ||
	    t->limits.messages != m->limits.messages)
		return ROOM_UNKNOWN;
	m->sound = true;
	m->use = t->use;
	if (quota_fits(&m->limits, &t->use, size, true))
		return ROOM_YES;
	return t->lines > 1 || is_old(&m->st) ? ROOM_UNKNOWN : ROOM_NO;
}

/* Nobody else's file, nor any that we may not write, tells us anything. */
static bool
is_useless(int error)
{
	return error == ENOENT || error == ELOOP || error == EINVAL ||
	       error == EACCES || error == EPERM || error == ENXIO ||
	       error == EISDIR;
}

enum room
maildirsize_look(struct maildirsize *m, uint64_t size, int flags)
{
	struct quota_text t;

	fd_close(&m->fd);
	m->sound = false;
	m->st = (struct stat){.st_size = 0};
	m->fd = maildirsize_open(m->root_fd, flags);
	if (m->fd < 0 && !is_useless(errno))
		return ROOM_ERROR;
	if (m->fd < 0 && !quota_limits(&m->limits))
		m->limits = m->otherwise;
	if (m->fd < 0)
		return quota_limits(&m->limits) ? ROOM_UNKNOWN : ROOM_NO_QUOTA;
	if (fstat(m->fd, &m->st) != 0 || !read_text(m, QUOTA_FILE, &t))
		return ROOM_ERROR;
	return judge(m, &t, size);
}

/* A name in tmp/, which readers of Maildirs clean. */
static int
create(int tmp_fd, char name[NAME_ROOM])
{
	(void)snprintf(name, NAME_ROOM, "%lld.P%ld.%s",
	    (long long)(clock_wall() / CLOCK_SECOND), (long)getpid(),
	    QUOTA_NAME);
	(void)unlinkat(tmp_fd, name, 0);
	return openat(tmp_fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool
write_new(const struct maildirsize *m, int fd)
{
	char limits[QUOTA_LINE], figures[QUOTA_LINE], all[2 * QUOTA_LINE];
	int n;

	(void)quota_write_limits(limits, &m->limits);
	(void)quota_write_figures(figures, &m->use, false);
	n = snprintf(all, sizeof(all), "%s%s", limits, figures);
	return append(fd, all, (size_t)n);
}

static int64_t
nanoseconds(const struct timespec *t)
{
	const int64_t second = 1000000000;

	return t->tv_sec * second + t->tv_nsec;
}

/* Nothing has come or gone since the census, as far as the clock of files,
 * which said born before it, can tell. */
static bool
is_same(const struct maildirsize *m, const struct census *before, int64_t born)
{
	struct census now;

	return before->newest < born &&
	       census_stamp(m->root_fd, m->trash, m->deadline, &now) &&
	       now.stamp == before->stamp;
}

/* Count, and put the new file open as fd there.  False with errno. */
static bool
replace(struct maildirsize *m, int tmp_fd, const char *name, int fd, bool *put)
{
	struct census c;
	struct stat st;

	if (fstat(fd, &st) != 0 ||
	    !census_take(m->root_fd, m->trash, m->deadline, &c))
		return false;
	m->use = c.use;
	if (!write_new(m, fd))
		return false;
	if (renameat(tmp_fd, name, m->root_fd, QUOTA_NAME) != 0)
		return false;
	*put = is_same(m, &c, nanoseconds(&st.st_mtim));
	if (!*put)
		spoil(m);
	return true;
}

static bool
replace_once(struct maildirsize *m, bool *put)
{
	int tmp_fd = openat(
	    m->root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd = -1, error;
	char name[NAME_ROOM];
	bool ok = false;

	if (tmp_fd >= 0)
		fd = create(tmp_fd, name);
	if (fd >= 0) {
		ok = replace(m, tmp_fd, name, fd, put);
		error = errno;
		if (!ok)
			(void)unlinkat(tmp_fd, name, 0);
		errno = error;
	}
	fd_close(&fd);
	fd_close(&tmp_fd);
	return ok;
}

bool
maildirsize_recount(struct maildirsize *m, bool *written)
{
	struct census c;

	*written = false;
	if (!quota_limits(&m->limits)) {
		if (!census_take(m->root_fd, m->trash, m->deadline, &c))
			return false;
		m->use = c.use;
		return true;
	}
	for (int i = 0; i < TRIES && !*written; i++) {
		/* What changed just now is not told from what changes now. */
		if (i > 0)
			(void)poll(NULL, 0, PAUSE);
		if (!replace_once(m, written))
			return false;
	}
	return true;
}

/* Append our line.  Who wrote before us comes first: if that was more than
 * what we have read, it is read. */
static enum room
take(struct maildirsize *m, uint64_t size, bool anyway)
{
	const struct quota one = {size, 1};
	struct quota_text t;
	char line[QUOTA_LINE];
	size_t len = quota_write_figures(line, &one, false);
	off_t end;

	if (!append(m->fd, line, len))
		return ROOM_ERROR;
	m->use.bytes += size;
	m->use.messages++;
	end = lseek(m->fd, 0, SEEK_CUR);
	if (anyway || end <= m->st.st_size + (off_t)len)
		return ROOM_YES;
	if (!read_text(m, (size_t)end, &t))
		return ROOM_ERROR;
	if (!t.sound || quota_fits(&m->limits, &t.use, 0, false)) {
		m->use = t.sound ? t.use : m->use;
		return ROOM_YES;
	}
	maildirsize_return(m, size);
	m->use = t.use;
	return ROOM_NO;
}

/* By what was counted, where no file can be had. */
static enum room
take_without(struct maildirsize *m, uint64_t size, bool anyway)
{
	fd_close(&m->fd);
	if (!anyway && !quota_fits(&m->limits, &m->use, size, true))
		return ROOM_NO;
	m->use.bytes += size;
	m->use.messages++;
	return ROOM_YES;
}

static enum room
reserve(struct maildirsize *m, uint64_t size, bool anyway)
{
	enum room room = ROOM_UNKNOWN;
	bool written = true;

	for (int i = 0; i < TRIES && room == ROOM_UNKNOWN; i++) {
		room = maildirsize_look(m, size, O_RDWR | O_APPEND);
		if (anyway && m->sound)
			room = ROOM_YES;
		if (room == ROOM_UNKNOWN && !maildirsize_recount(m, &written))
			room = ROOM_ERROR;
		if (room == ROOM_UNKNOWN && !written)
			return take_without(m, size, anyway);
	}
	if (room == ROOM_UNKNOWN)
		return take_without(m, size, anyway);
	if (room == ROOM_YES)
		room = take(m, size, anyway);
	if (room != ROOM_YES)
		fd_close(&m->fd);
	return room;
}

enum room
maildirsize_reserve(struct maildirsize *m, uint64_t size)
{
	return reserve(m, size, false);
}

enum room
maildirsize_add(struct maildirsize *m, uint64_t size)
{
	return reserve(m, size, true);
}

void
maildirsize_settle(struct maildirsize *m)
{
	struct stat st;

	if (m->fd < 0 || fstat(m->fd, &st) != 0 || st.st_nlink == 0)
		spoil(m);
	fd_close(&m->fd);
}

void
maildirsize_return(struct maildirsize *m, uint64_t size)
{
	const struct quota one = {size, 1};

	if (m->fd >= 0 && !maildirsize_change(m->fd, &one, true))
		spoil(m);
	fd_close(&m->fd);
}
