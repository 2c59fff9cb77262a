/* spare: moved to pool/ and, once that is durable, offered; see spare.h. */
#define _GNU_SOURCE /* F_SETPIPE_SZ, renameat2 */
#include "send/spare.h"
#include "lib/fd.h"
#include "lib/num.h"
#include "send/qlog.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OFFERS = PIPE_BUF / QUEUE_HINT_SIZE, /* in one write, whole */
	PIPE_PAGE = 4096 /* holds one such write; smaller ones are few */
};

static void
unlink_spare(uint64_t ino)
{
	char path[QUEUE_PATH_SIZE];

	queue_pool_path(path, ino);
	if (unlink(path) == -1 && errno != ENOENT)
		qlog_warning("unable to unlink", path);
}

/* A writer may be about to give one of these a name in mess/: it finds that it
 * cannot, and takes a new file. */
static void
look_at(int folder, const char *name)
{
	struct stat st;
	uint64_t ino;

	if (num_parse(str_of(name), UINT64_MAX, &ino) &&
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_nlink == 1 && unlinkat(folder, name, 0) == -1 &&
	    errno != ENOENT)
		qlog_warning("unable to unlink", name);
}

/* Of which of them writers were told nobody knows any more. */
static bool
unlink_free(void)
{
	DIR *dir = opendir(QUEUE_POOL);
	const struct dirent *entry;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
		look_at(dirfd(dir), entry->d_name);
	closedir(dir);
	return true;
}

bool
spare_open(struct spare *s)
{
	*s = (struct spare){.fifo = -1};
	if (!unlink_free())
		return errno == ENOENT;
	/* Reading, too: then it opens, and keeps what nobody reads yet. */
	s->fifo = open(QUEUE_FREE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return s->fifo != -1 || errno == ENOENT;
}

void
spare_close(struct spare *s)
{
	fd_close(&s->fifo);
	free(s->files);
	*s = (struct spare){.fifo = -1};
}

/* What waits in the fifo is in the pool. */
static void
find_room(struct spare *s)
{
	uint64_t held = s->count;
	int waiting;

	s->room = 0;
	if (s->fifo == -1 || ioctl(s->fifo, FIONREAD, &waiting) == -1)
		return;
	held += (uint64_t)waiting / QUEUE_HINT_SIZE;
	if (held < s->most)
		s->room = s->most - held;
}

void
spare_limit(struct spare *s, uint64_t most)
{
	s->most = most;
	/* Where that is not allowed, it holds what it holds. */
	if (s->fifo != -1)
		(void)fcntl(s->fifo, F_SETPIPE_SZ,
		    (int)(most / OFFERS + 1) * PIPE_PAGE);
	find_room(s);
}

static bool
reserve(struct spare *s)
{
	size_t cap = s->cap * 2 + 64;
	struct spare_file *grown;

	if (s->count < s->cap)
		return true;
	grown = realloc(s->files, cap * sizeof *grown);
	if (grown == NULL)
		return false;
	s->files = grown;
	s->cap = cap;
	return true;
}

void
spare_file(struct spare_file *f, uint64_t ino, const struct message *m)
{
	bool fits = m->ino == ino && m->links <= 2 &&
		    m->envelope_at + m->envelope_len <= QUEUE_POOL_FILE;

	*f = (struct spare_file){.ino = ino, .links = fits ? m->links : 0};
	memcpy(f->token, m->token, QUEUE_TOKEN);
}

bool
spare_take(struct spare *s, const char *path, const struct spare_file *f)
{
	uint32_t links = s->room > 0 && reserve(s) ? f->links : 0;
	char pool[QUEUE_PATH_SIZE];
	bool kept;

	queue_pool_path(pool, f->ino);
	/* Were pool/INO there as well, a rename would leave both. */
	kept = links == 1 &&
	       renameat2(AT_FDCWD, path, AT_FDCWD, pool, RENAME_NOREPLACE) == 0;
	if (!kept && unlink(path) == -1 && errno != ENOENT)
		return false;
	if (kept || links == 2) {
		s->files[s->count++] = *f;
		s->room--;
	} else if (s->fifo != -1)
		unlink_spare(f->ino);
	return true;
}

/* All of them at once, or none: they fit PIPE_BUF. */
static void
offer(const struct spare *s, const struct spare_file *files, size_t n)
{
	char data[OFFERS * QUEUE_HINT_SIZE];
	size_t len = n * QUEUE_HINT_SIZE;

	for (size_t i = 0; i < n; i++)
		queue_hint_write(
		    data + i * QUEUE_HINT_SIZE, files[i].ino, files[i].token);
	if (n == 0 || write(s->fifo, data, len) == (ssize_t)len)
		return;
	for (size_t i = 0; i < n; i++)
		unlink_spare(files[i].ino);
}

void
spare_offer(struct spare *s, unsigned split, const unsigned char dirty[])
{
	struct spare_file ready[OFFERS];
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct spare_file *f = &s->files[i];

		if (dirty[f->ino % split]) {
			s->files[kept++] = *f;
			continue;
		}
		ready[n++] = *f;
		if (n == OFFERS) {
			offer(s, ready, n);
			n = 0;
		}
	}
	offer(s, ready, n);
	s->count = kept;
	find_room(s);
}
