/* noticelist: a journal is gone through twice: to learn which line of each
 * recipient counts, and to take those. */
#include "send/noticelist.h"

#include "wire/envelope.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* For each recipient the number of the line that counts; 0: none does. */
struct marks {
	uint32_t *line;
	size_t count;
};

static bool
grow_marks(struct marks *m, uint32_t recipient)
{
	size_t count = m->count == 0 ? 64 : m->count;
	uint32_t *line;

	while (count <= recipient)
		count *= 2;
	if (count == m->count)
		return true;
	line = realloc(m->line, count * sizeof(*line));
	if (line == NULL)
		return false;
	memset(line + m->count, 0, (count - m->count) * sizeof(*line));
	m->line = line;
	m->count = count;
	return true;
}

/* The event that says: a notice of this kind was queued. */
static enum journal_event
told_event(enum bounce_kind kind)
{
	switch (kind) {
	case BOUNCE_SUCCESS:
		return JOURNAL_SUCCESS;
	case BOUNCE_DELAYED:
		return JOURNAL_DELAY;
	case BOUNCE_FAILED:
	case BOUNCE_NONE:
		break;
	}
	return JOURNAL_BOUNCE;
}

static bool
counts(enum bounce_kind kind, const struct journal_line *l)
{
	switch (kind) {
	case BOUNCE_SUCCESS:
		return l->event == JOURNAL_OK && l->act != JOURNAL_ACT_NONE;
	case BOUNCE_DELAYED:
		return l->event == JOURNAL_DEFER && !l->told;
	case BOUNCE_FAILED:
	case BOUNCE_NONE:
		break;
	}
	return l->event == JOURNAL_FAIL;
}

static bool
of_recipient(const struct journal_line *l)
{
	return l->recipient < ENVELOPE_RECIPIENTS &&
	       (l->event == JOURNAL_OK || l->event == JOURNAL_DEFER ||
		   l->event == JOURNAL_FAIL);
}

/* A failure is one whatever the journal says later of the recipient. */
static bool
mark(struct marks *m, enum bounce_kind kind, const struct journal_line *l,
    uint32_t number)
{
	if (l->event == told_event(kind) && m->count > 0)
		memset(m->line, 0, m->count * sizeof(*m->line));
	if (!of_recipient(l))
		return true;
	if (!grow_marks(m, l->recipient))
		return false;
	if (counts(kind, l))
		m->line[l->recipient] = number;
	else if (kind != BOUNCE_FAILED)
		m->line[l->recipient] = 0;
	return true;
}

static bool
grow(struct noticelist *l)
{
	size_t room = l->room == 0 ? 16 : 2 * l->room;
	struct noticeline *list = realloc(l->list, room * sizeof(*list));

	if (list == NULL)
		return false;
	l->list = list;
	l->room = room;
	return true;
}

static bool
add(struct noticelist *l, const struct journal_line *line)
{
	struct noticeline *one;

	if (l->count == l->room && !grow(l))
		return false;
	one = &l->list[l->count];
	*one = (struct noticeline){.recipient = line->recipient,
	    .at = line->at,
	    .act = line->act,
	    .reply_at = l->texts.len,
	    .reply_len = line->reply.len,
	    .via_len = line->via.len};
	if (!str_copy(one->status, sizeof(one->status), line->status))
		one->status[0] = '\0';
	if (!buf_append_str(&l->texts, line->reply) ||
	    !buf_append_str(&l->texts, line->via))
		return false;
	l->count++;
	return true;
}

static bool
take(struct noticelist *l, const struct marks *m, struct journal *j)
{
	struct journal_line line;
	uint32_t number = 0;

	while (m->line != NULL && journal_next(j, &line)) {
		number++;
		if (of_recipient(&line) && m->line[line.recipient] == number &&
		    !add(l, &line))
			return false;
	}
	return true;
}

static int
compare(const void *left, const void *right)
{
	const struct noticeline *a = left, *b = right;

	return a->recipient < b->recipient ? -1 : a->recipient > b->recipient;
}

bool
noticelist_read(struct noticelist *l, enum bounce_kind kind, struct str journal,
    uint64_t ino, const unsigned char token[QUEUE_TOKEN])
{
	struct marks marks = {0};
	struct journal_line line;
	struct journal j, again;
	uint32_t number = 0;
	bool ok = true;

	l->texts.max = NOTICE_TEXTS_MAX;
	if (journal_open(&j, journal, ino, token) != JOURNAL_FINE) {
		errno = ESTALE;
		ok = false;
	}
	again = j; /* nothing has been read: no text of it is shared */
	while (ok && journal_next(&j, &line))
		ok = mark(&marks, kind, &line, ++number);
	ok = ok && take(l, &marks, &again);
	journal_close(&j);
	journal_close(&again);
	free(marks.line);
	if (l->count > 0)
		qsort(l->list, l->count, sizeof(*l->list), compare);
	return ok;
}

const struct noticeline *
noticelist_find(const struct noticelist *l, uint64_t recipient)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->list[middle].recipient < recipient)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->count && l->list[low].recipient == recipient
		   ? &l->list[low]
		   : NULL;
}

struct str
noticelist_reply(const struct noticelist *l, const struct noticeline *one)
{
	return str_slice(
	    buf_str(&l->texts), one->reply_at, one->reply_at + one->reply_len);
}

struct str
noticelist_via(const struct noticelist *l, const struct noticeline *one)
{
	size_t at = one->reply_at + one->reply_len;

	return str_slice(buf_str(&l->texts), at, at + one->via_len);
}

void
noticelist_free(struct noticelist *l)
{
	free(l->list);
	buf_free(&l->texts);
	*l = (struct noticelist){0};
}
