/* carry: journals on the move; see carry.h. */
#include "queue/carry.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "wire/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 1 << 16 }; /* bytes copied at once */

/* A file of the queue by its name in a numbered folder. */
struct entry {
	int dir;   /* -1: it could not be opened, */
	int error; /* for this reason */
	char text[MOVING_NAME];
};

static struct entry
entry_open(int base, uint64_t folder, const struct name *n)
{
	struct entry e = {.dir = survey_folder(base, folder)};

	e.error = e.dir < 0 ? errno : 0;
	name_format(e.text, n);
	return e;
}

/* True: it can be looked for, or its folder is not there (*none).  Nothing else
 * may be taken for the absence of a file: false with errno. */
static bool
entry_look(const struct entry *e, bool *none)
{
	*none = e->dir < 0;
	errno = e->error;
	return e->dir >= 0 || e->error == ENOENT;
}

/* Its right place in base, by its inode. */
static struct entry
entry_right(const struct survey *s, int base, uint64_t ino)
{
	const struct name n = {.ino = ino};

	return entry_open(base, ino % s->split, &n);
}

/* Where a moving name came from. */
static struct entry
entry_old(int base, const struct name *moving)
{
	const struct name n = {.ino = moving->was};

	return entry_open(base, moving->folder, &n);
}

struct journal_file {
	int fd; /* -1: none */
	uint64_t ino;
	unsigned char token[QUEUE_TOKEN];
	size_t length; /* of its first line */
};

/* False with errno where it cannot be told whether there is one. */
static bool
journal_open_file(const struct entry *e, struct journal_file *j)
{
	enum head h = HEAD_NONE;
	bool none;

	j->fd = -1;
	if (!entry_look(e, &none))
		return false;
	if (!none)
		h = survey_journal(
		    e->dir, e->text, &j->fd, &j->ino, j->token, &j->length);
	if (h != HEAD_FINE)
		fd_close(&j->fd);
	return h != HEAD_TROUBLE;
}

/* The other has the same head, and what its head says of the rest is true. */
static bool
same_message(const struct carried *c, const struct entry *other, bool *same)
{
	char a[MESSAGE_HEAD], b[MESSAGE_HEAD];
	struct message m;
	struct stat st;
	enum head h;
	int fd;
	bool none;

	*same = false;
	if (!entry_look(other, &none))
		return false;
	if (none)
		return true;
	h = survey_head(other->dir, other->text, &fd, &st, &m);
	if (h == HEAD_FINE) {
		message_write(a, &c->message);
		message_write(b, &m);
		*same = st.st_ino != c->st.st_ino &&
			memcmp(a, b, sizeof(a)) == 0 &&
			message_check_envelope(fd, &m) &&
			message_check_body(fd, &m);
	}
	fd_close(&fd);
	return h != HEAD_TROUBLE;
}

/* The journal of the copy goes where the other's is there. */
static bool
drop_both(const struct carried *c, const struct entry *other)
{
	const struct spot *at = c->at;
	struct entry own = entry_open(at->survey->info, at->folder, &at->name);
	struct journal_file a = {.fd = -1}, b = {.fd = -1};
	bool ok = journal_open_file(&own, &a) && journal_open_file(other, &b);

	if (ok && a.fd >= 0 && b.fd >= 0 &&
	    memcmp(a.token, b.token, QUEUE_TOKEN) == 0)
		ok = unlinkat(own.dir, own.text, 0) == 0;
	fd_close(&a.fd);
	fd_close(&b.fd);
	fd_close(&own.dir);
	return ok && unlinkat(at->dir, at->text, 0) == 0;
}

bool
carry_drop_copy(const struct carried *c, bool *dropped)
{
	const struct survey *s = c->at->survey;
	const struct name *n = &c->at->name;
	struct entry others[] = {
	    entry_old(s->mess, n), entry_right(s, s->mess, n->ino)};
	struct entry journals[] = {
	    entry_old(s->info, n), entry_right(s, s->info, n->ino)};
	bool ok = true, same;

	*dropped = false;
	for (size_t i = 0; i < 2; i++) {
		if (ok && !*dropped && c->head == HEAD_FINE) {
			ok = same_message(c, &others[i], &same);
			*dropped = ok && same;
			if (*dropped)
				ok = drop_both(c, &journals[i]);
		}
		fd_close(&others[i].dir);
		fd_close(&journals[i].dir);
	}
	return ok;
}

/* It is this message's.  Of a damaged head any journal beside it is. */
static bool
is_own(const struct carried *c, const struct journal_file *j, bool beside)
{
	if (j->fd < 0)
		return false;
	return c->head == HEAD_FINE
		   ? memcmp(j->token, c->message.token, QUEUE_TOKEN) == 0
		   : beside;
}

/* The journal beside the message, or where an earlier name belonged, or where
 * its new name belongs; j->fd is -1 where none needs to be carried. */
static bool
find_journal(const struct carried *c, struct journal_file *j)
{
	const struct survey *s = c->at->survey;
	const struct name *n = &c->at->name;
	struct entry at[] = {entry_open(s->info, c->at->folder, n),
	    entry_right(s, s->info, n->moving ? n->ino : c->to.ino),
	    entry_right(s, s->info, c->to.ino)};
	bool ok = true;
	size_t i = 0;

	j->fd = -1;
	while (ok && i < 3) {
		ok = journal_open_file(&at[i], j);
		if (is_own(c, j, i == 0))
			break;
		fd_close(&j->fd);
		i++;
	}
	/* It is where it belongs already, with the right number. */
	if (j->fd >= 0 && j->ino == c->to.ino &&
	    strcmp(at[i].text, at[2].text) == 0 &&
	    (i > 0 || c->at->folder == c->to.ino % s->split))
		fd_close(&j->fd);
	for (i = 0; i < 3; i++)
		fd_close(&at[i].dir);
	return ok;
}

/* All that old has behind its first line. */
static bool
copy_rest(const struct journal_file *old, int fd, size_t at)
{
	char window[WINDOW];
	off_t from = (off_t)old->length, to = (off_t)at;
	ssize_t n;

	while ((n = pread(old->fd, window, sizeof(window), from)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !fd_pwrite_all(fd, window, (size_t)n, to))
			return false;
		from += n;
		to += n;
	}
	return true;
}

/* mtime is the next attempt, and comes along. */
static bool
fill(const struct journal_file *old, int fd, uint64_t ino, const struct want *w)
{
	struct buf first = {0};
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	struct stat st;
	bool ok;

	if (fstat(old->fd, &st) != 0)
		return false;
	times[1] = st.st_mtim;
	ok = journal_write_first(&first, ino, old->token) &&
	     fd_pwrite_all(fd, first.data, first.len, 0) &&
	     copy_rest(old, fd, first.len) &&
	     (geteuid() != 0 || fchown(fd, w->uid, w->gid) == 0) &&
	     fchmod(fd, w->mode) == 0 && futimens(fd, times) == 0;
	buf_free(&first);
	return ok;
}

bool
carry_journal(const struct carried *c, const struct want *w)
{
	const struct survey *s = c->at->survey;
	struct journal_file old;
	struct entry new;
	bool ok = find_journal(c, &old);
	int fd = -1;

	if (old.fd < 0)
		return ok;
	new = entry_open(s->info, c->to.ino % s->split, &c->to);
	/* Never written over: it may have its right name already. */
	ok = new.dir >= 0 &&
	     (unlinkat(new.dir, new.text, 0) == 0 || errno == ENOENT);
	if (ok)
		fd = openat(new.dir, new.text,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && fill(&old, fd, c->to.ino, w);
	fd_close(&fd);
	fd_close(&new.dir);
	fd_close(&old.fd);
	return ok;
}

bool
carry_drop_journal(const struct spot *at)
{
	struct entry e = entry_open(at->survey->info, at->folder, &at->name);
	bool none, ok = entry_look(&e, &none);

	if (ok && !none)
		ok = unlinkat(e.dir, e.text, 0) == 0 || errno == ENOENT;
	fd_close(&e.dir);
	return ok;
}

/* The message that has the moving name, or its right one by now. */
static bool
find_message(
    const struct spot *at, enum head *h, struct stat *st, struct message *m)
{
	const struct survey *s = at->survey;
	struct entry tries[] = {entry_open(s->mess, at->folder, &at->name),
	    entry_right(s, s->mess, at->name.ino)};
	bool ok = true, none;
	int fd = -1;

	*h = HEAD_NONE;
	for (size_t i = 0; i < 2; i++) {
		if (ok && *h == HEAD_NONE) {
			ok = entry_look(&tries[i], &none);
			if (ok && !none)
				*h = survey_head(
				    tries[i].dir, tries[i].text, &fd, st, m);
		}
		fd_close(&tries[i].dir);
	}
	fd_close(&fd);
	return ok && *h != HEAD_TROUBLE;
}

/* The journal speaks of that message. */
static bool
has_message(const struct spot *at, const struct journal_file *j, bool *has)
{
	struct message m;
	struct stat st;
	enum head h;

	*has = false;
	if (!find_message(at, &h, &st, &m))
		return false;
	if (h == HEAD_FINE || h == HEAD_DAMAGED)
		*has = st.st_ino == at->name.ino && j->ino == at->name.ino &&
		       (h == HEAD_DAMAGED ||
			   memcmp(m.token, j->token, QUEUE_TOKEN) == 0);
	return true;
}

/* Unlink e where it is a journal with j's token, and not the file not_this. */
static bool
unlink_journal(
    const struct entry *e, const struct journal_file *j, uint64_t not_this)
{
	struct journal_file old;
	struct stat st;
	bool ok = journal_open_file(e, &old);

	if (old.fd >= 0 && memcmp(old.token, j->token, QUEUE_TOKEN) == 0)
		ok = fstat(old.fd, &st) == 0 &&
		     (st.st_ino == not_this ||
			 unlinkat(e->dir, e->text, 0) == 0);
	fd_close(&old.fd);
	return ok;
}

/* Its right name is its own alone: what has it is of nobody, or was carried
 * away before (Q3). */
static bool
give_name(const struct spot *at, const struct entry *right, uint64_t ino)
{
	struct stat st;

	if (fstatat(right->dir, right->text, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (st.st_ino == ino)
			return true;
		if (unlinkat(right->dir, right->text, 0) != 0)
			return false;
	} else if (errno != ENOENT) {
		return false;
	}
	return linkat(at->dir, at->text, right->dir, right->text, 0) == 0;
}

/* Open the journal at a moving name; *has tells whether it is of a message. */
static bool
open_moving(const struct spot *at, struct journal_file *j, bool *has)
{
	struct entry own = {.dir = at->dir};

	*has = false;
	name_format(own.text, &at->name);
	if (!journal_open_file(&own, j))
		return false;
	if (j->fd < 0 || at->folder != at->name.ino % at->survey->split)
		return true;
	return has_message(at, j, has);
}

bool
carry_settle(const struct spot *at)
{
	const struct survey *s = at->survey;
	struct entry right = entry_right(s, s->info, at->name.ino);
	struct entry old = entry_old(s->info, &at->name);
	struct journal_file j;
	struct stat st;
	bool has, none, ok = open_moving(at, &j, &has);

	if (ok && has)
		ok = entry_look(&right, &none) && !none &&
		     fstat(j.fd, &st) == 0 &&
		     unlink_journal(&old, &j, st.st_ino) &&
		     give_name(at, &right, st.st_ino);
	fd_close(&j.fd);
	fd_close(&right.dir);
	fd_close(&old.dir);
	return ok;
}

bool
carry_end(const struct spot *at)
{
	struct entry right =
	    entry_right(at->survey, at->survey->info, at->name.ino);
	struct journal_file j, settled = {.fd = -1};
	bool has, ok = open_moving(at, &j, &has);

	if (ok && has) {
		ok = journal_open_file(&right, &settled);
		/* A message may have had two moving names, and so two. */
		if (ok &&
		    (settled.fd < 0 || settled.ino != j.ino ||
			memcmp(settled.token, j.token, QUEUE_TOKEN) != 0)) {
			errno = EPROTO;
			ok = false;
		}
	}
	fd_close(&settled.fd);
	fd_close(&right.dir);
	fd_close(&j.fd);
	return ok && (unlinkat(at->dir, at->text, 0) == 0 || errno == ENOENT);
}
