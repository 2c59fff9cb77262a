/* box: a Maildir to test with, in a temporary folder. */
#ifndef TESTS_POP3D_BOX_H
#define TESTS_POP3D_BOX_H

#include "lib/fd.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct box {
	char path[64];
	int fd;
};

static inline int
box_setup(void **state)
{
	static struct box b;

	*state = &b;
	memcpy(b.path, "/tmp/culver-box-XXXXXX", 23);
	if (mkdtemp(b.path) == NULL)
		return -1;
	b.fd = open(b.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b.fd < 0 || mkdirat(b.fd, "new", 0700) != 0 ||
	       mkdirat(b.fd, "cur", 0700) != 0;
}

/* Remove a folder and what is in it; folders in it are empty. */
static inline void
box_remove(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	const struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			if (unlinkat(fd, e->d_name, 0) != 0)
				assert_int_equal(
				    unlinkat(fd, e->d_name, AT_REMOVEDIR), 0);
	assert_int_equal(closedir(dir), 0);
	assert_int_equal(unlinkat(dirfd, name, AT_REMOVEDIR), 0);
}

static inline int
box_teardown(void **state)
{
	struct box *b = *state;

	box_remove(b->fd, "new");
	box_remove(b->fd, "cur");
	assert_int_equal(close(b->fd), 0);
	return rmdir(b->path);
}

static inline void
box_put(const struct box *b, const char *path, const char *text)
{
	int fd = openat(b->fd, path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_true(fd_write_all(fd, text, strlen(text)));
	assert_int_equal(close(fd), 0);
}

static inline bool
box_has(const struct box *b, const char *path)
{
	struct stat st;

	return fstatat(b->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
