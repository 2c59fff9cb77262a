/* survey: folders, opened and walked; see survey.h. */
#include "queue/survey.h"

#include "lib/fd.h"
#include "wire/journal.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FOLDER_NAME = 24 };

static bool
open_base(int queue, const char *name, int *fd)
{
	*fd = openat(
	    queue, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd >= 0 || errno == ENOENT;
}

bool
survey_open(struct survey *s)
{
	s->mess = s->info = -1;
	/* queue itself may be a link: its folder is only ours to write. */
	s->queue = open("queue", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->queue >= 0 && open_base(s->queue, "mess", &s->mess) &&
	    open_base(s->queue, "info", &s->info))
		return true;
	survey_close(s);
	return false;
}

void
survey_close(struct survey *s)
{
	fd_close(&s->info);
	fd_close(&s->mess);
	fd_close(&s->queue);
}

const char *
survey_base(const struct survey *s, int base)
{
	return base == s->mess ? "mess" : "info";
}

int
survey_folder(int base, uint64_t number)
{
	char name[FOLDER_NAME];

	(void)snprintf(name, sizeof(name), "%llu", (unsigned long long)number);
	return openat(
	    base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void
spot_path(const struct spot *at, char out[MOVING_PATH])
{
	(void)snprintf(out, MOVING_PATH, "%s/%llu%s%s",
	    survey_base(at->survey, at->base), (unsigned long long)at->folder,
	    at->text[0] == '\0' ? "" : "/", at->text);
}

static void
strays(const struct names *n, const struct walker *w, void *context,
    const struct spot *at, bool in_base)
{
	const char *text = NULL;

	if (w->stray == NULL)
		return;
	while ((text = names_stray(n, text)) != NULL)
		w->stray(context, at, text, in_base);
}

static void
walk_folder(
    struct names *n, struct spot *at, const struct walker *w, void *context)
{
	if (!names_read(n, at->dir, false)) {
		w->fault(context, at);
		return;
	}
	for (size_t i = 0; i < n->count; i++) {
		at->name = n->list[i];
		name_format(at->text, &at->name);
		w->name(context, at);
	}
	at->text[0] = '\0';
	strays(n, w, context, at, false);
}

void
survey_walk(
    const struct survey *s, int base, const struct walker *w, void *context)
{
	struct names folders = {0}, names = {0};
	struct spot at = {.survey = s, .base = base, .dir = -1};

	if (base < 0)
		return;
	if (!names_read(&folders, base, true))
		w->fault(context, &at);
	for (size_t i = 0; i < folders.count; i++) {
		at.folder = folders.list[i].ino;
		at.dir = survey_folder(base, at.folder);
		if (at.dir < 0)
			w->fault(context, &at);
		else
			walk_folder(&names, &at, w, context);
		fd_close(&at.dir);
	}
	strays(&folders, w, context, &at, true);
	names_free(&folders);
	names_free(&names);
}

bool
survey_sync(const struct survey *s, int base)
{
	struct names folders = {0};
	bool ok = names_read(&folders, base, true);

	(void)s;
	for (size_t i = 0; ok && i < folders.count; i++) {
		int fd = survey_folder(base, folders.list[i].ino);
		ok = fd >= 0 && fsync(fd) == 0;
		fd_close(&fd);
	}
	names_free(&folders);
	return ok && fsync(base) == 0;
}

/* A plain file, open for reading; nothing else is waited for. */
static enum head
open_plain(int dir, const char *name, int *fd, struct stat *st)
{
	*fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT)
		return HEAD_NONE;
	if (*fd < 0)
		return errno == ELOOP || errno == ENXIO ? HEAD_NO_FILE
							: HEAD_TROUBLE;
	if (fstat(*fd, st) != 0) {
		fd_close(fd);
		return HEAD_TROUBLE;
	}
	if (S_ISREG(st->st_mode))
		return HEAD_FINE;
	fd_close(fd);
	return HEAD_NO_FILE;
}

enum head
survey_head(
    int dir, const char *name, int *fd, struct stat *st, struct message *m)
{
	char head[MESSAGE_HEAD];
	enum head h = open_plain(dir, name, fd, st);

	if (h != HEAD_FINE)
		return h;
	if (st->st_size < MESSAGE_HEAD)
		return HEAD_DAMAGED;
	if (!fd_pread_all(*fd, head, sizeof(head), 0)) {
		fd_close(fd);
		return HEAD_TROUBLE;
	}
	return message_read(head, (uint64_t)st->st_size, m) ? HEAD_FINE
							    : HEAD_DAMAGED;
}

/* The file's first bytes, as many as there are of size; -1 with errno. */
static ssize_t
read_start(int fd, char *out, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, out + got, size - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

enum head
survey_journal(int dir, const char *name, int *fd, uint64_t *ino,
    unsigned char token[QUEUE_TOKEN], size_t *length)
{
	char start[JOURNAL_FIRST];
	struct stat st;
	ssize_t n;
	enum head h = open_plain(dir, name, fd, &st);

	if (h != HEAD_FINE)
		return h;
	n = read_start(*fd, start, sizeof(start));
	if (n < 0) {
		fd_close(fd);
		return HEAD_TROUBLE;
	}
	return journal_read_first(
		   (struct str){start, (size_t)n}, ino, token, length)
		   ? HEAD_FINE
		   : HEAD_DAMAGED;
}
