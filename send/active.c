/* active: what culver-send knows of a message while it works on it. */
#include "send/active.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "send/history.h"
#include "wire/envelope.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 1 << 26 }; /* bytes of journal lines held back */

struct recipient *
active_recipient(struct active *a, uint32_t number)
{
	struct recipient *grown;
	uint32_t cap = a->cap == 0 ? 1 : a->cap;

	if (number >= ENVELOPE_RECIPIENTS)
		return NULL;
	while (cap <= number)
		cap *= 2;
	if (cap > a->cap) {
		grown = realloc(a->recipients, cap * sizeof *grown);
		if (grown == NULL)
			return NULL;
		memset(grown + a->cap, 0, (cap - a->cap) * sizeof *grown);
		a->recipients = grown;
		a->cap = cap;
	}
	for (; a->count <= number; a->count++)
		a->recipients[a->count].part = SCHEDULE_NONE;
	return &a->recipients[number];
}

bool
active_note(struct active *a, const struct journal_line *line, int64_t now)
{
	if (!journal_write(&a->lines, line))
		return false;
	if (a->lines_since == 0)
		a->lines_since = now;
	return true;
}

int64_t
active_next(const struct active *a)
{
	int64_t next = INT64_MAX;

	for (uint32_t i = 0; i < a->count; i++) {
		const struct recipient *r = &a->recipients[i];
		if (r->state != RECIPIENT_OK && r->state != RECIPIENT_FAILED &&
		    r->next < next)
			next = r->next;
	}
	return next;
}

void
active_free(struct active *a)
{
	if (a == NULL)
		return;
	fd_close(&a->fd);
	free(a->recipients);
	free(a->order);
	free(a->shares);
	buf_free(&a->lines);
	buf_free(&a->sender);
	buf_free(&a->customer);
	free(a);
}

/* A number that was given to another message since the entry was made. */
static void
adopt(struct entry *e, const struct message *m)
{
	if ((e->flags & ENTRY_KNOWN) != 0 &&
	    memcmp(e->token, m->token, SCHEDULE_TOKEN) != 0)
		e->flags = ENTRY_REPEAT | (e->flags & ENTRY_FORCE);
	memcpy(e->token, m->token, SCHEDULE_TOKEN);
	e->flags |= ENTRY_KNOWN;
}

static enum active_result
open_message(struct active *a, unsigned split, uid_t owner)
{
	char path[QUEUE_PATH_SIZE];

	queue_mess_path(path, split, a->entry->ino);
	a->fd = message_open(path, owner, &a->message);
	if (a->fd == -1) {
		if (errno == ENOENT)
			return ACTIVE_GONE;
		return errno == EPROTO || errno == EPERM || errno == ELOOP
			   ? ACTIVE_DAMAGED
			   : ACTIVE_TROUBLE;
	}
	adopt(a->entry, &a->message);
	return ACTIVE_OK;
}

/* What was found by listing, or is tried again, is looked at more closely. */
static enum active_result
check_repeat(struct active *a, unsigned split)
{
	if (!message_check_envelope(a->fd, &a->message))
		return errno == EPROTO ? ACTIVE_DAMAGED : ACTIVE_TROUBLE;
	if (!history_read(a, split))
		return ACTIVE_TROUBLE;
	return ACTIVE_OK;
}

/* A hint may come late: found by a listing, the message was tried before, and
 * by a culver-send that is no more. */
static bool
has_journal(const struct entry *e, unsigned split)
{
	char path[QUEUE_PATH_SIZE];

	queue_info_path(path, split, e->ino);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

enum active_result
active_load(struct active **out, struct entry *e, bool turn, unsigned split,
    uid_t owner)
{
	struct active *a = calloc(1, sizeof *a);
	enum active_result r;

	*out = NULL;
	if (a == NULL)
		return ACTIVE_TROUBLE;
	a->fd = -1;
	a->entry = e;
	a->turn = turn;
	a->offset = clock_wall() - clock_boot();
	a->lines.max = LINES_MAX;
	r = open_message(a, split, owner);
	if (r == ACTIVE_OK && (e->flags & ENTRY_REPEAT) == 0 &&
	    has_journal(e, split))
		e->flags |= ENTRY_REPEAT;
	if (r == ACTIVE_OK && (e->flags & ENTRY_REPEAT) != 0)
		r = check_repeat(a, split);
	if (r == ACTIVE_OK) {
		*out = a;
	} else {
		int saved = errno;
		active_free(a);
		errno = saved;
	}
	return r;
}
