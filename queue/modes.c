/* modes: owners, groups and modes of the queue; see modes.h. */
#include "queue/modes.h"

#include "control/hier.h"
#include "lib/account.h"
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

bool
modes_open(struct modes *m)
{
	gid_t own, group;

	*m = (struct modes){.hier = {.max = TABLE_MOST}};
	if (!account_find(ACCOUNT_QUEUE, &m->message.uid, &own) ||
	    !account_find(ACCOUNT_SEND, &m->journal.uid, &own) ||
	    !account_group(GROUP_MESSAGES, &group))
		return false;
	m->message.gid = m->journal.gid = group;
	m->message.mode = m->journal.mode = FILE_MODE;
	m->lock = m->trying = m->journal;
	m->lock.mode = LOCK_MODE;
	return fd_read_file(AT_FDCWD, "doc/hier", &m->hier) || errno == ENOENT;
}

void
modes_close(struct modes *m)
{
	buf_free(&m->hier);
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
	       fchmod(fd, w->mode) == 0 && fsync(fd) == 0;
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
		ok = modes_give(&t->want, fd);
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
at_path(struct thing *t, const struct survey *s, struct str path,
    struct findings *f)
{
	struct str name = path, first = {"", 0};
	char shown[MOVING_PATH];
	bool ok;

	t->parent = s->queue;
	if (str_find(path, '/') < path.len) {
		if (!str_cut(&name, '/', &first))
			return true;
		t->parent = openat(s->queue,
		    str_equal(first, str_of("mess")) ? "mess" : "info",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (t->parent < 0)
			return true; /* which is said of its folder */
	}
	(void)str_copy(
	    t->name, sizeof(t->name), path.len == 0 ? str_of(".") : name);
	ok = str_copy(
		 shown, sizeof(shown), path.len == 0 ? str_of(".") : path) &&
	     look_at(t, shown, f);
	if (t->parent != s->queue)
		fd_close(&t->parent);
	return ok;
}

static bool
split_folders(struct thing *t, const struct survey *s, struct str path,
    struct findings *f)
{
	char one[MOVING_PATH];
	bool ok = true;

	path.len -= 2; /* "SS" */
	for (unsigned i = 0; ok && i < s->split; i++) {
		(void)snprintf(
		    one, sizeof(one), "%.*s%u", (int)path.len, path.data, i);
		ok = at_path(t, s, str_of(one), f);
	}
	return ok;
}

static bool
made_files(const struct modes *m, const struct survey *s, struct findings *f)
{
	struct thing lock = {.kind = HIER_MADE, .want = m->lock};
	struct thing trying = {.kind = HIER_MADE, .want = m->trying};

	return at_path(&lock, s, str_of("lock"), f) &&
	       at_path(&trying, s, str_of("trying"), f);
}

/* The part of a row's path below queue/; false where it is not of the queue. */
static bool
below_queue(struct str *path)
{
	struct str first;

	return str_cut(path, '/', &first) && str_equal(first, str_of("queue"));
}

bool
modes_rows(const struct modes *m, const struct survey *s, struct findings *f)
{
	struct str rest = buf_str(&m->hier), path;
	struct hier_row row;
	bool bad = false, ok = true;

	if (rest.len == 0 && f != NULL)
		findings_add(f, FAULT_NO_TABLE, "../doc/hier", NULL);
	while (ok && hier_next(&rest, &row, &bad)) {
		struct thing t = {.kind = row.kind, .want.mode = row.mode};

		path = row.path;
		if (!below_queue(&path))
			continue;
		if (!hier_owner(&row, &t.want.uid, &t.want.gid))
			return false;
		ok = str_ends(path, str_of("/SS"))
			 ? split_folders(&t, s, path, f)
			 : at_path(&t, s, path, f);
	}
	if (bad) {
		errno = EPROTO;
		return false;
	}
	return ok && made_files(m, s, f);
}
