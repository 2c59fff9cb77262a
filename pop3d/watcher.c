/* watcher: see watcher.h. */
#include "pop3d/watcher.h"

#include "lib/die.h"
#include "lib/drop.h"
#include "lib/sock.h"
#include "wire/checkpw.h"
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

void
watcher_run(pid_t child, int answer, const int closed[2])
{
	int status = 0;
	const char *letter = "Z";

	drop_to(&(struct drop){.account = ACCOUNT_USERS,
	    .jailed = true,
	    .promises = PROMISE_FORK});
	if (child < 0)
		die_temp("unable to fork for a program");
	(void)close(closed[0]);
	(void)close(closed[1]);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die_temp("unable to wait for a program");
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHECKPW_WRONG)
		letter = "N";
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		letter = "Y";
	/* Whoever has its mailbox does not hear this. */
	(void)!sock_send(answer, letter, 1, -1);
	_exit(0);
}
