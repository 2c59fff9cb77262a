/* home: where the instance lives, and whose it is; see home.h. */
#include "lib/home.h"

#include "lib/die.h"
#include "lib/env.h"
#include <errno.h>
#include <fcntl.h>
#include <home.h> /* generated; a quoted name would find lib/home.h */
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[PATH_MAX];
static uid_t owner;
static gid_t group;

/* setenv may free what getenv gave, so the text is kept here. */
const char *
home_path(void)
{
	struct str s = env_get("CULVER_HOME");

	if (path[0] != '\0')
		return path;
	if (s.len == 0)
		s = str_of(HOME_DIR);
	if (!str_copy(path, sizeof(path), s)) {
		errno = ENAMETOOLONG;
		die_temp("unable to use $CULVER_HOME");
	}
	return path;
}

/* What is opened later must not become one of these three: the log would go
 * there. */
static void
fill_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			die_temp("unable to open /dev/null");
}

void
home_enter(void)
{
	struct stat st;

	fill_descriptors();
	if (chdir(home_path()) != 0)
		die_temp("unable to enter ", path);
	if (path[0] != '/' && getcwd(path, sizeof(path)) == NULL)
		die_temp("unable to find the current folder");
	if (stat(".", &st) != 0)
		die_temp("unable to look at ", path);
	owner = st.st_uid;
	group = st.st_gid;
	env_set("CULVER_HOME", path);
}

bool
home_private(void)
{
	return owner != 0;
}

uid_t
home_owner(void)
{
	return owner;
}

gid_t
home_group(void)
{
	return group;
}
