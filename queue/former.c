/* former: a qmail's queue, listed; see former.h. */
#define _GNU_SOURCE /* syncfs */
#include "queue/former.h"

#include "lib/fd.h"
#include "lib/num.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const names[FORMER_PARTS] = {
#define FORMER_NAME(id, name) [FORMER_##id] = (name),
    FORMER_PARTS_OF(FORMER_NAME)
#undef FORMER_NAME
};

enum { GROW = 4096, FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

bool
former_open(struct former *f, const char *path)
{
	bool ok;

	*f = (struct former){.queue = open(path, FOLDER)};
	ok = f->queue >= 0;
	for (size_t i = 0; i < FORMER_PARTS; i++) {
		f->parts[i] =
		    ok ? openat(f->queue, names[i], FOLDER | O_NOFOLLOW) : -1;
		ok = ok && f->parts[i] >= 0;
	}
	return ok;
}

void
former_close(struct former *f)
{
	int saved = errno;

	for (size_t i = 0; i < FORMER_PARTS; i++)
		fd_close(&f->parts[i]);
	fd_close(&f->queue);
	free(f->files);
	f->files = NULL;
	errno = saved;
}

/* qmail-send takes it by flock, or by lockf where there was none. */
enum former_lock
former_lock(const struct former *f, int *lock)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	*lock =
	    openat(f->queue, "lock/sendmutex", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (*lock < 0) /* where no qmail-send could start either */
		return errno == ENOENT ? FORMER_OURS : FORMER_TROUBLE;
	if (flock(*lock, LOCK_EX | LOCK_NB) == 0 &&
	    fcntl(*lock, F_SETLK, &whole) == 0)
		return FORMER_OURS;
	return errno == EWOULDBLOCK || errno == EAGAIN || errno == EACCES
		   ? FORMER_RUNNING
		   : FORMER_TROUBLE;
}

static bool
add(struct former *f, const struct former_file *file)
{
	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? GROW : f->cap * 2;
		struct former_file *more =
		    realloc(f->files, cap * sizeof(*more));

		if (more == NULL)
			return false;
		f->files = more;
		f->cap = cap;
	}
	f->files[f->count++] = *file;
	return true;
}

/* A folder of numbers: what is a folder itself, in a part, holds its share. */
static bool list_folder(
    struct former *f, int fd, enum former_part part, uint32_t folder);

static bool
list_entry(struct former *f, int dir, const char *name, enum former_part part,
    uint32_t folder)
{
	struct former_file file = {.folder = folder, .part = part};
	struct stat st;

	if (!num_parse(str_of(name), UINT64_MAX, &file.id))
		return true;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	if (!S_ISDIR(st.st_mode))
		return add(f, &file);
	if (folder != FORMER_FLAT || file.id >= FORMER_FLAT)
		return true;
	return list_folder(
	    f, openat(dir, name, FOLDER | O_NOFOLLOW), part, (uint32_t)file.id);
}

static bool
list_folder(struct former *f, int fd, enum former_part part, uint32_t folder)
{
	const struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool ok = dir != NULL;

	if (!ok)
		fd_close(&fd);
	while (ok) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			break;
		ok = list_entry(f, dirfd(dir), entry->d_name, part, folder);
	}
	ok = ok && errno == 0;
	if (dir != NULL)
		(void)closedir(dir);
	return ok;
}

static int
by_id(const void *a, const void *b)
{
	const struct former_file *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

bool
former_list(struct former *f)
{
	f->count = 0;
	for (size_t i = 0; i < FORMER_PARTS; i++)
		if (!list_folder(f, openat(f->parts[i], ".", FOLDER),
			(enum former_part)i, FORMER_FLAT))
			return false;
	if (f->count > 0)
		qsort(f->files, f->count, sizeof(*f->files), by_id);
	return true;
}

bool
former_next(const struct former *f, size_t *at, struct former_message *m)
{
	if (*at == f->count)
		return false;
	*m = (struct former_message){.id = f->files[*at].id};
	for (; *at < f->count && f->files[*at].id == m->id; ++*at) {
		const struct former_file *file = &f->files[*at];

		m->twice = m->twice || m->of[file->part] != NULL;
		m->of[file->part] = file;
	}
	return true;
}

/* Its name below the folder of its part. */
static void
name_of(char out[FORMER_PATH], const struct former_file *file)
{
	if (file->folder == FORMER_FLAT)
		(void)snprintf(
		    out, FORMER_PATH, "%llu", (unsigned long long)file->id);
	else
		(void)snprintf(out, FORMER_PATH, "%lu/%llu",
		    (unsigned long)file->folder, (unsigned long long)file->id);
}

void
former_path(char out[FORMER_PATH], const struct former_file *file)
{
	char name[FORMER_PATH];

	name_of(name, file);
	(void)snprintf(out, FORMER_PATH, "%s/%.50s", names[file->part], name);
}

int
former_read(
    const struct former *f, const struct former_file *file, struct stat *st)
{
	char name[FORMER_PATH];
	int fd;

	name_of(name, file);
	fd = openat(f->parts[file->part], name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) != 0)
		fd_close(&fd);
	if (fd >= 0 && !S_ISREG(st->st_mode)) {
		fd_close(&fd);
		errno = EINVAL;
	}
	return fd;
}

bool
former_unlink(const struct former *f, const struct former_file *file)
{
	char name[FORMER_PATH];

	name_of(name, file);
	return unlinkat(f->parts[file->part], name, 0) == 0 || errno == ENOENT;
}

bool
former_sync(const struct former *f)
{
	return syncfs(f->queue) == 0;
}
