/* moving: names of the queue; see moving.h. */
#include "queue/moving.h"

#include "lib/fd.h"
#include "lib/num.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
parse_number(struct str s, uint64_t *out)
{
	if (s.len == 0 || (s.data[0] == '0' && s.len > 1))
		return false;
	return num_parse(s, UINT64_MAX, out);
}

bool
name_parse(struct str text, struct name *n)
{
	struct str part;
	size_t dots = 0;

	*n = (struct name){0};
	for (size_t i = 0; i < text.len; i++)
		dots += text.data[i] == '.';
	if (dots == 0)
		return parse_number(text, &n->ino) && n->ino != 0;
	n->moving = true;
	return dots == 2 && str_cut(&text, '.', &part) &&
	       parse_number(part, &n->ino) && n->ino != 0 &&
	       str_cut(&text, '.', &part) && parse_number(part, &n->folder) &&
	       parse_number(text, &n->was);
}

void
name_format(char out[MOVING_NAME], const struct name *n)
{
	if (n->moving)
		(void)snprintf(out, MOVING_NAME, "%llu.%llu.%llu",
		    (unsigned long long)n->ino, (unsigned long long)n->folder,
		    (unsigned long long)n->was);
	else
		(void)snprintf(
		    out, MOVING_NAME, "%llu", (unsigned long long)n->ino);
}

bool
name_parse_folder(struct str text, uint64_t *number)
{
	return parse_number(text, number);
}

bool
name_fits(const struct name *n, uint64_t folder, uint64_t ino, unsigned split)
{
	return n->ino == ino && folder == ino % split;
}

struct name
name_moving(const struct name *n, uint64_t folder, uint64_t ino)
{
	struct name to = {.ino = ino, .moving = true};

	to.folder = n->moving ? n->folder : folder;
	to.was = n->moving ? n->was : n->ino;
	return to;
}

static bool
keep(struct names *n, const struct name *one)
{
	size_t cap = n->cap * 2 + 64;
	struct name *grown;

	if (n->count == n->cap) {
		grown = realloc(n->list, cap * sizeof(*grown));
		if (grown == NULL)
			return false;
		n->list = grown;
		n->cap = cap;
	}
	n->list[n->count++] = *one;
	return true;
}

static bool
keep_stray(struct names *n, const char *text)
{
	size_t len = strlen(text) + 1;
	size_t cap = n->strays_cap * 2 + 4096;
	char *grown;

	if (n->strays_len + len > MOVING_STRAYS) {
		n->partial = true;
		return true;
	}
	if (n->strays_len + len > n->strays_cap) {
		grown = realloc(n->strays, cap);
		if (grown == NULL)
			return false;
		n->strays = grown;
		n->strays_cap = cap;
	}
	memcpy(n->strays + n->strays_len, text, len);
	n->strays_len += len;
	return true;
}

static int
compare(const void *left, const void *right)
{
	const struct name *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->moving != b->moving)
		return a->moving ? 1 : -1;
	if (a->folder != b->folder)
		return a->folder < b->folder ? -1 : 1;
	if (a->was != b->was)
		return a->was < b->was ? -1 : 1;
	return 0;
}

static bool
sort(struct str text, struct names *n, bool folders)
{
	struct name one = {0};
	bool ours = folders ? name_parse_folder(text, &one.ino)
			    : name_parse(text, &one);

	return ours ? keep(n, &one) : keep_stray(n, text.data);
}

bool
names_read(struct names *n, int dir, bool folders)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool ok = d != NULL;
	int saved;

	n->count = n->strays_len = 0;
	n->partial = false;
	while (ok) {
		errno = 0;
		e = readdir(d);
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ok = sort(str_of(e->d_name), n, folders);
	}
	saved = errno;
	ok = ok && saved == 0;
	if (d != NULL)
		(void)closedir(d);
	else
		fd_close(&fd);
	errno = saved;
	if (ok && n->count > 1)
		qsort(n->list, n->count, sizeof(*n->list), compare);
	return ok;
}

const char *
names_stray(const struct names *n, const char *before)
{
	const char *next =
	    before == NULL ? n->strays : before + strlen(before) + 1;

	return next == NULL || next >= n->strays + n->strays_len ? NULL : next;
}

void
names_free(struct names *n)
{
	free(n->list);
	free(n->strays);
	*n = (struct names){0};
}
