/* accounts: the accounts and groups of a real instance, made with the host's
 * own tools. */
#include "control/setup.h"
#include "lib/account.h"
#include "lib/die.h"
#include "lib/home.h"
#include <errno.h>
#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char path_of_tools[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";

/* Run one of the host's tools; dies unless it exits 0. */
static void
tool(const char *const *words)
{
	char *const environment[] = {path_of_tools, NULL};
	char file[64], *argv[16];
	size_t n = 0;
	int status;
	pid_t pid;

	for (; n < 15 && words[n] != NULL; n++)
		argv[n] = strdup(words[n]); /* kept until we exit */
	argv[n] = NULL;
	(void)snprintf(file, sizeof file, "/usr/sbin/%s", words[0]);
	errno = posix_spawn(&pid, file, NULL, NULL, argv, environment);
	if (errno != 0)
		die_temp("unable to run ", file);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die_temp("unable to wait for ", file);
	errno = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die_temp(file, " failed");
}

static void
make_group(const char *name)
{
	const char *const words[] = {"groupadd", "--system", name, NULL};
	gid_t gid;

	if (account_group(name, &gid))
		return;
	if (errno != ENOENT)
		die_temp("unable to look for group ", name);
	tool(words);
	printf("made group %s\n", name);
}

static bool
is_member(const char *group, const char *name)
{
	const struct group *g = getgrnam(group);

	for (size_t i = 0; g != NULL && g->gr_mem[i] != NULL; i++)
		if (strcmp(g->gr_mem[i], name) == 0)
			return true;
	return false;
}

static void
make_account(enum account a)
{
	const char *name = account_name(a), *also = account_also(a);
	const char *const add[] = {"useradd", "--system", "--no-create-home",
	    "--home-dir", home_path(), "--shell", "/usr/sbin/nologin", "--gid",
	    name, "--comment", account_purpose(a), name, NULL};
	const char *const join[] = {"usermod", "-a", "-G", also, name, NULL};
	uid_t uid;
	gid_t gid;

	make_group(name);
	if (!account_find(a, &uid, &gid)) {
		if (errno != ENOENT)
			die_temp("unable to look for account ", name);
		tool(add);
		printf("made account %s: %s\n", name, account_purpose(a));
	}
	if (also[0] != '\0' && !is_member(also, name)) {
		tool(join);
		printf("put %s into group %s\n", name, also);
	}
}

void
setup_accounts(void)
{
	(void)fflush(stdout);
	make_group(GROUP_MESSAGES);
	make_group(GROUP_ADMIN);
	for (enum account a = 0; a < ACCOUNT_COUNT; a++)
		make_account(a);
}
