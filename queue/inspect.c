/* inspect: what is wrong in the queue; see inspect.h. */
#include "queue/inspect.h"

#include "lib/die.h"
#include "lib/fd.h"
#include "wire/journal.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JOURNAL_MOST = 1 << 28 }; /* bytes of a journal that are read */

struct inspection {
	const struct survey *survey;
	const struct modes *modes;
	struct findings *findings;
	bool bodies;
	struct buf journal; /* kept from one to the next */
};

static void
say(struct inspection *i, enum fault fault, const struct spot *at)
{
	char path[MOVING_PATH];

	spot_path(at, path);
	findings_add(i->findings, fault, path,
	    fault == FAULT_UNREADABLE ? strerror(errno) : NULL);
}

/* The right place of the message with this inode. */
static void
say_place(struct inspection *i, const struct spot *at, uint64_t ino)
{
	char path[MOVING_PATH], to[MOVING_PATH];

	spot_path(at, path);
	(void)snprintf(to, sizeof(to), "%llu/%llu",
	    (unsigned long long)(ino % i->survey->split),
	    (unsigned long long)ino);
	findings_add(i->findings, FAULT_PLACE, path, to);
}

static void
check_mode(struct inspection *i, const struct spot *at, const struct want *w,
    const struct stat *st)
{
	enum fault fault;

	if (!modes_fit(w, st, &fault))
		say(i, fault, at);
}

static void
check_sums(struct inspection *i, const struct spot *at, int fd,
    const struct message *m)
{
	if (!message_check_envelope(fd, m))
		say(i, errno == EPROTO ? FAULT_ENVELOPE : FAULT_UNREADABLE, at);
	if (!message_check_body(fd, m))
		say(i, errno == EPROTO ? FAULT_BODY : FAULT_UNREADABLE, at);
}

/* A file that could not be opened as one: what to say of it, if anything. */
static bool
say_head(struct inspection *i, const struct spot *at, enum head h)
{
	switch (h) {
	case HEAD_FINE:
	case HEAD_DAMAGED:
		return false;
	case HEAD_NONE: /* it has gone meanwhile */
		break;
	case HEAD_NO_FILE:
		say(i, FAULT_NO_FILE, at);
		break;
	case HEAD_TROUBLE:
		say(i, FAULT_UNREADABLE, at);
		break;
	}
	return true;
}

static void
message(void *context, const struct spot *at)
{
	struct inspection *i = context;
	struct message m;
	struct stat st;
	enum head h;
	int fd;

	findings_tick(i->findings);
	if (at->name.moving) {
		say(i, FAULT_MOVING, at);
		return;
	}
	h = survey_head(at->dir, at->text, &fd, &st, &m);
	if (say_head(i, at, h))
		return;
	i->findings->messages++;
	if (!name_fits(&at->name, at->folder, st.st_ino, i->survey->split))
		say_place(i, at, st.st_ino);
	check_mode(i, at, &i->modes->message, &st);
	if (h == HEAD_DAMAGED)
		say(i, FAULT_HEAD, at);
	else if (i->bodies)
		check_sums(i, at, fd, &m);
	fd_close(&fd);
}

/* Compare a journal with the message beside it. */
static void
compare(struct inspection *i, const struct spot *at, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN])
{
	int dir = survey_folder(i->survey->mess, at->folder), fd = -1;
	enum head h = HEAD_NONE;
	struct message m;
	struct stat st;

	if (dir >= 0)
		h = survey_head(dir, at->text, &fd, &st, &m);
	else if (errno != ENOENT)
		h = HEAD_TROUBLE;
	fd_close(&dir);
	fd_close(&fd);
	if (h == HEAD_FINE && memcmp(m.token, token, QUEUE_TOKEN) == 0) {
		if (ino != at->name.ino)
			say(i, FAULT_NUMBER, at);
		return;
	}
	if (h == HEAD_TROUBLE)
		say(i, FAULT_UNREADABLE, at);
	/* Stale, or its message is gone: a start of culver-send sees to it,
	 * where it looks. */
	if (h != HEAD_FINE && h != HEAD_NONE)
		return;
	if (at->folder == at->name.ino % i->survey->split)
		i->findings->left++;
	else
		say(i, FAULT_STRAY, at);
}

/* What is behind the last good line is cut off by culver-send. */
static void
check_lines(struct inspection *i, const struct spot *at, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN])
{
	struct journal j;
	struct journal_line line;
	size_t good = 0;

	if (!i->bodies)
		return;
	buf_clear(&i->journal);
	if (!fd_read_file(at->dir, at->text, &i->journal)) {
		if (errno != ENOENT)
			say(i, FAULT_UNREADABLE, at);
		return;
	}
	if (journal_open(&j, buf_str(&i->journal), ino, token) ==
	    JOURNAL_FINE) {
		while (journal_next(&j, &line))
			continue;
		good = j.good;
	}
	journal_close(&j);
	if (good < i->journal.len)
		i->findings->left++;
}

static void
journal(void *context, const struct spot *at)
{
	struct inspection *i = context;
	unsigned char token[QUEUE_TOKEN];
	struct stat st;
	uint64_t ino;
	size_t length;
	enum head h;
	int fd;

	findings_tick(i->findings);
	if (at->name.moving) {
		say(i, FAULT_MOVING, at);
		return;
	}
	h = survey_journal(at->dir, at->text, &fd, &ino, token, &length);
	if (say_head(i, at, h))
		return;
	i->findings->journals++;
	if (fstat(fd, &st) == 0)
		check_mode(i, at, &i->modes->journal, &st);
	fd_close(&fd);
	if (h == HEAD_DAMAGED) {
		i->findings->left++;
		return;
	}
	check_lines(i, at, ino, token);
	compare(i, at, ino, token);
}

/* Foreign names.  What a compaction left is culver-send's. */
static void
stray(void *context, const struct spot *at, const char *text, bool in_base)
{
	struct inspection *i = context;
	bool info = at->base == i->survey->info;
	char folder[MOVING_PATH], path[MOVING_PATH + NAME_MAX];

	if (in_base && !info && strcmp(text, "tmp") == 0)
		return;
	if (!in_base && info && strstr(text, ".tmp.") != NULL) {
		i->findings->left++;
		return;
	}
	spot_path(at, folder);
	if (in_base)
		(void)snprintf(path, sizeof(path), "%s/%s",
		    survey_base(i->survey, at->base), text);
	else
		(void)snprintf(path, sizeof(path), "%s/%s", folder, text);
	findings_add(i->findings, FAULT_STRAY, path, NULL);
}

static void
fault(void *context, const struct spot *at)
{
	struct inspection *i = context;

	say(i,
	    errno == ENOTDIR || errno == ELOOP ? FAULT_NO_FOLDER
					       : FAULT_UNREADABLE,
	    at);
}

void
inspect(const struct survey *s, const struct modes *m, struct findings *f,
    bool bodies)
{
	const struct walker mess = {message, stray, fault};
	const struct walker info = {journal, stray, fault};
	struct inspection i = {.survey = s,
	    .modes = m,
	    .findings = f,
	    .bodies = bodies,
	    .journal = {.max = JOURNAL_MOST}};
	struct stat st;

	if (fstatat(s->queue, "repairing", &st, AT_SYMLINK_NOFOLLOW) == 0)
		findings_add(f, FAULT_UNFINISHED, "repairing", NULL);
	else if (errno != ENOENT)
		findings_add(f, FAULT_UNREADABLE, "repairing", strerror(errno));
	if (!modes_rows(m, s, f))
		die_temp("unable to use doc/hier");
	survey_walk(s, s->mess, &mess, &i);
	survey_walk(s, s->info, &info, &i);
	buf_free(&i.journal);
}
