/* sweep: queue/mess/tmp and queue/pool. */
#include "send/sweep.h"
#include "lib/clock.h"
#include "send/qlog.h"
#include "wire/queue.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
look_at(int folder, const char *name)
{
	int64_t now = clock_wall() / CLOCK_SECOND, age;
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    S_ISDIR(st.st_mode))
		return;
	/* One from the future was written before the clock was set back. */
	age = now - (int64_t)st.st_mtim.tv_sec;
	if (age < QUEUE_OSSIFIED && age > -(int64_t)QUEUE_OSSIFIED)
		return;
	if (unlinkat(folder, name, 0) == -1 && errno != ENOENT)
		qlog_warning("unable to unlink", name);
}

static void
sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (dir == NULL) {
		if (errno != ENOENT)
			qlog_warning("unable to opendir", folder);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			look_at(dirfd(dir), entry->d_name);
	closedir(dir);
}

void
sweep_tmp(void)
{
	sweep(QUEUE_MESS "/tmp");
}

void
sweep_pool(void)
{
	sweep(QUEUE_POOL);
}
