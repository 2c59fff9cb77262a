/* discover: hints and listings. */
#include "send/discover.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "send/qlog.h"
#include "send/sweep.h"
#include "wire/journal.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HINTS = 64, /* read at once */
};

bool
discover_open(
    struct discovery *d, struct schedule *s, unsigned split, int64_t longest)
{
	*d = (struct discovery){.schedule = s,
	    .split = split,
	    .longest = longest,
	    .early = true,
	    .listing = true,
	    .urgent = true};
	/* Writing, too: a fifo that nobody has open for writing is always
	 * readable, at its end. */
	d->hints = open(QUEUE_HINT, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return d->hints != -1;
}

void
discover_close(struct discovery *d)
{
	fd_close(&d->hints);
	if (d->dir != NULL)
		closedir(d->dir);
	d->dir = NULL;
}

/* List everything, from now. */
static void
ask(struct discovery *d, bool urgent)
{
	if (d->listing && (d->dir != NULL || d->folder > 0 || d->journals))
		d->again = true;
	d->listing = true;
	if (urgent)
		d->urgent = true;
}

static void
learn(
    struct discovery *d, uint64_t ino, const unsigned char *token, int64_t now)
{
	struct entry *e = schedule_find(d->schedule, ino);

	/* One that waits may be a newer message with its number: its turn
	 * tells, when the head is read.  One that is held has no turn. */
	if (e != NULL && (e->flags & ENTRY_HELD) != 0 &&
	    ((e->flags & ENTRY_KNOWN) == 0 ||
		memcmp(e->token, token, SCHEDULE_TOKEN) != 0))
		schedule_remove(d->schedule, e);
	else if (e != NULL)
		return;
	e = schedule_add(d->schedule, ino);
	if (e == NULL) {
		ask(d, false); /* the listing finds it, with more memory */
		return;
	}
	memcpy(e->token, token, SCHEDULE_TOKEN);
	e->flags = ENTRY_KNOWN | (d->early ? ENTRY_REPEAT : 0);
	schedule_unread(d->schedule, e, now, now);
}

void
discover_hints(struct discovery *d, int64_t now)
{
	char data[HINTS * QUEUE_HINT_SIZE];
	unsigned char token[QUEUE_TOKEN];
	uint64_t ino;
	ssize_t n;

	while ((n = read(d->hints, data, sizeof data)) > 0) {
		for (size_t at = 0; at < (size_t)n; at += QUEUE_HINT_SIZE) {
			if (at + QUEUE_HINT_SIZE > (size_t)n ||
			    !queue_hint_read(data + at, &ino, token)) {
				errno = 0;
				qlog_warning("malformed hint in", QUEUE_HINT);
				ask(d, true);
				break;
			}
			learn(d, ino, token, now);
		}
		if ((size_t)n < sizeof data)
			break;
	}
	d->early = false;
}

void
discover_rescan(struct discovery *d)
{
	if (unlink(QUEUE_RESCAN) == 0 || errno == ENOENT) {
		ask(d, true);
	} else if (!d->listing) {
		qlog_warning("unable to unlink", QUEUE_RESCAN);
		ask(d, false);
	}
}

/* How long a message found by listing is to wait: its journal's mtime, if it
 * has one and that is believable. */
static int64_t
wait_of(const struct discovery *d, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];
	struct stat st;

	queue_info_path(path, d->split, ino);
	if (stat(path, &st) == -1)
		return 0;
	return journal_due(&st.st_mtim, clock_wall(), d->longest);
}

static void
found_message(struct discovery *d, uint64_t ino, int64_t now)
{
	struct entry *e = schedule_find(d->schedule, ino);
	int64_t wait;

	if (e != NULL)
		return;
	e = schedule_add(d->schedule, ino);
	if (e == NULL) {
		d->partial = true; /* there may be memory then */
		return;
	}
	wait = wait_of(d, ino);
	e->flags = ENTRY_REPEAT | (wait > 0 ? ENTRY_STAMPED : 0);
	schedule_unread(d->schedule, e, now + wait, now);
}

/* INTERNALS 3, S4: its message is gone.  That must be on the disk before the
 * journal goes, or the message could come back without it. */
static void
found_journal(struct discovery *d, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];

	queue_mess_path(path, d->split, ino);
	if (schedule_find(d->schedule, ino) != NULL ||
	    access(path, F_OK) == 0 || errno != ENOENT)
		return;
	if (!d->synced) {
		(void)snprintf(path, sizeof path, QUEUE_MESS "/%u", d->folder);
		d->synced = fd_sync_folder(AT_FDCWD, path);
		if (!d->synced) {
			qlog_warning("trouble fsyncing", path);
			return;
		}
	}
	queue_info_path(path, d->split, ino);
	if (unlink(path) == -1 && errno != ENOENT)
		qlog_warning("unable to unlink", path);
}

/* Left by a compaction that a crash cut short. */
static void
found_stray(const struct discovery *d, const char *name)
{
	if (d->journals && strstr(name, ".tmp.") != NULL &&
	    unlinkat(dirfd(d->dir), name, 0) == -1 && errno != ENOENT)
		qlog_warning("unable to unlink", name);
}

static void
found(struct discovery *d, const char *name, int64_t now)
{
	uint64_t ino;

	if (name[0] == '.')
		return;
	if (!queue_name_parse(str_of(name), d->folder, d->split, &ino))
		found_stray(d, name);
	else if (d->journals)
		found_journal(d, ino);
	else
		found_message(d, ino, now);
}

static void
next_folder(struct discovery *d, int64_t now)
{
	struct log l;

	if (d->dir != NULL)
		closedir(d->dir);
	d->dir = NULL;
	if (++d->folder < d->split)
		return;
	d->folder = 0;
	d->journals = !d->journals;
	if (d->journals)
		return;
	sweep_tmp();
	sweep_pool();
	d->listing = d->again;
	d->urgent = d->urgent && d->again;
	d->next = now + (int64_t)(d->partial ? DISCOVER_SOON : DISCOVER_AGAIN) *
			    CLOCK_SECOND;
	d->again = d->partial = false;
	log_begin(&l, "listed");
	log_number(&l, "messages", schedule_count(d->schedule));
	log_end(&l);
}

static bool
open_folder(struct discovery *d)
{
	char path[QUEUE_PATH_SIZE];

	if (d->dir != NULL)
		return true;
	(void)snprintf(path, sizeof path, "%s/%u",
	    d->journals ? QUEUE_INFO : QUEUE_MESS, d->folder);
	d->dir = opendir(path);
	if (d->dir == NULL)
		qlog_warning("unable to opendir", path);
	return d->dir != NULL;
}

static const struct dirent *
next_entry(struct discovery *d)
{
	const struct dirent *entry;

	errno = 0;
	entry = readdir(d->dir);
	if (entry == NULL && errno != 0) {
		qlog_warning("unable to readdir", QUEUE_MESS);
		d->partial = true;
	}
	return entry;
}

void
discover_list(struct discovery *d, int64_t now)
{
	const struct dirent *entry = NULL;

	if (now >= d->next)
		d->listing = true;
	if (!d->listing)
		return;
	d->synced = false; /* there may have been removals since */
	if (!open_folder(d)) {
		d->partial = true;
		next_folder(d, now);
		return;
	}
	for (int i = 0; i < DISCOVER_PIECE; i++) {
		entry = next_entry(d);
		if (entry == NULL)
			break;
		found(d, entry->d_name, now);
	}
	if (entry == NULL)
		next_folder(d, now);
}

int64_t
discover_pause(const struct discovery *d)
{
	if (!d->listing)
		return CLOCK_SECOND;
	return d->urgent ? 0 : DISCOVER_PAUSE;
}
