/* record: the journal's writer. */
#include "send/record.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "send/history.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A hint: a start that does not find it reads the journal. */
static void
keep_next(int fd, int64_t next)
{
	int64_t now = clock_wall();
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	if (now < 0)
		now = 0;
	if (next < now)
		next = now;
	times[1] = journal_mtime(next, next - now);
	if (futimens(fd, times) == -1)
		errno = 0;
}

static bool
sync_folder(unsigned split, uint64_t ino)
{
	char folder[QUEUE_PATH_SIZE];

	(void)snprintf(
	    folder, sizeof folder, QUEUE_INFO "/%u", (unsigned)(ino % split));
	return fd_sync_folder(AT_FDCWD, folder);
}

/* The bytes go to where the undamaged ones end; after a write that failed they
 * are written again there, so that a sync that lied is never trusted. */
static bool
append(int fd, struct active *a, struct str bytes, int64_t next)
{
	if (ftruncate(fd, (off_t)a->journal_len) == -1 ||
	    !fd_pwrite_all(fd, bytes.data, bytes.len, (off_t)a->journal_len))
		return false;
	keep_next(fd, next);
	return fdatasync(fd) == 0;
}

static bool
with_first_line(struct active *a, struct buf *whole)
{
	whole->max = a->lines.max + JOURNAL_LINE;
	return journal_write_first(whole, a->entry->ino, a->message.token) &&
	       buf_append_str(whole, buf_str(&a->lines));
}

/* O_EXCL only while we do not know of a journal: one that is there then is
 * another message's, and record_flush says EEXIST. */
static int
open_journal(const struct active *a, const char *path)
{
	int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;

	if (!a->journal)
		flags |= O_CREAT | O_EXCL;
	return open(path, flags, 0640);
}

bool
record_flush(struct active *a, unsigned split, int64_t next)
{
	char path[QUEUE_PATH_SIZE];
	struct buf whole = {0};
	struct str bytes = buf_str(&a->lines);
	bool fresh = a->journal_len == 0, ok;
	int fd;

	if (a->lines.len == 0)
		return true;
	if (fresh) {
		if (!with_first_line(a, &whole)) {
			buf_free(&whole);
			return false;
		}
		bytes = buf_str(&whole);
	}
	queue_info_path(path, split, a->entry->ino);
	fd = open_journal(a, path);
	ok = fd != -1;
	if (ok) {
		a->journal = true;
		ok = append(fd, a, bytes, next) &&
		     (!fresh || sync_folder(split, a->entry->ino));
		fd_close(&fd);
	}
	a->stuck = !ok;
	if (ok) {
		a->journal_len += bytes.len;
		buf_clear(&a->lines);
		a->lines_since = 0;
	}
	buf_free(&whole);
	return ok;
}

/* Deferrals that a later line of the same recipient has overtaken say nothing
 * any more; nor does the tale of a crash. */
static bool
matters(const struct active *a, const struct journal_line *l)
{
	const struct recipient *r;

	if (l->event == JOURNAL_CRASH)
		return false;
	if (l->event != JOURNAL_DEFER || l->recipient >= a->count)
		return true;
	r = &a->recipients[l->recipient];
	return r->attempts == l->attempt &&
	       (r->state == RECIPIENT_TODO || r->state == RECIPIENT_FLYING);
}

static bool
filter(const struct active *a, struct str old, struct buf *out)
{
	struct journal j;
	struct journal_line l;
	bool ok = journal_write_first(out, a->entry->ino, a->message.token) &&
		  journal_open(&j, old, a->entry->ino, a->message.token) ==
		      JOURNAL_FINE;

	if (!ok)
		return false;
	while (ok && journal_next(&j, &l))
		ok = !matters(a, &l) || journal_write(out, &l);
	journal_close(&j);
	return ok;
}

/* The hint of the file that was replaced. */
static void
keep_times(const char *path, const struct stat *st)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};

	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == -1)
		errno = 0;
}

/* Of many recipients there is much to say: what did not shrink is tried again
 * when it would. */
bool
record_compact(struct active *a, unsigned split)
{
	char path[QUEUE_PATH_SIZE];
	struct buf old = {.max = HISTORY_MAX}, kept = {.max = HISTORY_MAX};
	struct stat st;
	bool ok;

	queue_info_path(path, split, a->entry->ino);
	ok = stat(path, &st) == 0 && fd_read_file(AT_FDCWD, path, &old) &&
	     filter(a, buf_str(&old), &kept);
	a->compact_at =
	    ok ? 2 * kept.len + 1 : a->journal_len + JOURNAL_COMPACT;
	if (ok && kept.len * 2 < a->journal_len) {
		ok = fd_replace_file(AT_FDCWD, path, buf_str(&kept), 0640);
		if (ok) {
			a->journal_len = kept.len;
			keep_times(path, &st);
		}
	}
	buf_free(&old);
	buf_free(&kept);
	return ok;
}
