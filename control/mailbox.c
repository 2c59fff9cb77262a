/* mailbox: the Maildir of one address, made and removed without trust in what
 * lies in domains/: by its owner's rights, and never through a symbolic
 * link. */
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

/* Enter (make, if it is not there) a folder; *fd is it afterwards, what it was
 * before is closed. */
static bool
enter(int *fd, const char *name, bool make, bool *made)
{
	int next = -1;
	bool fresh = make && mkdirat(*fd, name, FOLDER_MODE) == 0;

	if ((fresh || !make || errno == EEXIST) &&
	    (!fresh || fd_sync_folder(*fd, ".")))
		next = openat(*fd, name, OPEN_FOLDER);
	if (next < 0)
		return false;
	*made = *made || fresh;
	fd_close(fd);
	*fd = next;
	return true;
}

/* Walk down the first parts of path.  An administrator may have made domains
 * itself a symbolic link; below it there is none. */
static int
walk(const char *path, size_t parts, bool make, bool *made)
{
	int fd = open(USERS_DOMAINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct str rest = str_of(path), part;
	char name[256];

	(void)str_cut(&rest, '/', &part);
	for (size_t i = 1; i < parts && fd >= 0; i++)
		if (!str_cut(&rest, '/', &part) ||
		    !str_copy(name, sizeof name, part) ||
		    !enter(&fd, name, make, made))
			fd_close(&fd);
	return fd;
}

enum { PARTS_DOMAIN = 2 }; /* of domains/D/L/Maildir */

static bool
make(const char *path, size_t parts, bool *made)
{
	static const char *const inner[] = {"tmp", "cur", "new"};
	int top = walk(path, str_count(str_of(path), '/') + 1, true, made);
	bool ok = top >= 0;

	(void)parts;
	for (size_t i = 0; ok && i < sizeof inner / sizeof *inner; i++) {
		if (mkdirat(top, inner[i], FOLDER_MODE) == 0)
			*made = true;
		else
			ok = errno == EEXIST;
	}
	ok = ok && fd_sync_folder(top, ".");
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

/* What lies behind the first parts of path. */
static bool
purge(const char *path, size_t parts, bool *made)
{
	int domain = walk(path, parts, false, made);
	struct str rest = str_of(path), part;
	char name[256];
	bool ok;

	if (domain < 0)
		return errno == ENOENT;
	for (size_t i = 0; i <= parts; i++)
		(void)str_cut(&rest, '/', &part);
	ok = str_copy(name, sizeof name, part) && remove_tree(domain, name) &&
	     fd_sync_folder(domain, ".");
	fd_close(&domain);
	return ok;
}

typedef bool act_function(const char *path, size_t parts, bool *made);

/* act as culverv; the exit code of that child, or as if it was one. */
static int
act_as_owner(act_function *act, const char *path, size_t parts)
{
	bool made = false;

	drop_to(&(struct drop){.account = ACCOUNT_VIRTUAL});
	if (act(path, parts, &made))
		return made ? DONE : DONE_BEFORE;
	return errno > 0 && errno < 255 - ERRNO_BASE ? errno + ERRNO_BASE : 255;
}

static bool
act_in_child(act_function *act, const struct user_record *r, bool *made,
    struct buf *error)
{
	size_t parts = PARTS_DOMAIN;
	char path[USERS_PATH_SIZE];
	int status;
	pid_t child;

	if (r->place.len > 0)
		parts = str_count(r->place, '/') + 1;
	if (!users_place(r, path))
		return complaint(error, "the address", "has no place on disk");
	(void)fflush(NULL);
	child = fork();
	if (child == 0)
		_exit(act_as_owner(act, path, parts));
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
