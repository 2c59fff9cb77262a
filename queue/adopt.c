/* adopt: from another queue into ours; see adopt.h. */
#include "queue/adopt.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/envelope.h"
#include "wire/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROW = 1024, COPY = 1 << 16, TRIES = 5 };

bool
adopt_open(struct adopt *a, const struct survey *s, const struct modes *m)
{
	*a = (struct adopt){.survey = s, .modes = m};
	draft_init(&a->draft, &a->place);
	return place_probe(&a->place) && place_open(&a->place);
}

void
adopt_close(struct adopt *a)
{
	draft_drop(&a->draft);
	place_close(&a->place);
	free(a->known);
	a->known = NULL;
}

static bool
know(struct adopt *a, const struct message *m, uint64_t ino)
{
	if (a->known_count == a->known_cap) {
		size_t cap = a->known_cap == 0 ? GROW : a->known_cap * 2;
		struct adopt_known *more =
		    realloc(a->known, cap * sizeof(*more));

		if (more == NULL)
			return false;
		a->known = more;
		a->known_cap = cap;
	}
	memcpy(a->known[a->known_count].token, m->token, QUEUE_TOKEN);
	a->known[a->known_count++].ino = ino;
	return true;
}

/* A walk's visit; context is a struct adopt. */
static void
meet(void *context, const struct spot *at)
{
	struct adopt *a = context;
	struct message m;
	struct stat st;
	int fd;
	enum head h = survey_head(at->dir, at->text, &fd, &st, &m);

	if (h == HEAD_TROUBLE || (h == HEAD_FINE && !know(a, &m, at->name.ino)))
		a->trouble = true;
	fd_close(&fd);
}

static void
fault(void *context, const struct spot *at)
{
	(void)at;
	((struct adopt *)context)->trouble = true;
}

static int
by_token(const void *x, const void *y)
{
	return memcmp(((const struct adopt_known *)x)->token,
	    ((const struct adopt_known *)y)->token, QUEUE_TOKEN);
}

bool
adopt_look(struct adopt *a)
{
	const struct walker w = {meet, NULL, fault};

	a->trouble = false;
	survey_walk(a->survey, a->survey->mess, &w, a);
	if (a->known_count > 0)
		qsort(a->known, a->known_count, sizeof(*a->known), by_token);
	return !a->trouble;
}

static const struct adopt_known *
find(const struct adopt *a, const struct past *p)
{
	struct adopt_known key = {.ino = 0};

	if (a->known_count == 0)
		return NULL;
	memcpy(key.token, p->old.token, QUEUE_TOKEN);
	return bsearch(
	    &key, a->known, a->known_count, sizeof(*a->known), by_token);
}

bool
adopt_has(const struct adopt *a, const struct past *p)
{
	return find(a, p) != NULL;
}

/* Whom our envelope names: who waits, and who is to be told of. */
static bool
is_open(const struct past_recipient *r)
{
	return !r->done || r->report.data != NULL;
}

/* Add a record, its NUL with it.  0 or an enum queue_code. */
static int
record(struct adopt *a, struct envelope_check *c, char kind, struct str text,
    struct buf *b, bool dry)
{
	int code;

	buf_clear(b);
	if (!buf_append_byte(b, kind) || !buf_append_str(b, text) ||
	    !buf_terminate(b))
		return QQ_MEMORY;
	code = envelope_accept(c, buf_str(b));
	if (code == 0 && !dry)
		draft_envelope(&a->draft, (struct str){b->data, b->len + 1});
	return code;
}

/* The whole envelope; dry: it is only looked at. */
static int
envelope(struct adopt *a, const struct past *p, bool dry)
{
	struct envelope_check c = {.recipients = 0};
	struct buf b = {.max = PAST_FILE};
	int code = record(a, &c, 'F', p->sender, &b, dry);

	for (size_t i = 0; code == 0 && i < p->count; i++)
		if (is_open(&p->list[i]))
			code = record(a, &c, 'T', p->list[i].address, &b, dry);
	buf_free(&b);
	return code;
}

/* The body, with an LF behind its last line. */
static bool
copy_body(struct adopt *a, const struct past *p)
{
	static char data[COPY];
	char last = '\n';
	uint64_t at = 0;

	while (at < p->size && a->draft.code == 0) {
		ssize_t n = pread(p->mess, data, sizeof(data), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EPROTO; /* it has become shorter */
		if (n <= 0)
			return false;
		draft_body(&a->draft, (struct str){data, (size_t)n});
		last = data[n - 1];
		at += (uint64_t)n;
	}
	if (last != '\n')
		draft_body(&a->draft, str_of("\n"));
	return true;
}

/* A message that cannot be read there is left there. */
static enum adopt_end
cannot_read(struct past *p)
{
	char path[FORMER_PATH];

	former_path(path, p->files.of[FORMER_MESS]);
	(void)snprintf(p->why, sizeof(p->why), "%s: %s", path, strerror(errno));
	return ADOPT_REFUSED;
}

/* W1 to W6; a number that is taken is another's, so once more. */
static enum adopt_end
write_message(struct adopt *a, struct past *p, uint64_t *ino)
{
	int code = QQ_CREATE;

	for (int i = 0; i < TRIES && code == QQ_CREATE; i++) {
		draft_begin_old(&a->draft, &p->old, 0);
		if (!copy_body(a, p)) {
			draft_drop(&a->draft);
			return cannot_read(p);
		}
		code = envelope(a, p, false);
		if (code != 0)
			draft_drop(&a->draft);
		else
			code = draft_commit(&a->draft);
	}
	*ino = a->draft.slot.ino;
	errno = a->draft.error != 0 ? a->draft.error : EIO;
	return code == 0 ? ADOPT_DONE : ADOPT_FAILED;
}

static void
file_name(const struct adopt *a, const char *base, uint64_t ino,
    char out[MOVING_PATH])
{
	(void)snprintf(out, MOVING_PATH, "%s/%llu/%llu", base,
	    (unsigned long long)(ino % a->place.split),
	    (unsigned long long)ino);
}

/* The file is culver-queued's, as if that had written it. */
static bool
give(const struct adopt *a, uint64_t ino)
{
	char path[MOVING_PATH];
	bool ok;
	int fd;

	file_name(a, QUEUE_MESS, ino, path);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ok = fd >= 0 && modes_give(&a->modes->message, fd) && fsync(fd) == 0;
	fd_close(&fd);
	return ok;
}

/* "(#5.1.1)" in a report is its code. */
static struct str
code_of(struct str report)
{
	for (size_t i = 0; i + 3 < report.len; i++) {
		struct str rest = str_slice(report, i, report.len);

		if (str_starts(rest, str_of("(#5.")))
			return str_slice(rest, 2, str_find(rest, ')'));
	}
	return str_of("5.0.0");
}

static bool
journal_text(struct buf *b, const struct past *p, uint64_t ino)
{
	struct journal_line line = {
	    .at = clock_wall(), .event = JOURNAL_FAIL, .attempt = 1};
	bool ok = journal_write_first(b, ino, p->old.token);

	for (size_t i = 0; ok && i < p->count; i++) {
		const struct past_recipient *r = &p->list[i];

		if (r->report.data != NULL) {
			line.status = code_of(r->report);
			line.reply = r->report;
			ok = journal_write(b, &line);
		}
		line.recipient += is_open(r);
	}
	return ok;
}

static bool
has_report(const struct past *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].report.data != NULL)
			return true;
	return false;
}

/* J1 to J3, of whom the old queue had given up. */
static bool
write_journal(const struct adopt *a, const struct past *p, uint64_t ino)
{
	struct buf b = {.max = PAST_FILE};
	char path[MOVING_PATH];
	int fd = -1, folder;
	bool ok;

	if (!has_report(p))
		return true;
	file_name(a, QUEUE_INFO, ino, path);
	ok = journal_text(&b, p, ino) && (unlink(path) == 0 || errno == ENOENT);
	if (ok)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    a->modes->journal.mode);
	ok = fd >= 0 && fd_write_all(fd, b.data, b.len) &&
	     modes_give(&a->modes->journal, fd) && fsync(fd) == 0;
	fd_close(&fd);
	buf_free(&b);
	folder = ok ? survey_folder(a->survey->info, ino % a->place.split) : -1;
	ok = folder >= 0 && fsync(folder) == 0;
	fd_close(&folder);
	return ok;
}

/* What our queue refuses of the envelope. */
static enum adopt_end
refuse(struct past *p, int code)
{
	(void)snprintf(p->why, sizeof(p->why), "%llu: %s",
	    (unsigned long long)p->files.id,
	    code == QQ_ADDRESS_LONG
		? "an address is longer than our queue takes"
		: "an address holds bytes that our queue does not take");
	return ADOPT_REFUSED;
}

enum adopt_end
adopt_message(struct adopt *a, struct past *p)
{
	const struct adopt_known *known = find(a, p);
	enum adopt_end end = ADOPT_DONE;
	size_t waiting = 0;
	uint64_t ino;
	int code;

	for (size_t i = 0; i < p->count; i++)
		waiting += is_open(&p->list[i]);
	if (waiting == 0)
		return ADOPT_FINISHED;
	code = envelope(a, p, true);
	errno = ENOMEM;
	if (code != 0)
		return code == QQ_MEMORY ? ADOPT_FAILED : refuse(p, code);
	if (known != NULL)
		ino = known->ino;
	else
		end = write_message(a, p, &ino);
	if (end != ADOPT_DONE)
		return end;
	return give(a, ino) && write_journal(a, p, ino) ? ADOPT_DONE
							: ADOPT_FAILED;
}
