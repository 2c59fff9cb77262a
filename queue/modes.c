/* modes: owners, groups and modes of the queue; see modes.h. */
#include "queue/modes.h"

#include "lib/account.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/num.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	PERMISSIONS = 07777,
	FILE_MODE = 0640, /* of messages, journals and queue/trying */
	LOCK_MODE = 0600,
	TABLE_MOST = 1 << 20 /* bytes of doc/hier */
};

/* The part of a row's path below queue/; false where it is not of the queue. */
static bool
below_queue(struct str *path)
{
	struct str first;

	return str_cut(path, '/', &first) && str_equal(first, str_of("queue"));
}

static bool
add_row(
    struct modes *m, struct str path, enum hier_kind kind, const struct want *w)
{
	struct modes_row *r = &m->rows[m->count];

	errno = EPROTO;
	if (m->count == MODES_ROWS || !str_copy(r->path, MOVING_PATH, path))
		return false;
	r->kind = kind;
	r->want = *w;
	m->count++;
	return true;
}

static bool
read_rows(struct modes *m, struct str rest)
{
	struct hier_row row;
	bool bad;

	while (hier_next(&rest, &row, &bad)) {
		struct want w = {.mode = row.mode};

		if (!below_queue(&row.path))
			continue;
		if (!hier_owner(&row, &w.uid, &w.gid) ||
		    !add_row(m, row.path, row.kind, &w))
			return false;
	}
	errno = EPROTO;
	return !bad;
}

/* What programs make besides. */
static bool
add_made(struct modes *m)
{
	struct want lock = m->journal;

	lock.mode = LOCK_MODE;
	return add_row(m, str_of("lock"), HIER_MADE, &lock) &&
	       add_row(m, str_of("trying"), HIER_MADE, &m->journal);
}

bool
modes_open(struct modes *m)
{
	struct buf text = {.max = TABLE_MOST};
	gid_t own, group;
	bool ok;

	*m = (struct modes){.count = 0};
	if (!account_find(ACCOUNT_QUEUE, &m->message.uid, &own) ||
	    !account_find(ACCOUNT_SEND, &m->journal.uid, &own) ||
	    !account_group(GROUP_MESSAGES, &group))
		return false;
	m->message.gid = m->journal.gid = group;
	m->message.mode = m->journal.mode = FILE_MODE;
	if (!fd_read_file(AT_FDCWD, "doc/hier", &text))
		return errno == ENOENT;
	ok = read_rows(m, buf_str(&text)) && add_made(m);
	buf_free(&text);
	return ok;
}

bool
modes_fit(const struct want *w, const struct stat *st, enum fault *fault)
{
	bool ours =
	    st->st_uid == w->uid && (home_private() || st->st_gid == w->gid);

	*fault = ours || geteuid() == 0 ? FAULT_MODE : FAULT_OWNER;
	return ours && (st->st_mode & PERMISSIONS) == w->mode;
}

bool
modes_give(const struct want *w, int fd)
{
	enum fault fault;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (modes_fit(w, &st, &fault))
		return true;
	if (fault != FAULT_MODE || (S_ISREG(st.st_mode) && st.st_nlink > 1)) {
		errno = EPERM;
		return false;
	}
	/* The mode last: a change of the owner may clear some of it. */
	return (geteuid() != 0 || fchown(fd, w->uid, w->gid) == 0) &&
	       fchmod(fd, w->mode) == 0;
}

/* One thing of the table: its name in an open folder. */
struct thing {
	int parent;
	char name[MOVING_NAME];
	enum hier_kind kind;
	struct want want;
};

static mode_t
type_of(const struct thing *t)
{
	if (t->kind == HIER_FOLDER)
		return S_IFDIR;
	return t->kind == HIER_FIFO ? S_IFIFO : S_IFREG;
}

static int
open_thing(const struct thing *t)
{
	return openat(t->parent, t->name,
	    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
}

static bool
make(const struct thing *t)
{
	int fd;
	bool ok;

	if (t->kind == HIER_FOLDER)
		ok = mkdirat(t->parent, t->name, S_IRWXU) == 0;
	else
		ok = mkfifoat(t->parent, t->name, S_IRUSR | S_IWUSR) == 0;
	fd = ok ? open_thing(t) : -1;
	ok = fd >= 0 &&
	     (geteuid() != 0 || fchown(fd, t->want.uid, t->want.gid) == 0) &&
	     fchmod(fd, t->want.mode) == 0 &&
	     (t->kind != HIER_FOLDER || fsync(fd) == 0);
	fd_close(&fd);
	return ok && fsync(t->parent) == 0;
}

static bool
put_right(const struct thing *t)
{
	int fd = open_thing(t);
	bool ok = fd >= 0;

	/* A fifo has nothing to sync but its entry. */
	if (ok && t->kind == HIER_FIFO)
		ok = (geteuid() != 0 ||
			 fchown(fd, t->want.uid, t->want.gid) == 0) &&
		     fchmod(fd, t->want.mode) == 0 && fsync(t->parent) == 0;
	else if (ok)
		ok = modes_give(&t->want, fd) && fsync(fd) == 0;
	fd_close(&fd);
	return ok;
}

static bool
look_at(const struct thing *t, const char *path, struct findings *f)
{
	enum fault fault = FAULT_MISSING;
	struct stat st;

	if (fstatat(t->parent, t->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			fault = FAULT_UNREADABLE;
		else if (t->kind == HIER_MADE)
			return true;
	} else if ((st.st_mode & S_IFMT) != type_of(t)) {
		fault = FAULT_KIND;
	} else if (modes_fit(&t->want, &st, &fault)) {
		return true;
	}
	if (f != NULL)
		findings_add(f, fault, path, NULL);
	else if (fault == FAULT_MISSING)
		return make(t);
	else if (fault == FAULT_MODE)
		return put_right(t);
	return true;
}

/* path, below queue/, of at most two parts; "" is queue/ itself. */
static bool
at_path(struct thing *t, const struct survey *s, const char *path,
    struct findings *f)
{
	struct str name = str_of(path), first;
	const char *shown = path[0] == '\0' ? "." : path;
	bool ok;

	t->parent = s->queue;
	if (strchr(path, '/') != NULL && str_cut(&name, '/', &first)) {
		t->parent = openat(s->queue,
		    str_equal(first, str_of("mess")) ? "mess" : "info",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* One that is missing is said of itself. */
		if (t->parent < 0 && errno != ENOENT && f != NULL)
			findings_add(
			    f, FAULT_UNREADABLE, shown, strerror(errno));
		if (t->parent < 0)
			return f != NULL || errno == ENOENT;
	}
	ok = str_copy(t->name, sizeof(t->name),
		 name.len == 0 ? str_of(".") : name) &&
	     look_at(t, shown, f);
	if (t->parent != s->queue)
		fd_close(&t->parent);
	return ok;
}

static bool
split_folders(struct thing *t, const struct survey *s, const char *path,
    struct findings *f)
{
	char one[MOVING_PATH];
	bool ok = true;

	for (unsigned i = 0; ok && i < s->split; i++) {
		(void)snprintf(one, sizeof(one), "%.4s/%u", path, i);
		ok = at_path(t, s, one, f);
	}
	return ok;
}

bool
modes_rows(const struct modes *m, const struct survey *s, struct findings *f)
{
	bool ok = true;

	if (m->count == 0 && f != NULL)
		findings_add(f, FAULT_NO_TABLE, "../doc/hier", NULL);
	for (size_t i = 0; ok && i < m->count; i++) {
		const struct modes_row *r = &m->rows[i];
		struct thing t = {.kind = r->kind, .want = r->want};

		ok = str_ends(str_of(r->path), str_of("/SS"))
			 ? split_folders(&t, s, r->path, f)
			 : at_path(&t, s, r->path, f);
	}
	return ok;
}
