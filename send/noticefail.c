/* noticefail: failures that nobody was told of; see noticefail.h. */
#include "send/noticefail.h"

#include "wire/journal.h"
#include <errno.h>
#include <stdlib.h>

static bool
grow(struct failures *f)
{
	size_t room = f->room == 0 ? 16 : 2 * f->room;
	struct failure *list = realloc(f->list, room * sizeof(*list));

	if (list == NULL)
		return false;
	f->list = list;
	f->room = room;
	return true;
}

static bool
add(struct failures *f, const struct journal_line *line)
{
	struct failure *one;

	if (f->count == f->room && !grow(f))
		return false;
	one = &f->list[f->count];
	*one = (struct failure){.recipient = line->recipient,
	    .at = line->at,
	    .reply_at = f->texts.len,
	    .reply_len = line->reply.len};
	if (!str_copy(one->status, sizeof(one->status), line->status))
		one->status[0] = '\0';
	if (!buf_append_str(&f->texts, line->reply))
		return false;
	f->count++;
	return true;
}

/* By recipient; of the same one the last line comes first. */
static int
compare(const void *left, const void *right)
{
	const struct failure *a = left, *b = right;

	if (a->recipient != b->recipient)
		return a->recipient < b->recipient ? -1 : 1;
	return a->reply_at > b->reply_at ? -1 : a->reply_at < b->reply_at;
}

static void
sort(struct failures *f)
{
	size_t kept = 0;

	if (f->count == 0)
		return;
	qsort(f->list, f->count, sizeof(*f->list), compare);
	for (size_t i = 1; i < f->count; i++)
		if (f->list[i].recipient != f->list[kept].recipient)
			f->list[++kept] = f->list[i];
	f->count = kept + 1;
}

bool
noticefail_read(struct failures *f, struct str journal, uint64_t ino,
    const unsigned char token[QUEUE_TOKEN])
{
	struct journal_line line;
	struct journal j;
	bool ok = true;

	f->texts.max = NOTICE_TEXTS_MAX;
	if (journal_open(&j, journal, ino, token) != JOURNAL_FINE) {
		errno = ESTALE;
		ok = false;
	}
	while (ok && journal_next(&j, &line)) {
		if (line.event == JOURNAL_FAIL)
			ok = add(f, &line);
		if (line.event == JOURNAL_BOUNCE) {
			f->count = 0;
			buf_clear(&f->texts);
		}
	}
	journal_close(&j);
	sort(f);
	return ok;
}

const struct failure *
noticefail_find(const struct failures *f, uint64_t recipient)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->list[middle].recipient < recipient)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->count && f->list[low].recipient == recipient
		   ? &f->list[low]
		   : NULL;
}

struct str
noticefail_reply(const struct failures *f, const struct failure *one)
{
	return str_slice(
	    buf_str(&f->texts), one->reply_at, one->reply_at + one->reply_len);
}

void
noticefail_free(struct failures *f)
{
	free(f->list);
	buf_free(&f->texts);
	*f = (struct failures){0};
}
