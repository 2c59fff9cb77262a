/* mailbox: the Maildir of one address, made and removed without trust in what
 * lies in domains/: by its owner's rights, and never through a symbolic
 * link. */
#define _GNU_SOURCE /* syncfs */
#include "control/complaint.h"
#include "control/mailboxes.h"
#include "lib/drop.h"
#include "lib/fd.h"
#include "lib/str.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FOLDER_MODE = 0700,
	OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	/* Exit codes of the child that is culverv. */
	DONE = 0,
	DONE_BEFORE = 1,
	ERRNO_BASE = 2 /* and errno added; 255 where that does not fit */
};

/* How to walk, and what was met. */
struct path {
	const char *name; /* relative to HOME */
	size_t parts;     /* in front of what a purge removes */
	bool make;        /* what is not there */
	bool lazy;        /* the caller syncs all at its end */
	bool made;        /* something */
};

/* Enter a folder; *fd is it afterwards, what it was before is closed. */
static bool
enter(struct path *p, int *fd, const char *name)
{
	int next = -1;
	bool fresh = p->make && mkdirat(*fd, name, FOLDER_MODE) == 0;

	if ((fresh || !p->make || errno == EEXIST) &&
	    (!fresh || p->lazy || fd_sync_folder(*fd, ".")))
		next = openat(*fd, name, OPEN_FOLDER);
	if (next < 0)
		return false;
	p->made = p->made || fresh;
	fd_close(fd);
	*fd = next;
	return true;
}

/* Walk down the first parts.  An administrator may have made domains itself a
 * symbolic link; below it there is none. */
static int
walk(struct path *p, size_t parts)
{
	int fd = open(USERS_DOMAINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct str rest = str_of(p->name), part;
	char name[256];

	(void)str_cut(&rest, '/', &part);
	for (size_t i = 1; i < parts && fd >= 0; i++)
		if (!str_cut(&rest, '/', &part) ||
		    !str_copy(name, sizeof name, part) || !enter(p, &fd, name))
			fd_close(&fd);
	return fd;
}

enum { PARTS_DOMAIN = 2 }; /* of domains/D/L/Maildir */

static bool
make(struct path *p)
{
	static const char *const inner[] = {"tmp", "cur", "new"};
	int top;
	bool ok;

	p->make = true;
	top = walk(p, str_count(str_of(p->name), '/') + 1);
	ok = top >= 0;
	for (size_t i = 0; ok && i < sizeof inner / sizeof *inner; i++) {
		if (mkdirat(top, inner[i], FOLDER_MODE) == 0)
			p->made = true;
		else
			ok = errno == EEXIST;
	}
	ok = ok && (p->lazy || fd_sync_folder(top, "."));
	fd_close(&top);
	return ok;
}

static bool remove_tree(int dirfd, const char *name);

static bool
remove_contents(DIR *dir)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (!remove_tree(dirfd(dir), entry->d_name))
			return false;
	}
	return errno == 0;
}

static bool
remove_tree(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, OPEN_FOLDER);
	DIR *dir;
	bool ok;

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return unlinkat(dirfd, name, 0) == 0;
	if (fd < 0)
		return errno == ENOENT;
	dir = fdopendir(fd);
	if (dir == NULL) {
		fd_close(&fd);
		return false;
	}
	ok = remove_contents(dir);
	(void)closedir(dir);
	return ok && unlinkat(dirfd, name, AT_REMOVEDIR) == 0;
}

/* What lies behind the first parts. */
static bool
purge(struct path *p)
{
	int domain = walk(p, p->parts);
	struct str rest = str_of(p->name), part;
	char name[256];
	bool ok;

	if (domain < 0)
		return errno == ENOENT;
	for (size_t i = 0; i <= p->parts; i++)
		(void)str_cut(&rest, '/', &part);
	ok = str_copy(name, sizeof name, part) && remove_tree(domain, name) &&
	     fd_sync_folder(domain, ".");
	fd_close(&domain);
	return ok;
}

/* The code of a child that did so; of none, as if it was one. */
static int
code_of(bool ok, bool made)
{
	if (ok)
		return made ? DONE : DONE_BEFORE;
	return errno > 0 && errno < 255 - ERRNO_BASE ? errno + ERRNO_BASE : 255;
}

/* Its code, in error what was wrong with path. */
static bool
wait_for(pid_t child, const char *path, bool *made, struct buf *error)
{
	int status = 0;

	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			child = -1;
	if (child < 0)
		return complaint_errno(error, path);
	if (!WIFEXITED(status))
		return complaint(error, path, "the child was killed");
	*made = WEXITSTATUS(status) == DONE;
	if (WEXITSTATUS(status) < ERRNO_BASE)
		return true;
	return complaint(
	    error, path, strerror(WEXITSTATUS(status) - ERRNO_BASE));
}

static bool
act_in_child(bool (*act)(struct path *p), const struct user_record *r,
    bool *made, struct buf *error)
{
	char name[USERS_PATH_SIZE];
	struct path path = {.name = name, .parts = PARTS_DOMAIN};
	pid_t child;

	if (r->place.len > 0)
		path.parts = str_count(r->place, '/') + 1;
	if (!users_place(r, name))
		return complaint(error, "the address", "has no place on disk");
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		bool ok;

		drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
		ok = act(&path);
		_exit(code_of(ok, path.made));
	}
	return wait_for(child, name, made, error);
}

bool
mailbox_make(const struct user_record *r, bool *made, struct buf *error)
{
	return act_in_child(make, r, made, error);
}

bool
mailbox_purge(const struct user_record *r, struct buf *error)
{
	bool made;

	return act_in_child(purge, r, &made, error);
}

/* All of them; what is done is told to fd as many bytes, the last of a batch. */
static bool
make_each(struct str lines, int fd)
{
	struct path path = {.lazy = true};
	char name[USERS_PATH_SIZE];
	struct str line, address;
	struct user_record r;
	const char *what;
	int top;
	bool ok = true;

	while (ok && str_cut(&lines, '\n', &line)) {
		if (!users_parse(line, &address, &r, &what)) {
			errno = EINVAL;
			return false;
		}
		r.address = address;
		path.name = name;
		ok = users_place(&r, name) && make(&path) &&
		     fd_write_all(fd, ".", 1);
	}
	top = open(USERS_DOMAINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = ok && top >= 0 && syncfs(top) == 0;
	fd_close(&top);
	return ok;
}

/* How many were done, until the child has nothing more to say. */
static size_t
count_done(int fd, void (*tell)(size_t done))
{
	char bytes[4096];
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof bytes)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
		tell(done);
	}
	return done;
}

/* The address of line n. */
static void
name_line(struct str lines, size_t n, char *out, size_t size)
{
	struct str line = {"", 0}, address;

	while (str_cut(&lines, '\n', &line) && n > 0)
		n--;
	address = str_slice(line, 0, str_find(line, ':'));
	(void)str_copy(out, size, address);
}

bool
mailboxes_make(struct str lines, void (*tell)(size_t done), struct buf *error)
{
	char address[USERS_LINE_MAX];
	int ends[2];
	bool made;
	size_t done;
	pid_t child;

	if (pipe(ends) != 0)
		return complaint_errno(error, "a pipe");
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
		fd_close(&ends[0]);
		_exit(code_of(make_each(lines, ends[1]), true));
	}
	fd_close(&ends[1]);
	done = child > 0 ? count_done(ends[0], tell) : 0;
	fd_close(&ends[0]);
	name_line(lines, done, address, sizeof address);
	return wait_for(child, address, &made, error);
}
