/* queue: queue a message given as qmail-queue wants it.
 *
 * Runs as     the caller, whoever it is.
 * Started by  any program that would run qmail-queue, and wrappers of it.
 * Reads       the message on descriptor 0, the envelope on descriptor 1.
 * Writes      nothing on disk.
 * Talks to    culver-queued, by socket queue/submit, wire/submit.h.
 * Trusts      the caller with the caller's own mail only.
 * Exits       0 it is queued; else a code of wire/queue.h, qmail-queue's.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/home.h"
#include "lib/usage.h"
#include "queue/relay.h"
#include "wire/queue.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver-queue 0<message 1<envelope\n"
    "Queue a message, as qmail-queue does.\n"
    "Example: printf 'Fa@here\\0Tb@there\\0\\0' >envelope\n"
    "         culver-queue <message 1<envelope\n";

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

int
main(int argc, char **argv)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};

	check_descriptors();
	usage_answer(argc, argv, usage);
	die_name("queue");
	catch_signals();
	if (chdir(home_path()) != 0)
		_exit(QQ_HOME);
	home_enter();
	clock_open();
	drop_to(&stay);
	return relay_run(0, 1);
}
