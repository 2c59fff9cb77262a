/* import: take the messages of a qmail's queue into ours.
 *
 * Runs as     root in a real instance, jailed; HOME's owner in a private one.
 * Started by  a person, culver queue import.
 * Reads       the other queue, and locals and virtualdomains beside it; queue/.
 * Writes      queue/mess, queue/info and queue/importing; removes from the other
 *             queue what is in ours.
 * Talks to    nobody; culver-send is kept out by queue/lock, qmail-send by its
 *             lock/sendmutex.
 * Trusts      its caller; nothing in either queue.
 * Exits       0 the other queue holds nothing more; 100 something is left in
 *             it, or asked wrongly; 111 the system failed, or a culver-send or
 *             a qmail-send runs.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "control/control.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "queue/importing.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver queue import [--home DIR] [--control DIR] [--dry-run]\n"
    "                           [--json] QUEUE\n"
    "\n"
    "Take the messages of a qmail's queue, /var/qmail/queue, into ours: each\n"
    "keeps its age; whom it was delivered to is not delivered to again, and\n"
    "what its bounce would say is kept.  What is in ours is removed there.\n"
    "End culver-send and qmail-send before.  Ended in between, by whatever,\n"
    "it is run again: nothing is lost, and nothing taken twice.\n"
    "\n"
    "  --control DIR  locals and virtualdomains of that qmail "
    "(QUEUE/../control,\n"
    "                 or ours where that is not there)\n"
    "  --dry-run      say what would be done; both may run meanwhile\n"
    "  --home DIR     the instance ($CULVER_HOME)\n"
    "  --json         print an object\n"
    "\n"
    "Exits 0 when nothing is left there, 100 when something is.\n"
    "\n"
    "  culver stop && culver queue import /var/qmail/queue && culver start\n";

struct options {
	const char *home, *control;
	bool dry, json;
};

static const char *
read_options(struct options *o, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"--control", NULL,     &o->control},
	    {"--dry-run", &o->dry,  NULL       },
	    {"--home",    NULL,     &o->home   },
	    {"--json",    &o->json, NULL       },
	    {NULL,        NULL,     NULL       },
	};
	const char *queue = NULL;

	if (option_operands(argc, argv, rows, &queue, 1) != 1)
		die_usage("give the folder of one queue; --help tells more");
	if (o->home != NULL)
		env_set("CULVER_HOME", o->home);
	return queue;
}

/* What is relative is so to where we were started. */
static void
make_absolute(char out[PATH_MAX], const char *path)
{
	if (realpath(path, out) == NULL)
		die_temp("unable to find ", path);
}

static void
enter_jail(const char *queue, bool dry)
{
	const unsigned all =
	    PATH_READ | (dry ? 0U : PATH_WRITE | PATH_CREATE | PATH_REMOVE);
	const struct drop_path paths[] = {
	    {"queue", all},
	    {queue,   all},
	    {NULL,    0  },
	};

	drop_to(&(struct drop){
	    .account = home_private() ? ACCOUNT_QUEUE : ACCOUNT_ROOT,
	    .jailed = true,
	    .promises = PROMISE_READ | (dry ? 0U : PROMISE_WRITE),
	    .paths = paths,
	});
}

/* The lists by which that qmail made addresses local, read before the jail. */
static struct controls *
read_controls(const char *named, const char *queue)
{
	char beside[PATH_MAX + 16];
	struct controls *c;
	int dir;

	(void)snprintf(beside, sizeof(beside), "%s/../control", queue);
	dir = open(
	    named != NULL ? named : beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && named == NULL && errno == ENOENT)
		dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		die_temp("unable to open ", named != NULL ? named : beside);
	c = control_new(dir, CONTROL_TOOLS);
	if (c == NULL)
		die_temp("unable to keep settings");
	errno = 0;
	if (!control_refresh_row(c, C_me) ||
	    !control_refresh_row(c, C_locals) ||
	    !control_refresh_row(c, C_virtualdomains))
		die_usage(control_error(c));
	return c;
}

int
main(int argc, char **argv)
{
	static struct importing i;
	static char queue[PATH_MAX], control[PATH_MAX];
	struct options o = {.home = NULL};
	const char *named;

	die_name("import");
	usage_answer(argc, argv, usage);
	named = read_options(&o, argc, argv);
	make_absolute(queue, named);
	if (o.control != NULL)
		make_absolute(control, o.control);
	home_enter();
	clock_open();
	if (!home_private() && geteuid() != 0)
		die_usage("only root can read this queue");
	drop_to(&(struct drop){
	    .account = home_private() ? ACCOUNT_QUEUE : ACCOUNT_ROOT});
	importing_open(&i, queue, o.dry);
	i.controls = read_controls(o.control != NULL ? control : NULL, queue);
	enter_jail(queue, o.dry);
	(void)umask(0);
	return importing_run(&i, o.json);
}
