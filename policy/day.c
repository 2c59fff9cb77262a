/* day: the counts of one day; see day.h. */
#include "policy/day.h"

#include "lib/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECONDS = 24 * 60 * 60, SLACK = COUNTS_MOST * COUNTS_LINE };

static void
done_name(char name[COUNTS_DAY_SIZE], const char *day)
{
	(void)snprintf(name, COUNTS_DAY_SIZE, "%s.done", day);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int r = n == 0 ? 0 : memcmp(x->data, y->data, n);

	return r != 0 ? r : (x->len > y->len) - (x->len < y->len);
}

static int
by_words(const void *a, const void *b)
{
	const struct count_line *x = a, *y = b;

	return by_bytes(&x->words, &y->words);
}

/* A LF for each line there may be. */
static size_t
lines_of(const struct buf *b)
{
	size_t n = 1;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

static bool
take_dealt(struct day *d)
{
	struct str rest = buf_str(&d->done), line;
	size_t room = lines_of(&d->done);

	d->dealt = calloc(room, sizeof(*d->dealt));
	if (d->dealt == NULL)
		return false;
	while (d->dealt_count < room && str_cut(&rest, '\n', &line))
		d->dealt[d->dealt_count++] = line;
	qsort(d->dealt, d->dealt_count, sizeof(*d->dealt), by_bytes);
	return true;
}

static bool
take_lines(struct day *d)
{
	struct str rest = buf_str(&d->text), line;
	size_t room = lines_of(&d->text);

	d->lines = calloc(room, sizeof(*d->lines));
	if (d->lines == NULL)
		return false;
	while (d->count < room && str_cut(&rest, '\n', &line))
		if (counts_line(line, &d->lines[d->count]))
			d->count++;
	qsort(d->lines, d->count, sizeof(*d->lines), by_words);
	return true;
}

bool
day_read(struct day *d, int dirfd, const char *day)
{
	char name[COUNTS_DAY_SIZE];

	*d = (struct day){.text = {.max = COUNTS_FILE_MAX + SLACK},
	    .done = {.max = COUNTS_FILE_MAX + SLACK}};
	done_name(name, day);
	if (!fd_read_file(dirfd, day, &d->text) ||
	    (!fd_read_file(dirfd, name, &d->done) && errno != ENOENT))
		return false;
	return take_lines(d) && take_dealt(d);
}

void
day_free(struct day *d)
{
	free(d->lines);
	free(d->dealt);
	buf_free(&d->text);
	buf_free(&d->done);
	*d = (struct day){0};
}

size_t
day_domain(const struct day *d, size_t at)
{
	size_t n = 1;

	while (at + n < d->count &&
	       str_equal(d->lines[at + n].domain, d->lines[at].domain))
		n++;
	return n;
}

bool
day_is_done(const struct day *d, struct str domain)
{
	return bsearch(&domain, d->dealt, d->dealt_count, sizeof(*d->dealt),
		   by_bytes) != NULL;
}

bool
day_done(int dirfd, const char *day, struct str domain)
{
	struct buf line = {.max = STS_DOMAIN_MAX + 2};
	char name[COUNTS_DAY_SIZE];
	bool ok = false;
	int fd;

	done_name(name, day);
	fd = openat(dirfd, name,
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd >= 0)
		/* The LF first: a line that was torn ends there. */
		ok = buf_append_byte(&line, '\n') &&
		     buf_append_str(&line, domain) &&
		     buf_append_byte(&line, '\n') &&
		     fd_write_all(fd, line.data, line.len) && fsync(fd) == 0;
	buf_free(&line);
	fd_close(&fd);
	return ok;
}

bool
day_remove(int dirfd, const char *day)
{
	char name[COUNTS_DAY_SIZE];

	done_name(name, day);
	/* In this order: nothing is sent twice for a crash between them. */
	return (unlinkat(dirfd, day, 0) == 0 || errno == ENOENT) &&
	       (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT);
}

bool
day_start(const char *day, int64_t now, int most, int64_t *start)
{
	int64_t today = now - now % SECONDS;
	char name[COUNTS_DAY_SIZE];

	for (int i = 0; i <= most; i++) {
		counts_day(name, today - i * (int64_t)SECONDS);
		if (strcmp(name, day) != 0)
			continue;
		*start = today - i * (int64_t)SECONDS;
		return true;
	}
	return false;
}
