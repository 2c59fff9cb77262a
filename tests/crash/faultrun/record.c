/* record: see record.h. */
#define _GNU_SOURCE /* process_vm_readv */
#include "tests/crash/faultrun/record.h"

#include "lib/fd.h"
#include "lib/num.h"
#include "lib/str.h"
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SAID = 512, /* bytes of what a client hears */
	VECTORS = 16,
	PATH = PATH_MAX + 64
};

bool
record_open(struct record *r, const char *path, const char *folder)
{
	struct stat st;

	if (stat(folder, &st) != 0)
		return false;
	r->device = st.st_dev;
	r->events = 0;
	r->out = fopen(path, "we");
	return r->out != NULL && fprintf(r->out, "# faultrun record 1\n") > 0;
}

bool
record_close(struct record *r)
{
	bool ok = r->out != NULL && ferror(r->out) == 0;

	if (r->out != NULL && fclose(r->out) != 0)
		ok = false;
	r->out = NULL;
	return ok;
}

void
record_mark(struct record *r, const char *text)
{
	if (r->out == NULL)
		return;
	r->events++;
	(void)fprintf(r->out, "-\tmark\t%s\n", text);
}

/* Bytes of the process's memory.  False when they are not there. */
static bool
peek(const struct tracee *t, uint64_t at, void *out, size_t n)
{
	const struct iovec here = {out, n};
	struct iovec there = {.iov_len = n};

	memcpy(&there.iov_base, &at, sizeof(at));
	return process_vm_readv(t->pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

/* A C string of its memory, page by page, since the next may not be there. */
static bool
peek_text(const struct tracee *t, uint64_t at, char out[PATH_MAX])
{
	const size_t page = 4096;
	size_t len = 0;

	while (len < PATH_MAX) {
		size_t n = page - (at + len) % page;

		if (n > PATH_MAX - len)
			n = PATH_MAX - len;
		if (!peek(t, at + len, out + len, n))
			return false;
		if (memchr(out + len, '\0', n) != NULL)
			return true;
		len += n;
	}
	return false;
}

/* The path as we must say it to mean what the process means. */
static bool
resolve(const struct tracee *t, int64_t dirfd, uint64_t at, char out[PATH])
{
	static const char self[] = "/proc/self/";
	char path[PATH_MAX];

	if (!peek_text(t, at, path))
		return false;
	if (strncmp(path, self, strlen(self)) == 0)
		(void)snprintf(
		    out, PATH, "/proc/%d/%s", t->pid, path + strlen(self));
	else if (path[0] == '/')
		(void)snprintf(out, PATH, "/proc/%d/root%s", t->pid, path);
	else if ((int)dirfd == AT_FDCWD)
		(void)snprintf(out, PATH, "/proc/%d/cwd/%s", t->pid, path);
	else
		(void)snprintf(
		    out, PATH, "/proc/%d/fd/%d/%s", t->pid, (int)dirfd, path);
	return true;
}

/* The number of the file at path, on the device we watch; else 0. */
static uint64_t
number(const struct record *r, const char *path, int flags)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, flags) != 0 || st.st_dev != r->device)
		return 0;
	return st.st_ino;
}

/* Split a path into the number of its folder and the last name. */
static void
locate(const struct record *r, char *path, struct place *p)
{
	size_t slash = str_rfind(str_of(path), '/');

	p->folder = 0;
	if (!str_copy(p->name, sizeof(p->name), str_of(path + slash + 1)))
		return;
	path[slash] = '\0';
	p->folder = number(r, path, 0);
}

/* The folder, name and file that a call speaks of. */
static void
look(const struct record *r, const struct tracee *t, int64_t dirfd, uint64_t at,
    struct place *p, uint64_t *ino)
{
	char path[PATH];

	p->folder = 0;
	if (!resolve(t, dirfd, at, path))
		return;
	if (ino != NULL)
		*ino = number(r, path, AT_SYMLINK_NOFOLLOW);
	locate(r, path, p);
}

static void
entered_link(const struct record *r, const struct tracee *t, struct before *b)
{
	const uint64_t *a = t->call.args;
	char path[PATH];

	if (t->call.nr == SYS_link) {
		look(r, t, AT_FDCWD, a[0], &b->from, &b->ino);
		look(r, t, AT_FDCWD, a[1], &b->to, NULL);
		return;
	}
	if (resolve(t, (int64_t)a[0], a[1], path))
		b->ino = number(r, path,
		    (a[4] & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW);
	look(r, t, (int64_t)a[2], a[3], &b->to, NULL);
}

void
record_entered(struct record *r, const struct tracee *t, size_t i)
{
	struct before *b = &r->before[i];
	const uint64_t *a = t->call.args;

	if (r->out == NULL)
		return;
	b->ino = b->from.folder = b->to.folder = 0;
	b->events = r->events;
	switch (t->call.nr) {
	case SYS_open:
	case SYS_mkdir:
	case SYS_unlink:
	case SYS_rmdir:
		look(r, t, AT_FDCWD, a[0], &b->to, &b->ino);
		break;
	case SYS_openat:
	case SYS_mkdirat:
	case SYS_unlinkat:
		look(r, t, (int64_t)a[0], a[1], &b->to, &b->ino);
		break;
	case SYS_link:
	case SYS_linkat:
		entered_link(r, t, b);
		break;
	case SYS_rename:
		look(r, t, AT_FDCWD, a[0], &b->from, &b->ino);
		look(r, t, AT_FDCWD, a[1], &b->to, NULL);
		break;
	case SYS_renameat:
	case SYS_renameat2:
		look(r, t, (int64_t)a[0], a[1], &b->from, &b->ino);
		look(r, t, (int64_t)a[2], a[3], &b->to, NULL);
		break;
	default:
		break;
	}
	b->there = b->ino != 0;
}

static void
begin(struct record *r, const struct tracee *t, const char *event)
{
	r->events++;
	(void)fprintf(r->out, "%s\t%s", t->program, event);
}

static void
hex(const struct record *r, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)fprintf(r->out, "%02x", bytes[i]);
}

static void
put_place(const struct record *r, const struct place *p)
{
	(void)fprintf(r->out, "\t%" PRIu64 "\t%s", p->folder, p->name);
}

/* The file behind a descriptor. */
static bool
behind(const struct tracee *t, uint64_t fd, struct stat *st)
{
	char path[PATH];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->pid, (int)fd);
	return stat(path, st) == 0;
}

/* Where the next write would go. */
static uint64_t
position(const struct tracee *t, uint64_t fd)
{
	static const char word[] = "pos:";
	char path[PATH], line[64];
	uint64_t at = 0;
	FILE *f;

	(void)snprintf(
	    path, sizeof(path), "/proc/%d/fdinfo/%d", t->pid, (int)fd);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL ||
	    !str_starts(str_of(line), str_of(word)) ||
	    !num_parse(str_trim(str_of(line + strlen(word))), UINT64_MAX, &at))
		at = 0;
	(void)fclose(f);
	return at;
}

/* n bytes of a writer's memory, or of its vector's parts. */
static void
put_memory(
    const struct record *r, const struct tracee *t, uint64_t at, size_t n)
{
	unsigned char piece[4096];

	while (n > 0) {
		size_t some = n < sizeof(piece) ? n : sizeof(piece);

		if (!peek(t, at, piece, some))
			return;
		hex(r, piece, some);
		at += some;
		n -= some;
	}
}

static void
put_vector(const struct record *r, const struct tracee *t, size_t n)
{
	struct iovec parts[VECTORS];
	size_t count = (size_t)t->call.args[2];

	if (count > VECTORS ||
	    !peek(t, t->call.args[1], parts, count * sizeof(parts[0])))
		return;
	for (size_t i = 0; i < count && n > 0; i++) {
		size_t some = parts[i].iov_len < n ? parts[i].iov_len : n;
		uint64_t at;

		memcpy(&at, &parts[i].iov_base, sizeof(at));
		put_memory(r, t, at, some);
		n -= some;
	}
}

/* What a client hears: the doors' bytes, by the call that gives them away. */
static void
put_said(struct record *r, const struct tracee *t, size_t n)
{
	if (strcmp(t->program, "smtpd") != 0 &&
	    strcmp(t->program, "popup") != 0 &&
	    strcmp(t->program, "pop3d") != 0)
		return;
	begin(r, t, "say");
	(void)fputc('\t', r->out);
	if (t->call.nr == SYS_writev)
		put_vector(r, t, n < SAID ? n : SAID);
	else
		put_memory(r, t, t->call.args[1], n < SAID ? n : SAID);
	(void)fputc('\n', r->out);
}

static void
ended_write(struct record *r, const struct tracee *t, size_t n)
{
	const uint64_t *a = t->call.args;
	struct stat st;
	uint64_t at;

	if (a[0] <= 2 || !behind(t, a[0], &st))
		return;
	if (S_ISSOCK(st.st_mode))
		put_said(r, t, n);
	if (!S_ISREG(st.st_mode) || st.st_dev != r->device)
		return;
	at = t->call.nr == SYS_pwrite64 ? a[3] : position(t, a[0]) - n;
	begin(r, t, "write");
	(void)fprintf(
	    r->out, "\t%" PRIu64 "\t%" PRIu64 "\t", (uint64_t)st.st_ino, at);
	if (t->call.nr == SYS_writev)
		put_vector(r, t, n);
	else
		put_memory(r, t, a[1], n);
	(void)fputc('\n', r->out);
}

/* An event about the file behind the first argument.  False: there is none. */
static bool
ended_file(
    struct record *r, const struct tracee *t, const char *event, uint64_t value)
{
	struct stat st;

	if (!behind(t, t->call.args[0], &st) || st.st_dev != r->device)
		return false;
	begin(r, t, event);
	(void)fprintf(
	    r->out, "\t%" PRIu64 "\t%" PRIu64, (uint64_t)st.st_ino, value);
	return true;
}

static void
ended_truncate(struct record *r, const struct tracee *t)
{
	if (ended_file(r, t, "truncate", t->call.args[1]))
		(void)fputc('\n', r->out);
}

/* What others did while it ran may or may not be on the disk. */
static void
ended_sync(struct record *r, const struct tracee *t, const struct before *b)
{
	if (ended_file(r, t, "sync", t->call.nr == SYS_fdatasync))
		(void)fprintf(r->out, "\t%" PRIu64 "\n", b->events);
}

static void
ended_open(struct record *r, const struct tracee *t, const struct before *b,
    uint64_t flags, uint64_t fd)
{
	struct stat st;

	if (!behind(t, fd, &st) || st.st_dev != r->device)
		return;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		begin(r, t, "tmpfile");
		(void)fprintf(r->out, "\t%" PRIu64 "\n", (uint64_t)st.st_ino);
	} else if ((flags & O_CREAT) != 0 && !b->there) {
		begin(r, t, "create");
		put_place(r, &b->to);
		(void)fprintf(r->out, "\t%" PRIu64 "\n", (uint64_t)st.st_ino);
	} else if ((flags & O_TRUNC) != 0) {
		begin(r, t, "truncate");
		(void)fprintf(
		    r->out, "\t%" PRIu64 "\t0\n", (uint64_t)st.st_ino);
	}
}

static void
ended_name(struct record *r, const struct tracee *t, const char *event,
    const struct before *b)
{
	const bool two = strcmp(event, "rename") == 0;

	if (b->to.folder == 0 || b->ino == 0)
		return;
	begin(r, t, event);
	(void)fprintf(r->out, "\t%" PRIu64, b->ino);
	if (two)
		put_place(r, &b->from);
	put_place(r, &b->to);
	(void)fputc('\n', r->out);
}

static void
ended_mkdir(struct record *r, const struct tracee *t, struct before *b)
{
	struct place ignored;
	const uint64_t *a = t->call.args;

	if (t->call.nr == SYS_mkdir)
		look(r, t, AT_FDCWD, a[0], &ignored, &b->ino);
	else
		look(r, t, (int64_t)a[0], a[1], &ignored, &b->ino);
	ended_name(r, t, "mkdir", b);
}

void
record_ended(struct record *r, const struct tracee *t, size_t i, int64_t result)
{
	struct before *b = &r->before[i];
	const uint64_t *a = t->call.args;

	if (r->out == NULL || result < 0)
		return;
	switch (t->call.nr) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_sendto:
		ended_write(r, t, (size_t)result);
		break;
	case SYS_open:
		ended_open(r, t, b, a[1], (uint64_t)result);
		break;
	case SYS_openat:
		ended_open(r, t, b, a[2], (uint64_t)result);
		break;
	case SYS_fsync:
	case SYS_fdatasync:
		ended_sync(r, t, b);
		break;
	case SYS_ftruncate:
		ended_truncate(r, t);
		break;
	case SYS_link:
	case SYS_linkat:
		ended_name(r, t, "link", b);
		break;
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_rmdir:
		ended_name(r, t, "unlink", b);
		break;
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
		ended_name(r, t, "rename", b);
		break;
	case SYS_mkdir:
	case SYS_mkdirat:
		ended_mkdir(r, t, b);
		break;
	default:
		break;
	}
}
