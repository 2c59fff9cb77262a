/* folders: folders that stay open; see folders.h. */
#include "local/folders.h"

#include "lib/fd.h"
#include <string.h>

static void
close_row(struct folder *row)
{
	for (int i = 0; i < FOLDER_FDS; i++)
		fd_close(&row->fds[i]);
}

/* Put row in front of those before at. */
static void
put_first(struct folders *f, struct folder row, size_t at)
{
	memmove(&f->rows[1], &f->rows[0], at * sizeof(f->rows[0]));
	f->rows[0] = row;
}

struct folder *
folders_find(struct folders *f, const struct stat *st)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->rows[i].ino != st->st_ino ||
		    f->rows[i].dev != st->st_dev)
			continue;
		put_first(f, f->rows[i], i);
		return &f->rows[0];
	}
	return NULL;
}

struct folder *
folders_keep(
    struct folders *f, const struct stat *st, const int fds[FOLDER_FDS])
{
	struct folder row = {.dev = st->st_dev, .ino = st->st_ino};

	memcpy(row.fds, fds, sizeof(row.fds));
	if (f->count == FOLDERS_KEPT)
		close_row(&f->rows[--f->count]);
	put_first(f, row, f->count++);
	return &f->rows[0];
}

void
folders_forget(struct folders *f)
{
	close_row(&f->rows[0]);
	f->count--;
	memmove(&f->rows[0], &f->rows[1], f->count * sizeof(f->rows[0]));
}

void
folders_close(struct folders *f)
{
	while (f->count > 0)
		close_row(&f->rows[--f->count]);
}
