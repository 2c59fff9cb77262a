/* mend: names on the move; see mend.h.  Q1 to Q11 are the steps of
 * doc/INTERNALS, 7, which says why each comes where it does. */
#define _GNU_SOURCE /* syncfs */
#include "queue/mend.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "queue/carry.h"
#include "queue/retell.h"
#include "wire/queue.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MARKER_MODE = 0644, LOCK_MODE = 0600 };

static const char lock_name[] = "lock", marker_name[] = "repairing";

/* What the visits of one walk share. */
struct mend {
	const struct survey *survey;
	const struct modes *modes;
};

NO_RETURN static void
give_up(const char *what, const struct spot *at)
{
	char path[MOVING_PATH];

	spot_path(at, path);
	die_temp("unable to ", what, " queue/", path,
	    "; run culver queue check --repair again");
}

static void
trouble(void *context, const struct spot *at)
{
	(void)context;
	give_up("list", at);
}

static void
walk(struct mend *m, int base, void (*name)(void *, const struct spot *))
{
	const struct walker w = {name, NULL, trouble};

	survey_walk(m->survey, base, &w, m);
}

static void
sync_all(const struct survey *s, int base)
{
	if (!survey_sync(s, base))
		die_temp("unable to fsync queue/", survey_base(s, base),
		    "; run culver queue check --repair again");
}

static void
sync_everything(const struct survey *s)
{
	if (syncfs(s->queue) != 0)
		die_temp("unable to sync the queue's file system");
}

static void
sync_file(const struct spot *at)
{
	int fd = openat(at->dir, at->text,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 ? errno != ENOENT && errno != EACCES && errno != ELOOP
		   : fsync(fd) != 0)
		give_up("fsync", at);
	fd_close(&fd);
}

static void
sync_moving(void *context, const struct spot *at)
{
	if (at->name.moving)
		sync_file(at);
	(void)context;
}

static void
sync_queue(const struct survey *s)
{
	if (fsync(s->queue) != 0)
		die_temp("unable to fsync queue");
}

/* Made as culver-send would make it. */
static int
open_lock(const struct survey *s, const struct modes *m)
{
	struct want want = m->journal;
	int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(s->queue, lock_name, flags);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	want.mode = LOCK_MODE;
	fd = openat(s->queue, lock_name, flags | O_CREAT | O_EXCL, want.mode);
	if (fd >= 0 && !modes_give(&want, fd))
		fd_close(&fd);
	return fd;
}

void
mend_lock(const struct survey *s, const struct modes *m)
{
	int fd = open_lock(s, m);

	if (fd < 0)
		die_temp("unable to open " QUEUE_LOCK);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return;
	if (errno != EWOULDBLOCK)
		die_temp("unable to lock " QUEUE_LOCK);
	errno = 0;
	die_temp("the queue is in use: end culver-send first (culver stop)");
}

/* Q1.  From here on culver-send does not start. */
static void
mark(const struct survey *s)
{
	static const char text[] =
	    "A repair moves names; culver queue check --repair ends it.\n";
	int fd = openat(s->queue, marker_name,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MARKER_MODE);

	if (fd < 0 || !fd_pwrite_all(fd, text, sizeof(text) - 1, 0) ||
	    fsync(fd) != 0)
		die_temp("unable to write " QUEUE_REPAIRING);
	fd_close(&fd);
	sync_queue(s);
}

/* True: dir/name is there, the file with this inode. */
static bool
is_file(int dir, const char *name, uint64_t ino)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return st.st_ino == ino;
	if (errno != ENOENT)
		die_temp("unable to look at ", name, " in the queue");
	return false;
}

/* Give the file at the moving name to in its folder of mess/. */
static void
link_moving(const struct mend *m, const struct spot *at, const struct name *to)
{
	int dir = survey_folder(m->survey->mess, to->ino % m->survey->split);
	char text[MOVING_NAME];
	bool ok;

	name_format(text, to);
	ok = dir >= 0 &&
	     (linkat(at->dir, at->text, dir, text, 0) == 0 || errno == EEXIST);
	if (!ok || !is_file(dir, text, to->ino))
		give_up("link", at);
	fd_close(&dir);
}

/* Q2 for one name in mess/. */
static void
prepare(void *context, const struct spot *at)
{
	const struct mend *m = context;
	struct carried c = {.at = at};
	bool fits, dropped = false;

	c.head = survey_head(at->dir, at->text, &c.fd, &c.st, &c.message);
	if (c.head == HEAD_NONE)
		return;
	if (c.fd < 0)
		give_up("read", at);
	fits = name_fits(&at->name, at->folder, c.st.st_ino, m->survey->split);
	c.to = name_moving(&at->name, at->folder, c.st.st_ino);
	if (!fits && at->name.moving && !carry_drop_copy(&c, &dropped))
		give_up("unlink the copy", at);
	/* One that fits and moves is on its way, from a run before this. */
	if (!dropped && (!fits || !at->name.moving)) {
		if (!carry_journal(&c, &m->modes->journal))
			give_up("copy the journal of", at);
		if (!fits)
			link_moving(m, at, &c.to);
	}
	fd_close(&c.fd);
}

/* Q4 for one name in mess/. */
static void
release(void *context, const struct spot *at)
{
	const struct mend *m = context;
	struct stat st;
	struct name to;
	char text[MOVING_NAME];
	int dir;

	if (fstatat(at->dir, at->text, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return;
		give_up("look at", at);
	}
	if (name_fits(&at->name, at->folder, st.st_ino, m->survey->split))
		return;
	to = name_moving(&at->name, at->folder, st.st_ino);
	name_format(text, &to);
	dir = survey_folder(m->survey->mess, to.ino % m->survey->split);
	errno = 0;
	if (dir < 0 || !is_file(dir, text, st.st_ino) ||
	    unlinkat(at->dir, at->text, 0) != 0)
		give_up("unlink", at);
	fd_close(&dir);
	if (at->name.moving && !carry_drop_journal(at))
		give_up("unlink the journal of", at);
}

/* Q6 for one name in info/. */
static void
settle_journal(void *context, const struct spot *at)
{
	(void)context;
	if (at->name.moving && !carry_settle(at))
		give_up("settle", at);
}

/* Q8 for one name in mess/. */
static void
settle_message(void *context, const struct spot *at)
{
	const struct name plain = {.ino = at->name.ino};
	char text[MOVING_NAME];

	if (!at->name.moving || !is_file(at->dir, at->text, at->name.ino))
		return;
	name_format(text, &plain);
	if (linkat(at->dir, at->text, at->dir, text, 0) != 0 &&
	    (errno != EEXIST || !is_file(at->dir, text, at->name.ino)))
		give_up("link", at);
	(void)context;
}

/* Q10 for one name in mess/. */
static void
drop_moving(void *context, const struct spot *at)
{
	const struct name plain = {.ino = at->name.ino};
	char text[MOVING_NAME];

	name_format(text, &plain);
	if (at->name.moving && is_file(at->dir, at->text, plain.ino) &&
	    is_file(at->dir, text, plain.ino) &&
	    unlinkat(at->dir, at->text, 0) != 0)
		give_up("unlink", at);
	(void)context;
}

/* Q10 for one name in info/: it is settled, or of no message (S4). */
static void
drop_journal(void *context, const struct spot *at)
{
	if (at->name.moving && !carry_end(at))
		give_up("unlink", at);
	(void)context;
}

void
mend_names(const struct survey *s, const struct modes *modes)
{
	struct mend m = {.survey = s, .modes = modes};

	mark(s);                        /* Q1 */
	walk(&m, s->mess, prepare);     /* Q2 */
	walk(&m, s->info, sync_moving); /* Q3 */
	sync_all(s, s->info);
	sync_all(s, s->mess);
	walk(&m, s->mess, release);        /* Q4 */
	sync_all(s, s->mess);              /* Q5 */
	walk(&m, s->info, settle_journal); /* Q6 */
	sync_all(s, s->info);              /* Q7 */
	walk(&m, s->mess, settle_message); /* Q8 */
	sync_all(s, s->mess);              /* Q9 */
	if (!retell(s))
		die_temp("unable to write " QUEUE_TRYING
			 "; run culver queue check --repair again");
	walk(&m, s->mess, drop_moving); /* Q10 */
	walk(&m, s->info, drop_journal);
	sync_all(s, s->mess);
	sync_all(s, s->info);
}

static void
give(const struct spot *at, const struct want *w)
{
	int fd;

	if (at->name.moving)
		return;
	fd = openat(at->dir, at->text,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	/* What may not be mended is a finding that is left. */
	if (fd < 0 || (!modes_give(w, fd) && errno != EPERM)) {
		if (errno != ENOENT && errno != EACCES && errno != ELOOP)
			give_up("give its owner and mode to", at);
	}
	fd_close(&fd);
}

static void
give_message(void *context, const struct spot *at)
{
	const struct mend *m = context;

	give(at, &m->modes->message);
}

static void
give_journal(void *context, const struct spot *at)
{
	const struct mend *m = context;

	give(at, &m->modes->journal);
}

/* Second names of messages whose owner or mode may have to be given, and what
 * is free: the queue does without either. */
static void
forget_pool(const struct survey *s)
{
	int fd = openat(
	    s->queue, "pool", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (dir == NULL) {
		if (errno != ENOENT)
			die_temp("unable to list " QUEUE_POOL);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.' &&
		    unlinkat(dirfd(dir), e->d_name, 0) != 0 && errno != ENOENT)
			die_temp("unable to unlink " QUEUE_POOL "/", e->d_name);
	(void)closedir(dir);
}

void
mend_modes(const struct survey *s, const struct modes *modes)
{
	struct mend m = {.survey = s, .modes = modes};

	forget_pool(s);
	walk(&m, s->mess, give_message);
	walk(&m, s->info, give_journal);
	sync_everything(s);
}

void
mend_finish(const struct survey *s)
{
	if (unlinkat(s->queue, marker_name, 0) != 0 && errno != ENOENT)
		die_temp("unable to unlink " QUEUE_REPAIRING);
	sync_queue(s);
}
