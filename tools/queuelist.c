/* queuelist: see queuelist.h. */
#include "tools/queuelist.h"

#include "lib/account.h"
#include "lib/fd.h"
#include "wire/envelope.h"
#include "wire/journal.h"
#include "wire/queue.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { JOURNAL_MAX = 64 << 20 };

struct walk {
	unsigned split;
	uid_t owner;
	bool (*each)(const struct queuelist_message *m, void *context);
	void *context;
	struct buf over;
};

static bool
mark_over(struct buf *over, uint32_t recipient)
{
	while (over->len <= recipient)
		if (!buf_append_byte(over, '\0'))
			return false;
	over->data[recipient] = 1;
	return true;
}

/* *done: only the removal is left. */
static bool
take_line(struct walk *w, struct queuelist_message *m,
    const struct journal_line *line, bool *done)
{
	if (line->event == JOURNAL_DONE)
		*done = true;
	if (line->event == JOURNAL_BOUNCE)
		m->bouncing = false;
	if (line->event == JOURNAL_FAIL)
		m->bouncing = true;
	if ((line->event != JOURNAL_OK && line->event != JOURNAL_FAIL) ||
	    line->recipient >= ENVELOPE_RECIPIENTS)
		return true;
	return mark_over(&w->over, line->recipient);
}

static bool
read_journal(
    struct walk *w, uint64_t ino, struct queuelist_message *m, bool *done)
{
	char path[QUEUE_PATH_SIZE];
	struct buf text = {.max = JOURNAL_MAX};
	struct journal_line line;
	struct journal j;
	bool ok = true;

	queue_info_path(path, w->split, ino);
	if (!fd_read_file(AT_FDCWD, path, &text))
		return errno == ENOENT;
	if (journal_open(&j, buf_str(&text), ino, m->message.token) ==
	    JOURNAL_FINE) {
		m->tried = true;
		while (ok && journal_next(&j, &line))
			ok = take_line(w, m, &line, done);
	}
	journal_close(&j);
	buf_free(&text);
	return ok;
}

/* The sender is the envelope's first record. */
static bool
tell(struct walk *w, struct queuelist_message *m)
{
	struct envelope e;
	char kind;

	envelope_open(
	    &e, m->fd, m->message.envelope_at, m->message.envelope_len);
	if (envelope_next(&e, &kind, &m->sender) != ENVELOPE_RECORD_READ)
		return errno == EPROTO;
	return w->each(m, w->context);
}

static bool
visit(struct walk *w, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];
	struct queuelist_message m = {.over = &w->over};
	bool done = false, ok;

	queue_mess_path(path, w->split, ino);
	m.fd = message_open(path, w->owner, &m.message);
	if (m.fd < 0)
		return errno == ENOENT || errno == EPROTO || errno == EPERM;
	buf_clear(&w->over);
	ok = read_journal(w, ino, &m, &done);
	if (ok && !done)
		ok = tell(w, &m);
	fd_close(&m.fd);
	return ok;
}

static bool
visit_folder(struct walk *w, unsigned folder)
{
	char path[QUEUE_PATH_SIZE];
	const struct dirent *entry;
	uint64_t ino;
	bool ok = true;
	DIR *dir;

	(void)snprintf(path, sizeof(path), QUEUE_MESS "/%u", folder);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (ok) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			break;
		if (queue_name_parse(
			str_of(entry->d_name), folder, w->split, &ino))
			ok = visit(w, ino);
	}
	ok = ok && errno == 0;
	(void)closedir(dir);
	return ok;
}

bool
queuelist_walk(bool (*each)(const struct queuelist_message *m, void *context),
    void *context)
{
	struct walk w = {.each = each,
	    .context = context,
	    .over = {.max = ENVELOPE_RECIPIENTS}};
	bool ok = true;
	gid_t gid;

	if (!queue_split_read(&w.split) ||
	    !account_find(ACCOUNT_QUEUE, &w.owner, &gid))
		return false;
	for (unsigned i = 0; ok && i < w.split; i++)
		ok = visit_folder(&w, i);
	buf_free(&w.over);
	return ok;
}

bool
queuelist_recipients(const struct queuelist_message *m,
    bool (*each)(struct str address, bool done, void *context), void *context)
{
	struct envelope e;
	enum envelope_result r;
	struct str text;
	char kind;

	envelope_open(
	    &e, m->fd, m->message.envelope_at, m->message.envelope_len);
	while ((r = envelope_next(&e, &kind, &text)) == ENVELOPE_RECORD_READ) {
		uint64_t n = e.recipients - 1;

		if (kind == 'T' &&
		    !each(text, n < m->over->len && m->over->data[n] != 0,
			context))
			return false;
	}
	return r == ENVELOPE_END;
}
