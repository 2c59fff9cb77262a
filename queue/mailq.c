/* mailq: the queue as Postfix's mailq prints it; see mailq.h. */
#include "queue/mailq.h"

#include "lib/account.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "lib/utf8.h"
#include "wire/envelope.h"
#include "wire/journal.h"
#include "wire/message.h"
#include "wire/queue.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOURNAL_MAX = 64 << 20, KILO = 1024 };

struct list {
	unsigned split;
	uid_t owner;
	uint64_t messages, bytes;
};

/* What a journal says of a message. */
struct past {
	bool done, held;
	struct buf over; /* a byte for each recipient that it knows of */
	struct buf why;  /* the last reply that deferred */
};

/* Bytes of others, so that they cannot move a terminal's cursor. */
static void
print(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];
		size_t n = utf8_length(s, i);

		if (n > 0) {
			(void)fwrite(s.data + i, 1, n, stdout);
			i += n - 1;
		} else {
			(void)putchar(c < ' ' || c > '~' ? '?' : c);
		}
	}
}

static bool
mark_over(struct past *p, uint32_t recipient)
{
	while (p->over.len <= recipient)
		if (!buf_append_byte(&p->over, '\0'))
			return false;
	p->over.data[recipient] = 1;
	return true;
}

static bool
take_line(struct past *p, const struct journal_line *line)
{
	switch (line->event) {
	case JOURNAL_OK:
	case JOURNAL_FAIL:
		return line->recipient >= ENVELOPE_RECIPIENTS ||
		       mark_over(p, line->recipient);
	case JOURNAL_DEFER:
		buf_clear(&p->why);
		return buf_append_str(&p->why, line->reply);
	case JOURNAL_HOLD:
	case JOURNAL_RELEASE:
		p->held = line->event == JOURNAL_HOLD;
		break;
	case JOURNAL_DONE:
		p->done = true;
		break;
	case JOURNAL_CRASH:
	case JOURNAL_BOUNCE:
	case JOURNAL_SUCCESS:
	case JOURNAL_DELAY:
	case JOURNAL_EVENT_COUNT:
		break;
	}
	return true;
}

/* A message without a journal has no past.  False with errno. */
static bool
read_past(
    const struct list *l, uint64_t ino, const struct message *m, struct past *p)
{
	char path[QUEUE_PATH_SIZE];
	struct buf text = {.max = JOURNAL_MAX};
	struct journal_line line;
	struct journal j;
	bool ok = true;

	queue_info_path(path, l->split, ino);
	if (!fd_read_file(AT_FDCWD, path, &text))
		return errno == ENOENT;
	if (journal_open(&j, buf_str(&text), ino, m->token) == JOURNAL_FINE)
		while (ok && journal_next(&j, &line))
			ok = take_line(p, &line);
	journal_close(&j);
	buf_free(&text);
	return ok;
}

static bool
is_over(const struct past *p, uint64_t recipient)
{
	return recipient < p->over.len && p->over.data[recipient] != 0;
}

/* "Sat Nov 21 02:50:20", where the caller is. */
static void
format_time(char *out, size_t size, int64_t microseconds)
{
	time_t when = (time_t)(microseconds / CLOCK_SECOND);
	struct tm tm;

	out[0] = '\0';
	if (localtime_r(&when, &tm) != NULL)
		(void)strftime(out, size, "%a %b %d %H:%M:%S", &tm);
}

static void
print_first(struct list *l, uint64_t ino, const struct message *m,
    const struct past *p, struct str sender)
{
	char id[NUM_SIZE + 1], when[64];

	if (l->messages == 0)
		(void)printf("%-11s %7s %-20s %s\n", "-Queue ID-", "--Size--",
		    "----Arrival Time----", "-Sender/Recipient-------");
	else
		(void)putchar('\n');
	(void)snprintf(
	    id, sizeof(id), "%" PRIu64 "%s", ino, p->held ? "!" : "");
	format_time(when, sizeof(when), m->arrived);
	(void)printf("%-11s %7" PRIu64 " %-20s ", id, m->body_len, when);
	print(sender.len == 0 ? str_of("MAILER-DAEMON") : sender);
	(void)putchar('\n');
	if (p->why.len > 0) {
		(void)putchar('(');
		print(buf_str(&p->why));
		(void)puts(")");
	}
}

/* The message of an open file; its recipients that are still waited for. */
static bool
print_message(struct list *l, uint64_t ino, int fd, const struct message *m,
    const struct past *p)
{
	struct envelope e;
	enum envelope_result r;
	struct str text;
	char kind;

	envelope_open(&e, fd, m->envelope_at, m->envelope_len);
	while ((r = envelope_next(&e, &kind, &text)) == ENVELOPE_RECORD_READ) {
		if (kind == 'F')
			print_first(l, ino, m, p, text);
		if (kind != 'T' || is_over(p, e.recipients - 1))
			continue;
		(void)printf("%-11s %7s %-20s ", "", "", "");
		print(text);
		(void)putchar('\n');
	}
	l->messages++;
	l->bytes += m->body_len;
	return r == ENVELOPE_END;
}

static bool
list_message(struct list *l, uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];
	struct past p = {.over.max = ENVELOPE_RECIPIENTS};
	struct message m;
	bool ok;
	int fd;

	queue_mess_path(path, l->split, ino);
	fd = message_open(path, l->owner, &m);
	if (fd < 0) /* it is gone; a damaged one is culver check's */
		return errno == ENOENT || errno == EPROTO || errno == EPERM;
	ok = read_past(l, ino, &m, &p);
	if (ok && !p.done)
		ok = print_message(l, ino, fd, &m, &p);
	fd_close(&fd);
	buf_free(&p.over);
	buf_free(&p.why);
	return ok;
}

static bool
list_folder(struct list *l, unsigned folder)
{
	char path[QUEUE_PATH_SIZE];
	struct dirent *entry;
	bool ok = true;
	DIR *dir;

	(void)snprintf(path, sizeof(path), QUEUE_MESS "/%u", folder);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	errno = 0;
	while (ok && (entry = readdir(dir)) != NULL) {
		uint64_t ino;

		if (queue_name_parse(
			str_of(entry->d_name), folder, l->split, &ino))
			ok = list_message(l, ino);
		if (ok)
			errno = 0;
	}
	ok = ok && errno == 0;
	(void)closedir(dir);
	return ok;
}

bool
mailq_print(void)
{
	struct list l = {.messages = 0};
	gid_t gid;

	if (!queue_split_read(&l.split) ||
	    !account_find(ACCOUNT_QUEUE, &l.owner, &gid))
		return false;
	for (unsigned i = 0; i < l.split; i++)
		if (!list_folder(&l, i))
			return false;
	if (l.messages == 0)
		(void)puts("Mail queue is empty");
	else
		(void)printf("-- %" PRIu64 " Kbytes in %" PRIu64
			     " Request%s.\n",
		    l.bytes / KILO, l.messages, l.messages == 1 ? "" : "s");
	return fflush(stdout) == 0;
}
