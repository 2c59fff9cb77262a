/* source: where setup takes programs and templates from: the folder it lies in,
 * and the installed HOME or source tree around that. */
#include "control/setup.h"
#include "lib/die.h"
#include "lib/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SERVICES = 64, HIER_MAX = 1 << 18 };

/* The folder that this program's file lies in. */
static int
open_own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	char *slash;
	int fd;

	if (n < 0)
		die_temp("unable to find this program's own folder");
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die_temp("unable to open ", path);
	return fd;
}

void
source_open(struct source *s)
{
	/* HOME/bin beside HOME/doc/hier, or TREE/build/bin below TREE/hier. */
	static const struct {
		const char *tree, *hier;
	} places[] = {
	    {"..",    "doc/hier"},
	    {"../..", "hier"    },
	};

	s->bin_fd = open_own_folder();
	s->hier.max = HIER_MAX;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		s->tree_fd = openat(s->bin_fd, places[i].tree,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->tree_fd < 0)
			continue;
		if (fd_read_file(s->tree_fd, places[i].hier, &s->hier))
			return;
		fd_close(&s->tree_fd);
	}
	die_temp("unable to find the table hier beside this program");
}

/* The last part of a path. */
static const char *
base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

int
source_file(const struct source *s, struct str path)
{
	char name[PATH_MAX], page[PATH_MAX] = "man/";
	int fd;

	if (!str_copy(name, sizeof name, path) ||
	    !str_copy(page + 4, sizeof page - 4, str_of(base(name)))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (str_starts(path, str_of("bin/")))
		return openat(s->bin_fd, base(name), O_RDONLY | O_CLOEXEC);
	fd = openat(s->tree_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && str_equal(path, str_of("doc/hier")))
		fd = openat(s->tree_fd, "hier", O_RDONLY | O_CLOEXEC);
	if (fd < 0 && str_starts(path, str_of("man/")))
		fd = openat(s->tree_fd, page, O_RDONLY | O_CLOEXEC);
	return fd;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder of run/ that holds a file run. */
static bool
is_service(int run_fd, const char *name)
{
	char path[PATH_MAX];
	struct str s = str_of(name);
	struct stat st;

	if (name[0] == '.' || !str_copy(path, sizeof path - 4, s))
		return false;
	(void)memcpy(path + s.len, "/run", sizeof "/run");
	return fstatat(run_fd, path, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static size_t
list(DIR *dir, char *names[SERVICES])
{
	const struct dirent *entry;
	size_t n = 0;

	while (n < SERVICES && (entry = readdir(dir)) != NULL) {
		if (!is_service(dirfd(dir), entry->d_name))
			continue;
		names[n] = strdup(entry->d_name);
		if (names[n++] == NULL)
			die_temp("unable to list the services");
	}
	qsort(names, n, sizeof *names, by_name);
	return n;
}

void
source_services(const struct source *s,
    void (*each)(const char *name, void *context), void *context)
{
	int fd = openat(s->tree_fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char *names[SERVICES];
	size_t n;

	if (dir == NULL)
		die_temp("unable to open run/ beside this program");
	n = list(dir, names);
	(void)closedir(dir);
	for (size_t i = 0; i < n; i++) {
		each(names[i], context);
		free(names[i]);
	}
}
