/* house: HOME itself: made, or found to be empty or ours, and entered. */
#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "control/setup.h"
#include "lib/account.h"
#include "lib/die.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An instance, or where one was installed or begun. */
static bool
is_ours(int fd)
{
	struct stat st;

	return fstatat(fd, "doc/hier", &st, 0) == 0 ||
	       fstatat(fd, "queue/format", &st, 0) == 0;
}

static bool
is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	bool empty = true;

	if (dir == NULL)
		die_temp("unable to list HOME");
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0 ||
			strcmp(entry->d_name, "lost+found") == 0;
	(void)closedir(dir);
	return empty;
}

/* Give a new HOME to the account of a private instance, if it is root's. */
static void
give(const struct setup *s, int fd)
{
	const struct passwd *who;
	struct stat st;

	if (fstat(fd, &st) < 0)
		die_temp("unable to look at ", s->home);
	if (st.st_uid != 0)
		return;
	who = getpwnam(s->account);
	errno = 0;
	if (who == NULL)
		die_usage("no account is called ", s->account);
	if (who->pw_uid == 0)
		die_usage("a private instance cannot be root's; --account "
			  "names whose it is");
	if (fchown(fd, who->pw_uid, who->pw_gid) < 0)
		die_temp("unable to give HOME to ", s->account);
}

/* Whose HOME is must go with what was asked for. */
static void
check_owner(const struct setup *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		die_temp("unable to look at ", s->home);
	if (geteuid() != 0 && st.st_uid != geteuid())
		die_usage(s->home, " is another account's");
	if (geteuid() == 0 && !s->wants_private && st.st_uid != 0)
		die_usage(s->home, " is not root's; --private makes a private "
				   "instance of it");
	if (s->wants_private && st.st_uid == 0)
		die_usage(s->home, " is root's: no private instance");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		die_usage("others may write in ", s->home);
}

/* Refuse, and leave nothing behind. */
NO_RETURN static void
refuse(const struct setup *s, bool made, const char *why, const char *fault)
{
	if (made)
		(void)rmdir(s->home);
	errno = 0;
	die_usage(s->home, why, fault);
}

/* Whoever may rename in a folder above may put another HOME in the place of
 * this one, with programs that root will start. */
static bool
is_below_root_alone(int home)
{
	struct stat st, before = {.st_ino = 0};
	int fd = openat(home, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), up;
	bool ok = true;

	while (ok) {
		if (fd < 0 || fstat(fd, &st) < 0)
			die_temp("unable to look above HOME");
		if (st.st_ino == before.st_ino && st.st_dev == before.st_dev)
			break;
		ok = st.st_uid == 0 && ((st.st_mode & S_IWOTH) == 0 ||
					   (st.st_mode & S_ISVTX) != 0);
		before = st;
		up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd_close(&fd);
		fd = up;
	}
	fd_close(&fd);
	return ok;
}

void
setup_home(struct setup *s)
{
	bool made = mkdir(s->home, 0755) == 0, fresh;
	const char *fault;
	int fd;

	if (!made && errno != EEXIST)
		die_temp("unable to make ", s->home);
	/* What we made may be something else by now. */
	fd = open(s->home,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
	if (fd < 0)
		die_temp("unable to open ", s->home);
	fresh = is_empty(fd);
	if (!fresh && !is_ours(fd))
		die_usage(s->home, " holds something that is no instance");
	fault = disk_fault(fd);
	if (fault != NULL)
		refuse(s, made, " is on ", fault);
	if (geteuid() == 0 && !s->wants_private && !is_below_root_alone(fd))
		refuse(
		    s, made, " is below a folder that is not root's alone", "");
	if (fresh && geteuid() == 0 && s->wants_private)
		give(s, fd);
	check_owner(s, fd);
	fd_close(&fd);
	printf("%s %s\n", made ? "made" : "found", s->home);
	env_set("CULVER_HOME", s->home);
	home_enter();
}
