/* source: where setup takes programs and templates from: the folder it lies in,
 * and the installed HOME or source tree around that. */
#include "control/setup.h"
#include "lib/die.h"
#include "lib/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES = 256, HIER_MAX = 1 << 18 };

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

/* A folder of run/ that holds a file run. */
static bool
is_service(int run_fd, const char *name, const char *pattern)
{
	char path[PATH_MAX];
	struct str s = str_of(name);
	struct stat st;

	(void)pattern;
	if (name[0] == '.' || !str_copy(path, sizeof path - 4, s))
		return false;
	(void)memcpy(path + s.len, "/run", sizeof "/run");
	return fstatat(run_fd, path, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Call each with the names in dir that ok takes, in order; dir is closed. */
static void
each_name(DIR *dir, bool (*ok)(int fd, const char *name, const char *pattern),
    const char *pattern, void (*each)(const char *, void *), void *context)
{
	const struct dirent *entry;
	char *names[NAMES] = {NULL};
	size_t n = 0;

	while (n < NAMES && (entry = readdir(dir)) != NULL) {
		if (!ok(dirfd(dir), entry->d_name, pattern))
			continue;
		names[n] = strdup(entry->d_name);
		if (names[n++] == NULL)
			die_temp("unable to list the source");
	}
	(void)closedir(dir);
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++) {
		each(names[i], context);
		free(names[i]);
	}
}

static DIR *
open_folder(const struct source *s, const char *path)
{
	int fd = openat(s->tree_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopendir(fd);
}

void
source_services(const struct source *s,
    void (*each)(const char *name, void *context), void *context)
{
	DIR *dir = open_folder(s, "run");

	if (dir == NULL)
		die_temp("unable to open run/ beside this program");
	each_name(dir, is_service, NULL, each, context);
}

/* What each of source_match is told: the names behind their folder. */
struct match {
	const char *pattern;
	void (*each)(const char *path, void *context);
	void *context;
};

static bool
matches(int fd, const char *name, const char *pattern)
{
	(void)fd;
	return name[0] != '.' && fnmatch(base(pattern), name, 0) == 0;
}

static void
tell_path(const char *name, void *context)
{
	const struct match *m = context;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%.*s%s",
	    (int)(base(m->pattern) - m->pattern), m->pattern, name);

	if (n < 0 || n >= PATH_MAX)
		die_temp("unable to use the table hier");
	m->each(path, m->context);
}

void
source_match(const struct source *s, const char *pattern,
    void (*each)(const char *path, void *context), void *context)
{
	struct match m = {pattern, each, context};
	char folder[PATH_MAX];
	DIR *dir = NULL;

	/* man/man8 where it is installed, man in the source tree. */
	if (str_copy(folder, sizeof folder,
		(struct str){pattern, (size_t)(base(pattern) - pattern)}))
		dir = open_folder(s, folder);
	if (dir == NULL)
		dir = open_folder(s, "man");
	if (dir != NULL)
		each_name(dir, matches, pattern, tell_path, &m);
}
