/* removal: unlink, sync the folder, and only then unlink the journal and let
 * the file be used again. */
#include "send/removal.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "send/qlog.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
removal_init(struct removal *r, unsigned split)
{
	*r = (struct removal){.split = split};
	r->dirty = calloc(split, 1);
	return r->dirty != NULL && spare_open(&r->spare);
}

void
removal_free(struct removal *r)
{
	spare_close(&r->spare);
	free(r->dirty);
	free(r->journals);
	*r = (struct removal){.split = 0};
}

static bool
reserve(struct removal *r)
{
	size_t cap = r->cap * 2 + 64;
	uint64_t *grown;

	if (r->count < r->cap)
		return true;
	grown = realloc(r->journals, cap * sizeof *grown);
	if (grown == NULL)
		return false;
	r->journals = grown;
	r->cap = cap;
	return true;
}

bool
removal_add(struct removal *r, const struct removed *m, int64_t now)
{
	uint64_t ino = m->file.ino;
	char path[QUEUE_PATH_SIZE];

	if (m->journal && !reserve(r))
		return false;
	queue_mess_path(path, r->split, ino);
	if (!spare_take(&r->spare, path, &m->file)) {
		qlog_warning("unable to unlink", path);
		return false;
	}
	r->dirty[ino % r->split] = 1;
	if (m->journal)
		r->journals[r->count++] = ino;
	if (!r->pending) {
		r->pending = true;
		r->due = now + REMOVAL_WAIT;
	}
	return true;
}

static void
sync_folder(struct removal *r, unsigned folder)
{
	char path[QUEUE_PATH_SIZE];

	(void)snprintf(path, sizeof path, QUEUE_MESS "/%u", folder);
	if (fd_sync_folder(AT_FDCWD, path))
		r->dirty[folder] = 0;
	else
		qlog_warning("trouble fsyncing", path);
}

/* False when the journal is to be tried again.  Where there is a message, the
 * number is another's by now, and so is the journal: a writer takes no number
 * whose journal is there. */
static bool
unlink_journal(const struct removal *r, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];

	if (r->dirty[ino % r->split])
		return false;
	queue_mess_path(path, r->split, ino);
	if (access(path, F_OK) == 0)
		return true;
	queue_info_path(path, r->split, ino);
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	qlog_warning("unable to unlink", path);
	return false;
}

void
removal_run(struct removal *r, int64_t now)
{
	size_t kept = 0;

	if (!r->pending || r->split == 0 || now < r->due)
		return;
	r->pending = false;
	for (unsigned i = 0; i < r->split; i++) {
		if (r->dirty[i])
			sync_folder(r, i);
		if (r->dirty[i])
			r->pending = true;
	}
	for (size_t i = 0; i < r->count; i++)
		if (!unlink_journal(r, r->journals[i]))
			r->journals[kept++] = r->journals[i];
	r->count = kept;
	spare_offer(&r->spare, r->split, r->dirty);
	if (kept > 0)
		r->pending = true;
	r->due = now + CLOCK_SECOND;
}
