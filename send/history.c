/* history: the journal, replayed. */
#include "send/history.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "send/owed.h"
#include "send/retry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* From an attempt to the next one: whole seconds, rounded up. */
static uint32_t
pause_of(const struct journal_line *l)
{
	int64_t pause = l->next > l->at ? l->next - l->at : 0;

	pause = (pause + CLOCK_SECOND - 1) / CLOCK_SECOND;
	return pause > RECIPIENT_PAUSE ? RECIPIENT_PAUSE : (uint32_t)pause;
}

static bool
settle(struct active *a, const struct journal_line *l, enum recipient_state s)
{
	struct recipient *r = active_recipient(a, l->recipient);

	if (r == NULL)
		return false;
	r->state = s & 3;
	r->attempts = l->attempt & 0xffffff;
	r->next = l->next - a->offset;
	r->pause = pause_of(l) & RECIPIENT_PAUSE;
	r->owes = l->event == JOURNAL_OK && l->act != JOURNAL_ACT_NONE;
	if (l->told)
		r->told = true;
	return true;
}

bool
history_apply(struct active *a, const struct journal_line *l)
{
	switch (l->event) {
	case JOURNAL_OK:
		return settle(a, l, RECIPIENT_OK);
	case JOURNAL_DEFER:
		return settle(a, l, RECIPIENT_TODO);
	case JOURNAL_FAIL:
		a->untold = true;
		return settle(a, l, RECIPIENT_FAILED);
	case JOURNAL_BOUNCE:
		owed_told(a, BOUNCE_FAILED);
		break;
	case JOURNAL_SUCCESS:
		owed_told(a, BOUNCE_SUCCESS);
		break;
	case JOURNAL_DELAY:
		owed_told(a, BOUNCE_DELAYED);
		break;
	case JOURNAL_HOLD:
		a->held = true;
		break;
	case JOURNAL_RELEASE:
		a->held = false;
		break;
	case JOURNAL_DONE:
		a->done = true;
		break;
	case JOURNAL_CRASH:
	case JOURNAL_EVENT_COUNT:
		break;
	}
	return true;
}

static bool
waits(const struct recipient *r)
{
	return r->state == RECIPIENT_TODO && r->attempts > 0;
}

/* INTERNALS 5, "Time": where the wall clock has been set since the stamps were
 * made, the turn to be read says when the first of them is due, and with it the
 * others.  One that lies further ahead than it was to wait is due now. */
static void
set_right(struct active *a, int64_t now)
{
	int64_t first = INT64_MAX, shift = 0;

	for (uint32_t i = 0; i < a->count; i++)
		if (waits(&a->recipients[i]) && a->recipients[i].next < first)
			first = a->recipients[i].next;
	if ((a->entry->flags & ENTRY_STAMPED) != 0 && first != INT64_MAX)
		shift = schedule_due(a->entry) - first;
	for (uint32_t i = 0; i < a->count; i++) {
		struct recipient *r = &a->recipients[i];
		if (!waits(r))
			continue;
		r->next += shift;
		if (r->next > now)
			r->next =
			    now + retry_wait(r->next, now,
				      ((int64_t)r->pause + 1) * CLOCK_SECOND);
	}
}

static bool
replay(struct active *a, struct str all, bool *ours)
{
	struct journal j;
	struct journal_line l;
	bool ok = true;

	*ours = journal_open(&j, all, a->entry->ino, a->message.token) ==
		JOURNAL_FINE;
	while (ok && *ours && journal_next(&j, &l))
		ok = history_apply(a, &l);
	a->journal = *ours;
	a->journal_len = *ours ? j.good : 0;
	if (*ours && !a->turn)
		set_right(a, clock_boot());
	journal_close(&j);
	return ok;
}

/* INTERNALS 3, S1e and S1s. */
static bool
remove_stranger(const char *path, unsigned split, uint64_t ino)
{
	char folder[QUEUE_PATH_SIZE];

	if (unlink(path) == -1 && errno != ENOENT)
		return false;
	(void)snprintf(
	    folder, sizeof folder, QUEUE_INFO "/%u", (unsigned)(ino % split));
	return fd_sync_folder(AT_FDCWD, folder);
}

bool
history_read(struct active *a, unsigned split)
{
	char path[QUEUE_PATH_SIZE];
	struct buf all = {.max = HISTORY_MAX};
	bool ours = true, ok;

	queue_info_path(path, split, a->entry->ino);
	ok = fd_read_file(AT_FDCWD, path, &all);
	if (ok)
		ok = replay(a, buf_str(&all), &ours);
	else if (errno == ENOENT)
		ok = true;
	if (ok && !ours)
		ok = remove_stranger(path, split, a->entry->ino);
	buf_free(&all);
	return ok;
}
