/* census: a Maildir's messages counted by their names; see census.h. */
#define _GNU_SOURCE /* getdents64 */
#include "wire/census.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/maildir.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ENTRIES = 32768, /* bytes of entries that are read at once */
	OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

/* More than any sum of files is; two of these still add up. */
#define MOST ((uint64_t)1 << 62)

struct walk {
	bool trash, list;
	int64_t deadline;
	struct census *c;
};

static void
add(struct census *c, uint64_t size)
{
	c->use.messages++;
	c->use.bytes += size < MOST ? size : MOST;
	if (c->use.bytes > MOST)
		c->use.bytes = MOST;
}

/* One name of new/ or cur/.  Without a size in it the file is looked at, and
 * may be gone. */
static bool
count_entry(struct census *c, int fd, const struct dirent64 *e)
{
	struct stat st;
	uint64_t size;

	if (e->d_name[0] == '.' ||
	    (e->d_type != DT_REG && e->d_type != DT_UNKNOWN))
		return true;
	if (e->d_type == DT_REG &&
	    maildir_name_size(str_of(e->d_name), &size)) {
		add(c, size);
		return true;
	}
	if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	if (S_ISREG(st.st_mode))
		add(c, maildir_name_size(str_of(e->d_name), &size)
			   ? size
			   : (uint64_t)st.st_size);
	return true;
}

/* Call each for all entries of fd; false with errno, or as it did. */
static bool
each_entry(struct walk *w, int fd,
    bool (*each)(struct walk *w, int fd, const struct dirent64 *e))
{
	_Alignas(struct dirent64) char bytes[ENTRIES];
	ssize_t n;

	while ((n = getdents64(fd, bytes, sizeof(bytes))) > 0) {
		const struct dirent64 *e;

		if (clock_boot() > w->deadline) {
			errno = ETIMEDOUT;
			return false;
		}
		for (ssize_t at = 0; at < n; at += e->d_reclen) {
			e = (const void *)(bytes + at);
			if (!each(w, fd, e))
				return false;
		}
	}
	return n == 0;
}

static bool
count_message(struct walk *w, int fd, const struct dirent64 *e)
{
	return count_entry(w->c, fd, e);
}

static void
note(struct census *c, const struct stat *st)
{
	const int64_t second = 1000000000;
	const int64_t mtime = st->st_mtim.tv_sec * second + st->st_mtim.tv_nsec;
	const uint64_t words[] = {
	    (uint64_t)st->st_ino, (uint64_t)st->st_dev, (uint64_t)mtime};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		c->stamp = (c->stamp ^ words[i]) * 0x9e3779b97f4a7c15;
		c->stamp ^= c->stamp >> 32;
	}
	if (mtime > c->newest)
		c->newest = mtime;
}

/* What is no folder, or not the user's to read, holds nothing of his. */
static bool
is_nothing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP ||
	       error == EACCES;
}

static bool
count_part(struct walk *w, int folder_fd, const char *part)
{
	int fd = openat(folder_fd, part, OPEN_FOLDER);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	if (ok) {
		note(w->c, &st);
		ok = !w->list || each_entry(w, fd, count_message);
	}
	fd_close(&fd);
	return ok;
}

static bool
count_folder(struct walk *w, int root_fd, const struct dirent64 *e)
{
	static const char *const parts[] = {"new", "cur"};
	bool ok = true;
	int fd;

	if (e->d_name[0] != '.' ||
	    (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) ||
	    strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
	    (!w->trash && strcmp(e->d_name, CENSUS_TRASH) == 0))
		return true;
	fd = openat(root_fd, e->d_name, OPEN_FOLDER);
	if (fd < 0)
		return is_nothing(errno);
	for (size_t i = 0; i < 2 && ok; i++)
		ok = count_part(w, fd, parts[i]) || is_nothing(errno);
	fd_close(&fd);
	return ok;
}

static bool
walk(struct walk *w, int root_fd)
{
	/* The caller's may have been read before. */
	int fd = openat(root_fd, ".", OPEN_FOLDER);
	bool ok;

	*w->c = (struct census){.stamp = 0};
	ok = fd >= 0 && count_part(w, fd, "new") && count_part(w, fd, "cur") &&
	     each_entry(w, fd, count_folder);
	fd_close(&fd);
	return ok;
}

bool
census_take(int root_fd, bool trash, int64_t deadline, struct census *c)
{
	struct walk w = {
	    .trash = trash, .list = true, .deadline = deadline, .c = c};

	return walk(&w, root_fd);
}

bool
census_stamp(int root_fd, bool trash, int64_t deadline, struct census *c)
{
	struct walk w = {.trash = trash, .deadline = deadline, .c = c};

	return walk(&w, root_fd);
}
