/* mbox: deliveries into mbox files; see mbox.h. */
#define _DEFAULT_SOURCE /* flock */
#include "local/mbox.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	WINDOW = 1 << 16, /* bytes that are written at once */
	AGAIN = 20000000  /* nanoseconds between two looks at a lock */
};

static const char mark[] = "From ";

enum { MARK = sizeof(mark) - 1 };

/* The file being written.  At the start of a line some of its bytes are kept
 * back until it is known whether they are '>'s and the mark. */
struct file {
	int fd;
	struct buf out;
	bool failed; /* errno of it in error */
	int error;
	bool start; /* of a line, quotes and matched bytes of it kept back */
	uint64_t quotes;
	size_t matched;
	char last; /* byte of the message */
};

static void
flush(struct file *f)
{
	if (!f->failed && !fd_write_all(f->fd, f->out.data, f->out.len)) {
		f->failed = true;
		f->error = errno;
	}
	buf_clear(&f->out);
}

static void
put(struct file *f, struct str s)
{
	while (s.len > 0 && !f->failed) {
		struct str part = str_slice(s, 0, WINDOW - f->out.len);

		if (!buf_append_str(&f->out, part)) {
			f->failed = true;
			f->error = errno;
		}
		if (f->out.len == WINDOW)
			flush(f);
		s = str_slice(s, part.len, s.len);
	}
}

/* What was kept back, behind one more '>' where it is to have one. */
static void
release(struct file *f)
{
	f->start = false;
	if (f->matched == MARK)
		put(f, str_of(">"));
	for (; f->quotes > 0; f->quotes--)
		put(f, str_of(">"));
	put(f, (struct str){mark, f->matched});
	f->matched = 0;
}

/* A byte at the start of a line: kept back, or the start is over and false. */
static bool
keep_back(struct file *f, char c)
{
	if (c == '>' && f->matched == 0) {
		f->quotes++;
		return true;
	}
	if (f->matched < MARK && c == mark[f->matched]) {
		f->matched++;
		return true;
	}
	release(f);
	return false;
}

static void
put_body(struct file *f, struct str chunk)
{
	size_t i = 0;

	while (i < chunk.len) {
		struct str rest = str_slice(chunk, i, chunk.len);
		size_t end;

		if (f->start && keep_back(f, chunk.data[i])) {
			f->last = chunk.data[i++];
			continue;
		}
		end = str_find(rest, '\n');
		f->start = end < rest.len;
		put(f, str_slice(rest, 0, f->start ? end + 1 : end));
		i += f->start ? end + 1 : end;
		f->last = chunk.data[i - 1];
	}
}

/* A From_ line begins a line, behind an empty one, or it is one of the last
 * message.  What may not be read is taken to end well. */
static void
end_last(struct file *f, int64_t size)
{
	char tail[2] = {'\n', '\n'};
	size_t n = size > 1 ? 2 : 1;

	if (size == 0 || pread(f->fd, tail + 2 - n, n, size - (off_t)n) < 0)
		return;
	if (tail[1] != '\n')
		put(f, str_of("\n\n"));
	else if (tail[0] != '\n')
		put(f, str_of("\n"));
}

/* False when the message cannot be read. */
static bool
copy(struct file *f, const struct mbox_mail *m, int64_t size)
{
	uint64_t offset = 0;
	struct str chunk;

	end_last(f, size);
	put(f, m->from);
	put(f, m->prefix);
	f->last = '\n';
	f->start = true;
	while (offset < m->body->len && !f->failed) {
		if (!body_get(m->body, offset, &chunk))
			return false;
		put_body(f, chunk);
		offset += chunk.len;
	}
	release(f);
	put(f, str_of(f->last == '\n' ? "\n" : "\n\n"));
	flush(f);
	return true;
}

/* 1: locked; 0: it was somebody else's for too long; -1 with errno. */
static int
lock(int fd)
{
	const struct timespec nap = {.tv_nsec = AGAIN};
	int64_t end = clock_boot() + (int64_t)MBOX_PATIENCE * CLOCK_SECOND;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (clock_boot() >= end)
			return 0;
		(void)nanosleep(&nap, NULL);
	}
	return 1;
}

/* A name that is new is to be on the disk, too. */
static bool
sync_folder(int home_fd, struct str path)
{
	char folder[PATH_MAX];
	size_t slash = str_rfind(path, '/');

	errno = ENAMETOOLONG;
	if (!str_copy(folder, sizeof(folder), str_slice(path, 0, slash + 1)))
		return false;
	return fd_sync_folder(home_fd, slash < path.len ? folder : ".");
}

static bool
fail(struct report *r, const char *verb, struct str path, int error)
{
	errno = error;
	report_errno(r, verb, path);
	return false;
}

static bool
append(int home_fd, struct str path, int fd, const struct mbox_mail *m,
    struct report *r)
{
	struct file f = {.fd = fd, .out.max = WINDOW};
	struct stat st;
	bool ok;

	if (fstat(fd, &st) != 0)
		return fail(r, "look at", path, errno);
	/* It was removed while we waited for the lock. */
	if (st.st_nlink == 0)
		return fail(r, "write", path, ESTALE);
	ok = copy(&f, m, st.st_size) ||
	     fail(r, "read", str_of("message"), errno);
	if (ok && f.failed)
		ok = fail(r, "write", path, f.error);
	if (ok && fsync(fd) != 0)
		ok = fail(r, "sync", path, errno);
	if (ok && st.st_size == 0 && !sync_folder(home_fd, path))
		ok = fail(r, "sync the folder of", path, errno);
	if (!ok && ftruncate(fd, st.st_size) != 0)
		(void)fail(r, "cut back", path, errno);
	buf_free(&f.out);
	return ok;
}

/* One that its owner may not read can be appended to. */
static int
open_name(int home_fd, const char *name)
{
	const int flags = O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(home_fd, name, O_RDWR | flags, 0600);

	return fd >= 0 || errno != EACCES
		   ? fd
		   : openat(home_fd, name, O_WRONLY | flags, 0600);
}

/* Nothing that is not a file is waited for. */
static int
open_file(int home_fd, struct str path, struct report *r)
{
	char name[PATH_MAX];
	struct stat st;
	int fd = -1;

	errno = ENAMETOOLONG;
	if (str_copy(name, sizeof(name), path))
		fd = open_name(home_fd, name);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)fail(r, "open", path, errno);
		fd_close(&fd);
	} else if (!S_ISREG(st.st_mode)) {
		report_say(r, REPORT_MBOX_NO_FILE);
		fd_close(&fd);
	}
	return fd;
}

bool
mbox_deliver(
    int home_fd, struct str path, const struct mbox_mail *m, struct report *r)
{
	int fd = open_file(home_fd, path, r), locked;
	bool ok = false;

	if (fd < 0)
		return false;
	locked = lock(fd);
	if (locked < 0)
		(void)fail(r, "lock", path, errno);
	else if (locked == 0)
		report_say(r, REPORT_LOCKED);
	else
		ok = append(home_fd, path, fd, m, r);
	fd_close(&fd);
	return ok;
}
