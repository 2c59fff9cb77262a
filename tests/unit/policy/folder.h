/* folder: an empty folder for a test, the current one, and its descriptor. */
#ifndef TESTS_POLICY_FOLDER_H
#define TESTS_POLICY_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int folder_fd;

/* A group's setup. */
static int
folder_enter(void **state)
{
	static char path[] = "/tmp/culver-policy-XXXXXX";

	*state = mkdtemp(path);
	if (*state == NULL || chdir(path) != 0)
		return -1;
	folder_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder_fd < 0 ? -1 : 0;
}

/* How many files there are; they are removed when asked. */
static int
folder_files(int remove)
{
	DIR *dir = opendir(".");
	const struct dirent *e;
	int n = 0;

	if (dir == NULL)
		return -1;
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.') {
			n++;
			if (remove)
				(void)unlink(e->d_name);
		}
	(void)closedir(dir);
	return n;
}

/* A group's teardown. */
static int
folder_leave(void **state)
{
	(void)folder_files(1);
	(void)close(folder_fd);
	return rmdir(*state);
}

#endif
