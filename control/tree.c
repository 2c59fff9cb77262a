/* tree: the folders, fifos and installed files of hier. */
#include "control/hier.h"
#include "control/setup.h"
#include "lib/die.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/num.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 1 << 28 }; /* bytes of an installed file */

/* What the functions that make one thing need. */
struct making {
	struct setup *s;
	struct hier_row row;
	uid_t uid;
	gid_t gid;
};

int
setup_parent(struct str path, char name[SETUP_NAME])
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	int nofollow = 0;
	struct str part;

	while (str_cut(&path, '/', &part)) {
		if (fd < 0 || !str_copy(name, SETUP_NAME, part))
			break;
		if (path.len == 0)
			return fd;
		next = openat(
		    fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | nofollow);
		nofollow = O_NOFOLLOW;
		fd_close(&fd);
		fd = next;
	}
	die_temp("unable to open the folder of ", name);
}

bool
setup_there(struct setup *s, int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		s->kept++;
		return true;
	}
	if (errno != ENOENT)
		die_temp("unable to look at ", name);
	return false;
}

bool
setup_file(struct setup *s, struct str path, struct str contents, mode_t mode)
{
	char name[SETUP_NAME];
	int dirfd = setup_parent(path, name);
	bool there = setup_there(s, dirfd, name);

	if (!there && !fd_replace_file(dirfd, name, contents, mode))
		die_temp("unable to write ", name);
	fd_close(&dirfd);
	return !there;
}

/* Something that was there before looks other than hier wants. */
static void
compare(const struct making *m, int dirfd, const char *name, const char *path)
{
	struct stat st;
	mode_t kind = m->row.kind == HIER_FOLDER ? S_IFDIR
		      : m->row.kind == HIER_FIFO ? S_IFIFO
						 : S_IFREG;

	if (fstatat(dirfd, name, &st, 0) < 0)
		die_temp("unable to look at ", path);
	errno = 0;
	if ((st.st_mode & S_IFMT) != kind)
		warn(path, " is not what it should be; left as it is");
	else if (st.st_uid != m->uid || st.st_gid != m->gid ||
		 (st.st_mode & 07777) != m->row.mode)
		warn(path,
		    " has not the owner, group and mode of doc/hier; left as "
		    "it is");
}

/* The new folder gets its owner through a descriptor, and its mode last. */
static bool
make_folder(const struct making *m, int dirfd, const char *name)
{
	int fd = -1;
	bool ok;

	if (mkdirat(dirfd, name, S_IRWXU) == 0)
		fd = openat(dirfd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ok = fd >= 0 && (home_private() || fchown(fd, m->uid, m->gid) == 0) &&
	     fchmod(fd, m->row.mode) == 0 && fsync(fd) == 0;
	fd_close(&fd);
	return ok && fd_sync_folder(dirfd, ".");
}

static bool
make_fifo(const struct making *m, int dirfd, const char *name)
{
	return mkfifoat(dirfd, name, m->row.mode) == 0 &&
	       (home_private() || fchownat(dirfd, name, m->uid, m->gid,
				      AT_SYMLINK_NOFOLLOW) == 0) &&
	       fd_sync_folder(dirfd, ".");
}

/* Make what the row says at path.  True when it was not there. */
static bool
make_at(struct making *m, const char *path)
{
	char name[SETUP_NAME];
	int dirfd = setup_parent(str_of(path), name);
	bool there = setup_there(m->s, dirfd, name);

	if (there)
		compare(m, dirfd, name, path);
	else if (!(m->row.kind == HIER_FOLDER ? make_folder(m, dirfd, name)
					      : make_fifo(m, dirfd, name)))
		die_temp("unable to make ", path);
	fd_close(&dirfd);
	return !there;
}

static void
copy_row_path(const struct making *m, char out[SETUP_NAME])
{
	if (!str_copy(out, SETUP_NAME, m->row.path)) {
		errno = ENAMETOOLONG;
		die_temp("unable to use the table hier");
	}
}

/* The path up to its last part, which is SS or SERVICE, and name behind it. */
static void
replace_last(const char *path, const char *name, char out[SETUP_NAME])
{
	const char *slash = strrchr(path, '/');
	int n = snprintf(
	    out, SETUP_NAME, "%.*s/%s", (int)(slash - path), path, name);

	if (n < 0 || n >= SETUP_NAME) {
		errno = ENAMETOOLONG;
		die_temp("unable to make ", name);
	}
}

static void
make_split(struct making *m, const char *path)
{
	char number[NUM_SIZE], one[SETUP_NAME];

	for (unsigned i = 0; i < m->s->split; i++) {
		(void)num_format(number, i);
		replace_last(path, number, one);
		m->s->folders += make_at(m, one);
	}
}

/* A service's row: context is a struct making. */
static void
make_service_row(const char *service, void *context)
{
	struct making *m = context;
	char path[SETUP_NAME], one[SETUP_NAME];

	copy_row_path(m, path);
	replace_last(path, service, one);
	if (make_at(m, one))
		m->s->folders++;
}

/* Install one file; context is a struct making.  A file that this tree does not
 * have (yet) is no error: a later setup, or make install, brings it. */
static void
install(const char *path, void *context)
{
	struct making *m = context;
	struct buf contents = {.max = FILE_MOST};
	int from = source_file(&m->s->source, str_of(path));

	if (from < 0 && errno == ENOENT)
		return;
	if (from < 0 || !fd_slurp(from, &contents))
		die_temp("unable to read the source of ", path);
	if (setup_file(m->s, str_of(path), buf_str(&contents), m->row.mode))
		m->s->files++;
	fd_close(&from);
	buf_free(&contents);
}

static void
make_row(struct making *m)
{
	char path[SETUP_NAME];
	struct str ss = str_of("/SS"), service = str_of("/SERVICE");

	copy_row_path(m, path);
	if (!hier_owner(&m->row, &m->uid, &m->gid))
		die_temp("unable to find the owner or group of ", path);
	switch (m->row.kind) {
	case HIER_FOLDER:
	case HIER_FIFO:
		if (strcmp(path, ".") == 0)
			break;
		if (str_ends(m->row.path, ss))
			make_split(m, path);
		else if (str_ends(m->row.path, service))
			source_services(&m->s->source, make_service_row, m);
		else
			m->s->folders += make_at(m, path);
		break;
	case HIER_FILE:
		if (strchr(path, '*') != NULL)
			source_match(&m->s->source, path, install, m);
		else
			install(path, m);
		break;
	case HIER_MADE:
		break;
	}
}

/* The folders of the queue lie in one file system that keeps its promises. */
static void
check_queue(void)
{
	struct stat mess, info;
	int fd = open(QUEUE_MESS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *fault;

	if (fd < 0 || fstat(fd, &mess) < 0 || stat(QUEUE_INFO, &info) < 0)
		die_temp("unable to look at the queue");
	if (mess.st_dev != info.st_dev)
		die_usage(
		    "the queue is spread over two file systems: " QUEUE_MESS
		    " and " QUEUE_INFO);
	fault = disk_fault(fd);
	if (fault != NULL)
		die_usage("the queue is on ", fault);
	fd_close(&fd);
}

static void
write_format(struct setup *s)
{
	struct buf text = {0};

	if (!buf_append_text(&text, "culver-queue 1\nsplit ") ||
	    !buf_append_number(&text, s->split) ||
	    !buf_append_byte(&text, '\n'))
		die_temp("unable to write " QUEUE_FORMAT_FILE);
	if (setup_file(s, str_of(QUEUE_FORMAT_FILE), buf_str(&text), 0644))
		printf("made " QUEUE_FORMAT_FILE " (split %u)\n", s->split);
	buf_free(&text);
}

void
setup_tree(struct setup *s)
{
	struct making m = {.s = s};
	struct str rest = buf_str(&s->source.hier);
	unsigned split;
	bool bad;

	if (queue_split_read(&split))
		s->split = split; /* a queue keeps what it was made with */
	else if (errno != ENOENT)
		die_temp("unable to read " QUEUE_FORMAT_FILE);
	while (hier_next(&rest, &m.row, &bad))
		make_row(&m);
	errno = 0;
	if (bad)
		die_temp("the table hier is malformed");
	if (s->folders > 0)
		printf("made %zu folders, as doc/hier has them\n", s->folders);
	if (s->files > 0)
		printf("installed %zu files\n", s->files);
	check_queue();
	write_format(s);
}
