/* caller: see caller.h. */
#include "queue/caller.h"

#include "lib/clock.h"
#include "lib/die.h"
#include "lib/home.h"
#include "lib/usage.h"
#include "wire/queue.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static void
too_late(int sig)
{
	(void)sig;
	_exit(QQ_TIMEOUT);
}

static void
broken(int sig)
{
	(void)sig;
	_exit(QQ_BUG);
}

static void
catch_signals(void)
{
	static const int bugs[] = {
	    SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
	const struct sigaction late = {.sa_handler = too_late};
	const struct sigaction bad = {.sa_handler = broken};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (sigaction(SIGALRM, &late, NULL) != 0 ||
	    sigaction(SIGPIPE, &ignore, NULL) != 0)
		_exit(QQ_BUG);
	for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++)
		if (sigaction(bugs[i], &bad, NULL) != 0)
			_exit(QQ_BUG);
	(void)alarm(QUEUE_DEATH);
}

/* What is opened from here on must not become descriptor 0, 1 or 2. */
static void
check_descriptors(void)
{
	if (fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0)
		_exit(QQ_READ);
	if (fcntl(2, F_GETFD) < 0 && open("/dev/null", O_WRONLY) != 2)
		_exit(QQ_BUG);
}

void
caller_begin(int argc, char **argv, const char *name, const char *usage)
{
	check_descriptors();
	usage_answer(argc, argv, usage);
	die_name(name);
	catch_signals();
	if (chdir(home_path()) != 0)
		_exit(QQ_HOME);
	home_enter();
	clock_open();
}
