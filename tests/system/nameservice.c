/* nameservice: the system's users for tests, by LD_PRELOAD: getpwnam waits while
 * the folder $NAMESERVICE holds a file "slow", and then knows whoever has a
 * folder there, as the owner of that folder. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct passwd *
getpwnam(const char *name)
{
	static const struct timespec nap = {0, 10000000};
	static char home[4096];
	static struct passwd pw;
	struct stat st;
	const char *folder = getenv("NAMESERVICE");

	(void)snprintf(home, sizeof(home), "%s/slow", folder);
	while (stat(home, &st) == 0)
		(void)nanosleep(&nap, NULL);
	(void)snprintf(home, sizeof(home), "%s/%s", folder, name);
	errno = 0;
	if (name[0] == '\0' || stat(home, &st) != 0 || !S_ISDIR(st.st_mode))
		return NULL;
	pw.pw_dir = home;
	pw.pw_uid = st.st_uid;
	pw.pw_gid = st.st_gid;
	return &pw;
}
