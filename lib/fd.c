/* fd: small things done to descriptors and files; see fd.h. */
#include "lib/fd.h"

#include "lib/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 8192 }; /* bytes of one read of unknown length */

/* One step of a transfer: at -1 means: where the descriptor stands. */
static ssize_t
put(int fd, const void *data, size_t n, off_t at)
{
	ssize_t r = at < 0 ? write(fd, data, n) : pwrite(fd, data, n, at);

	if (r == 0)
		errno = EIO;
	return r;
}

static ssize_t
get(int fd, void *data, size_t n, off_t at)
{
	ssize_t r = at < 0 ? read(fd, data, n) : pread(fd, data, n, at);

	if (r == 0)
		errno = EPIPE;
	return r;
}

static bool
put_all(int fd, const char *data, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t r = put(fd, data, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		data += r;
		n -= (size_t)r;
		at = at < 0 ? at : at + r;
	}
	return true;
}

static bool
get_all(int fd, char *data, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t r = get(fd, data, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		data += r;
		n -= (size_t)r;
		at = at < 0 ? at : at + r;
	}
	return true;
}

/* The last byte's offset must be one that off_t can hold. */
static bool
range_ok(size_t n, off_t at)
{
	off_t end;

	if (at >= 0 && !__builtin_add_overflow(at, n, &end))
		return true;
	errno = EINVAL;
	return false;
}

bool
fd_write_all(int fd, const void *data, size_t n)
{
	return put_all(fd, data, n, -1);
}

bool
fd_pwrite_all(int fd, const void *data, size_t n, off_t at)
{
	return range_ok(n, at) && put_all(fd, data, n, at);
}

bool
fd_read_all(int fd, void *data, size_t n)
{
	return get_all(fd, data, n, -1);
}

bool
fd_pread_all(int fd, void *data, size_t n, off_t at)
{
	return range_ok(n, at) && get_all(fd, data, n, at);
}

ssize_t
fd_read_more(int fd, struct buf *b, size_t n)
{
	ssize_t r;

	if (!buf_reserve(b, n))
		return -1;
	do
		r = read(fd, b->data + b->len, n);
	while (r < 0 && errno == EINTR);
	b->len += r > 0 ? (size_t)r : 0;
	return r;
}

bool
fd_slurp(int fd, struct buf *b)
{
	char chunk[CHUNK];

	for (;;) {
		ssize_t r = read(fd, chunk, sizeof(chunk));

		if (r == 0)
			return true;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 || !buf_append(b, chunk, (size_t)r))
			return false;
	}
}

/* O_NONBLOCK so that a fifo is not waited for before it is seen to be one. */
static int
open_regular(int dirfd, const char *name)
{
	struct stat st;
	int fd =
	    openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0) {
		fd_close(&fd);
	} else if (!S_ISREG(st.st_mode)) {
		fd_close(&fd);
		errno = EINVAL;
	}
	return fd;
}

bool
fd_read_file(int dirfd, const char *name, struct buf *b)
{
	size_t before = b->len;
	int fd = open_regular(dirfd, name);
	bool ok = fd >= 0 && fd_slurp(fd, b);

	if (!ok)
		b->len = before;
	fd_close(&fd);
	return ok;
}

/* A temporary file left by a dead process of our number is in the way. */
static int
create(int dirfd, const char *temporary, mode_t mode)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dirfd, temporary, flags, mode);

	if (fd < 0 && errno == EEXIST && unlinkat(dirfd, temporary, 0) == 0)
		fd = openat(dirfd, temporary, flags, mode);
	return fd;
}

static bool
fill(int dirfd, const char *temporary, struct str contents, mode_t mode)
{
	int fd = create(dirfd, temporary, mode);
	bool ok = fd >= 0 && fchmod(fd, mode) == 0 &&
		  fd_write_all(fd, contents.data, contents.len) &&
		  fsync(fd) == 0;

	fd_close(&fd);
	return ok;
}

static bool
sync_folder_of(int dirfd, const char *name)
{
	char folder[PATH_MAX];
	struct str s = str_of(name);
	size_t slash = str_rfind(s, '/');

	if (slash == s.len)
		return fd_sync_folder(dirfd, ".");
	if (slash == 0)
		return fd_sync_folder(dirfd, "/");
	if (!str_copy(folder, sizeof(folder), str_slice(s, 0, slash))) {
		errno = ENAMETOOLONG;
		return false;
	}
	return fd_sync_folder(dirfd, folder);
}

bool
fd_replace_file(int dirfd, const char *name, struct str contents, mode_t mode)
{
	char temporary[PATH_MAX];
	int n = snprintf(
	    temporary, sizeof(temporary), "%s.tmp.%ld", name, (long)getpid());
	int saved;

	if (n < 0 || (size_t)n >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (fill(dirfd, temporary, contents, mode) &&
	    renameat(dirfd, temporary, dirfd, name) == 0)
		return sync_folder_of(dirfd, name);
	saved = errno;
	(void)unlinkat(dirfd, temporary, 0);
	errno = saved;
	return false;
}

bool
fd_sync_folder(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	fd_close(&fd);
	return ok;
}

bool
fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void
fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

/* Milliseconds that are left of most since start, rounded up.  A clock that a
 * test has set back since then gives most. */
static int
left(int64_t start, int most)
{
	int64_t past;

	if (__builtin_sub_overflow(clock_boot(), start, &past))
		return clock_boot() < start ? most : 0;
	past /= 1000;
	if (past < 0)
		return most;
	return past < most ? most - (int)past : 0;
}

bool
fd_raise_limit(unsigned wanted)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return false;
	if (now.rlim_cur >= wanted)
		return true;
	now.rlim_cur = now.rlim_max < wanted ? now.rlim_max : wanted;
	return setrlimit(RLIMIT_NOFILE, &now) == 0;
}

static bool
wait_for(int fd, short event, int ms)
{
	struct pollfd p = {fd, event, 0};
	int64_t start = ms > 0 ? clock_boot() : 0;
	int wait = ms, r;

	while ((r = poll(&p, 1, wait)) < 0 && errno == EINTR)
		if (ms > 0)
			wait = left(start, ms);
	if (r == 0)
		errno = ETIMEDOUT;
	if (r > 0 && (p.revents & POLLNVAL) != 0) {
		errno = EBADF;
		return false;
	}
	return r > 0;
}

bool
fd_wait_read(int fd, int ms)
{
	return wait_for(fd, POLLIN, ms);
}

bool
fd_wait_write(int fd, int ms)
{
	return wait_for(fd, POLLOUT, ms);
}

bool
fd_await(int fd, short events, int64_t deadline, short *seen)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t now = clock_boot();
		int64_t left = deadline > now ? (deadline - now) / 1000 + 1 : 0;
		int n;

		if (left == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n > 0) {
			*seen = p.revents;
			errno = EBADF;
			return (p.revents & POLLNVAL) == 0;
		}
		if (n < 0 && errno != EINTR)
			return false;
	}
}
