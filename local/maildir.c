/* maildir: deliveries into Maildirs; see maildir.h. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "local/maildir.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/maildir.h"
#include "wire/maildirsize.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SEARCHES = 5, /* of a folder that changes under our eyes */
	PROC_PATH = 32,
	/* Who is told of a quota after so long has it from then on. */
	LOOK_AGE = 60 * CLOCK_SECOND,
	COUNT_AGE = 60 * CLOCK_SECOND /* that counting may take */
};

enum part { TMP, NEW, CUR, PARTS };
_Static_assert((int)CUR == (int)FOLDER_FDS, "all others are kept open");

static const char *const part_names[PARTS] = {"tmp", "new", "cur"};

struct box {
	struct str folder; /* as the instruction names it, for people */
	int fds[PARTS];    /* all but cur/ belong to those kept */
	bool inner;        /* a folder of another Maildir (Maildir++) */
	bool limited;      /* there may be a quota */
};

/* The file being written; without a name where the file system can. */
struct file {
	int fd;
	char tmp_name[MAILDIR_NAME]; /* in tmp/, or "" */
	uint64_t size;
	uint64_t crlf; /* line ends that are CRLF already */
	char last;     /* its last byte so far */
};

/* Fail with errno's reason at one part of the box. */
static bool
fail_at(
    struct report *r, const char *verb, const struct box *box, const char *part)
{
	char where[PATH_MAX];
	int error = errno;

	(void)snprintf(where, sizeof(where), "%.*s%s", (int)box->folder.len,
	    box->folder.data, part);
	errno = error;
	report_errno(r, verb, str_of(where));
	return false;
}

/* The folder may be a link that its owner made; its parts may not, lest they
 * lead the next program that cleans or lists them elsewhere. */
static bool
open_part(int home_fd, struct box *box, enum part part)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s%s", (int)box->folder.len,
	    box->folder.data, part_names[part]);

	errno = ENAMETOOLONG;
	if (n >= 0 && (size_t)n < sizeof(path))
		box->fds[part] = openat(home_fd, path,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return box->fds[part] >= 0;
}

static bool
is_there(const struct box *box, const char *path)
{
	struct stat st;

	return fstatat(box->fds[NEW], path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Maildir/ of Maildir/.Folder/; the folder itself where there is no more. */
static struct str
parent(struct str folder)
{
	size_t slash = str_rfind(str_slice(folder, 0, folder.len - 1), '/');

	return slash < folder.len - 1 ? str_slice(folder, 0, slash + 1)
				      : folder;
}

/* Its last part begins with a dot, as those of folders do. */
static bool
is_dotted(struct str folder)
{
	struct str up = parent(folder);

	return up.len < folder.len && folder.data[up.len] == '.';
}

/* Whether a quota is to be asked for, and of which Maildir; noted with the box
 * for a while. */
static void
find_quota(struct box *box, struct folder *kept, const struct maildir_quota *q)
{
	const int64_t now = clock_boot();

	if (q == NULL)
		return;
	if (kept->looked == 0 || now - kept->looked >= LOOK_AGE) {
		kept->inner =
		    is_dotted(box->folder) && is_there(box, "../maildirfolder");
		kept->limited = quota_limits(&q->limits) ||
				quota_limits(&q->otherwise) ||
				is_there(box, kept->inner ? "../../" QUOTA_NAME
							  : "../" QUOTA_NAME);
		kept->looked = now;
	}
	box->inner = kept->inner;
	box->limited = kept->limited || quota_limits(&q->limits) ||
		       quota_limits(&q->otherwise);
}

/* new/ says which Maildir it is. */
static bool
find_box(struct folders *kept, int home_fd, struct box *box,
    const struct maildir_quota *q)
{
	struct folder *f;
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%.*s%s", (int)box->folder.len,
	    box->folder.data, part_names[NEW]);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    fstatat(home_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	f = folders_find(kept, &st);
	if (f == NULL)
		return false;
	box->fds[TMP] = f->fds[TMP];
	box->fds[NEW] = f->fds[NEW];
	find_quota(box, f, q);
	return true;
}

static bool
fail_to_open(
    int home_fd, const struct box *box, enum part part, struct report *r)
{
	char path[PATH_MAX];
	struct stat st;
	int error = errno;

	if (!str_copy(path, sizeof(path), box->folder) ||
	    fstatat(home_fd, path, &st, 0) != 0) {
		report_say(r, REPORT_NO_MAILDIR);
		return false;
	}
	errno = error;
	return fail_at(r, "open", box, part_names[part]);
}

/* cur/ is a folder of its own, though nobody opens it. */
static bool
see_part(int home_fd, const struct box *box, enum part part)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%.*s%s", (int)box->folder.len,
	    box->folder.data, part_names[part]);

	errno = ENAMETOOLONG;
	if (n < 0 || (size_t)n >= sizeof(path) ||
	    fstatat(home_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
	return S_ISDIR(st.st_mode);
}

/* One that was not kept is looked at as a whole. */
static bool
open_box(struct folders *kept, int home_fd, struct box *box, bool repeat,
    const struct maildir_quota *q, struct report *r)
{
	struct stat st;
	enum part i = TMP;

	while (i < CUR && open_part(home_fd, box, i))
		i++;
	if (i == CUR && (repeat ? open_part(home_fd, box, CUR)
				: see_part(home_fd, box, CUR)))
		i++;
	if (i == PARTS && fstat(box->fds[NEW], &st) == 0) {
		find_quota(box, folders_keep(kept, &st, box->fds), q);
		return true;
	}
	(void)fail_to_open(home_fd, box, i < PARTS ? i : NEW, r);
	for (i = TMP; i < PARTS; i++)
		fd_close(&box->fds[i]);
	return false;
}

/* cur/ is for those that may be there already. */
static bool
enter_box(struct folders *kept, int home_fd, struct box *box, bool repeat,
    const struct maildir_quota *q, struct report *r)
{
	if (!find_box(kept, home_fd, box, q))
		return open_box(kept, home_fd, box, repeat, q, r);
	return !repeat || open_part(home_fd, box, CUR) ||
	       fail_to_open(home_fd, box, CUR, r);
}

/* What a name of this message and recipient begins with, whatever this host
 * was called when it was given. */
static struct str
identity(const char *name)
{
	struct str s = str_of(name);
	size_t dot = str_find(s, '.');

	dot += 1 + str_find(str_slice(s, dot + 1, s.len), '.');
	return str_slice(s, 0, dot + 1);
}

/* One pass.  1: it is there; 0: it is not; -1 with errno. */
static int
scan(int folder_fd, struct str begin)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int found = 0;

	if (dir == NULL) {
		fd_close(&fd);
		return -1;
	}
	errno = 0;
	while (found == 0 && (entry = readdir(dir)) != NULL)
		found = str_starts(str_of(entry->d_name), begin) ? 1 : 0;
	if (found == 0 && errno != 0)
		found = -1;
	return closedir(dir) == 0 ? found : -1;
}

static bool
same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A reader that renames a file for its flags may hide it from a pass, so a
 * folder that changed meanwhile is searched again.  As scan, errno EBUSY. */
static int
search(int folder_fd, struct str begin)
{
	struct stat before, after;

	for (int i = 0; i < SEARCHES; i++) {
		int found;

		if (fstat(folder_fd, &before) != 0)
			return -1;
		found = scan(folder_fd, begin);
		if (found != 0)
			return found;
		if (fstat(folder_fd, &after) != 0)
			return -1;
		if (same_time(&before, &after))
			return 0;
	}
	errno = EBUSY;
	return -1;
}

/* new/ before cur/, the way that files go.  Found: it is made durable. */
static int
already_there(const struct box *box, const char *name, struct report *r)
{
	static const enum part order[] = {NEW, CUR};

	for (int i = 0; i < 2; i++) {
		const int fd = box->fds[order[i]];
		int found = search(fd, identity(name));

		if (found < 0 && errno == EBUSY)
			report_say(r, REPORT_MAILDIR_BUSY);
		else if (found < 0)
			(void)fail_at(r, "search", box, part_names[order[i]]);
		if (found > 0 && fsync(fd) != 0) {
			(void)fail_at(r, "sync", box, part_names[order[i]]);
			return -1;
		}
		if (found != 0)
			return found;
	}
	return 0;
}

/* For file systems without O_TMPFILE.  Readers of Maildirs remove from tmp/
 * what is older than 36 hours. */
static int
create_named(
    const struct box *box, char name[MAILDIR_NAME], const struct delivery *d)
{
	(void)snprintf(name, MAILDIR_NAME, "%lld.P%ldJ%lu",
	    (long long)(d->arrived / 1000000), (long)getpid(),
	    (unsigned long)d->job.job);
	return openat(box->fds[TMP], name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool
create(const struct box *box, const struct delivery *d, struct file *f)
{
	*f = (struct file){.fd = openat(box->fds[TMP], ".",
			       O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)};
	if (f->fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		f->fd = create_named(box, f->tmp_name, d);
	return f->fd >= 0;
}

static void
discard(const struct box *box, struct file *f)
{
	fd_close(&f->fd);
	if (f->tmp_name[0] != '\0')
		(void)unlinkat(box->fds[TMP], f->tmp_name, 0);
}

/* CRLF pairs need no CR of their own on the wire; one may fall between two
 * chunks. */
static void
count(struct file *f, struct str chunk)
{
	struct str rest = chunk;

	if (chunk.len == 0)
		return;
	if (f->last == '\r' && chunk.data[0] == '\n')
		f->crlf++;
	while (rest.len > 0) {
		size_t at = str_find(rest, '\r');

		if (at + 1 < rest.len && rest.data[at + 1] == '\n')
			f->crlf++;
		rest = str_slice(rest, at + 1, rest.len);
	}
	f->last = chunk.data[chunk.len - 1];
	f->size += chunk.len;
}

/* Prefix and first chunk by one call, which is all there is for most mail. */
static bool
write_first(struct file *f, struct str prefix, struct str chunk)
{
	struct iovec parts[2];
	ssize_t r;

	memcpy(&parts[0].iov_base, &prefix.data, sizeof(prefix.data));
	parts[0].iov_len = prefix.len;
	memcpy(&parts[1].iov_base, &chunk.data, sizeof(chunk.data));
	parts[1].iov_len = chunk.len;
	do
		r = writev(f->fd, parts, 2);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return false;
	if ((size_t)r < prefix.len) {
		prefix = str_slice(prefix, (size_t)r, prefix.len);
		return fd_write_all(f->fd, prefix.data, prefix.len) &&
		       fd_write_all(f->fd, chunk.data, chunk.len);
	}
	chunk = str_slice(chunk, (size_t)r - prefix.len, chunk.len);
	return fd_write_all(f->fd, chunk.data, chunk.len);
}

/* Read and written rather than copied by the kernel: the CRs must be seen. */
static bool
copy(const struct box *box, const struct maildir_mail *m, struct file *f,
    struct report *r)
{
	uint64_t offset = 0;
	struct str chunk;

	body_align(m->body, m->prefix.len);
	do {
		bool first = offset == 0;

		if (!body_get(m->body, offset, &chunk)) {
			report_errno(r, "read", str_of("message"));
			return false;
		}
		if (first)
			count(f, m->prefix);
		count(f, chunk);
		if (first ? !write_first(f, m->prefix, chunk)
			  : !fd_write_all(f->fd, chunk.data, chunk.len))
			return fail_at(r, "write to", box, part_names[TMP]);
		offset += chunk.len;
	} while (offset < m->body->len);
	return true;
}

static void
make_name(
    char name[MAILDIR_NAME], const struct maildir_mail *m, const struct file *f)
{
	uint64_t lines = str_count(m->prefix, '\n') + m->delivery->lines;
	struct maildir_name n = {.arrived = m->delivery->arrived,
	    .token = m->delivery->job.token,
	    .number = job_number(&m->delivery->job, 0),
	    .host = m->host,
	    .size = f->size};

	if (f->last == '\n' && lines >= f->crlf)
		n.wire_size = f->size + lines - f->crlf;
	maildir_name_write(name, &n);
}

/* Whoever gives the file its name without having written it has met an earlier
 * try: *made tells. */
static bool
link_new(
    const struct box *box, const struct file *f, const char *name, bool *made)
{
	char path[PROC_PATH];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	r = f->tmp_name[0] != '\0'
		? linkat(box->fds[TMP], f->tmp_name, box->fds[NEW], name, 0)
		: linkat(
		      AT_FDCWD, path, box->fds[NEW], name, AT_SYMLINK_FOLLOW);
	*made = r == 0;
	return r == 0 || errno == EEXIST;
}

/* A name that may not be on the disk must not make the next try believe that it
 * is, so it goes again. */
static bool
publish(const struct box *box, const struct maildir_mail *m,
    const struct file *f, bool *made, struct report *r)
{
	char name[MAILDIR_NAME];

	make_name(name, m, f);
	if (!link_new(box, f, name, made))
		return fail_at(r, "link into", box, part_names[NEW]);
	if (fsync(box->fds[NEW]) == 0)
		return true;
	(void)fail_at(r, "sync", box, part_names[NEW]);
	if (*made)
		(void)unlinkat(box->fds[NEW], name, 0);
	*made = false;
	return false;
}

/* *made: there is one file more than before. */
static bool
write_mail(const struct box *box, const struct maildir_mail *m, bool *made,
    struct report *r)
{
	struct file f;
	bool ok;

	if (!create(box, m->delivery, &f))
		return fail_at(r, "create a file in", box, part_names[TMP]);
	ok = copy(box, m, &f, r);
	if (ok && fsync(f.fd) != 0)
		ok = fail_at(r, "sync a file in", box, part_names[TMP]);
	ok = ok && publish(box, m, &f, made, r);
	discard(box, &f);
	return ok;
}

/* Take room for the message in the Maildir whose folder this is. */
static enum room
take_room(const struct box *box, const struct maildir_mail *m, uint64_t size,
    struct maildirsize *s)
{
	struct maildir_quota *q = m->quota;
	enum room room;

	*s = (struct maildirsize){
	    .root_fd = openat(box->fds[NEW], box->inner ? "../.." : "..",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    .limits = q->limits,
	    .otherwise = q->otherwise,
	    .trash = q->trash,
	    .deadline = clock_boot() + COUNT_AGE,
	    .fd = -1};
	if (s->root_fd < 0)
		return ROOM_ERROR;
	room =
	    q->always ? maildirsize_add(s, size) : maildirsize_reserve(s, size);
	q->known = room == ROOM_YES || room == ROOM_NO;
	q->limits = s->limits;
	q->use = s->use;
	q->root = box->inner ? parent(box->folder) : box->folder;
	return room;
}

/* Within the quota.  What was taken for a file that is not there is given
 * back. */
static bool
write_counted(
    const struct box *box, const struct maildir_mail *m, struct report *r)
{
	const uint64_t size = m->prefix.len + m->body->len;
	struct maildirsize s;
	enum room room = take_room(box, m, size, &s);
	bool made = false, ok = false;

	if (room == ROOM_NO)
		report_say(r,
		    m->quota->refuse ? REPORT_FULL_REFUSED : REPORT_FULL_WAITS);
	else if (room == ROOM_ERROR)
		(void)fail_at(r, "use", box, QUOTA_NAME);
	else
		ok = write_mail(box, m, &made, r);
	if (room == ROOM_YES && made)
		maildirsize_settle(&s);
	else if (room == ROOM_YES)
		maildirsize_return(&s, size);
	fd_close(&s.fd);
	fd_close(&s.root_fd);
	return ok;
}

static bool
write_anew(
    const struct box *box, const struct maildir_mail *m, struct report *r)
{
	bool made = false;

	return box->limited ? write_counted(box, m, r)
			    : write_mail(box, m, &made, r);
}

bool
maildir_deliver(struct folders *kept, int home_fd, struct str folder,
    const struct maildir_mail *m, struct report *r)
{
	const bool repeat = (m->delivery->job.flags & JOB_REPEAT) != 0;
	const struct file unknown = {.last = '\n'};
	struct box box = {
	    .folder = folder, .fds = {-1, -1, -1}
        };
	char name[MAILDIR_NAME];
	int found = 0;
	bool ok;

	if (!enter_box(kept, home_fd, &box, repeat, m->quota, r))
		return false;
	if (repeat) {
		make_name(name, m, &unknown);
		found = already_there(&box, name, r);
	}
	ok = found > 0 || (found == 0 && write_anew(&box, m, r));
	fd_close(&box.fds[CUR]);
	/* Whatever it was, the next delivery begins anew. */
	if (!ok)
		folders_forget(kept);
	return ok;
}
