/* start: start an instance under a supervisor and wait until it serves.
 *
 * Runs as     root in a real instance; in a private one its owner, which it
 *             becomes where root calls.
 * Started by  a person, culver start; a unit of the system's own supervisor.
 * Reads       service/, state/supervisor.lock; env CULVER_HOME, PATH.
 * Writes      state/supervisor, state/supervisor.lock, log/supervisor.
 * Talks to    the supervisor, by its own tools; each port, by one connect.
 * Trusts      its caller.
 * Exits       0 all is up; 100 wrong arguments, or it is started already; 111
 *             not everything came up.
 */
#include "lib/die.h"
#include "lib/home.h"
#include "lib/num.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "tools/instance.h"
#include <errno.h>
#include <stddef.h>

static const char usage[] =
    "usage: culver start [--home DIR] [--supervisor NAME] [--wait SECONDS]\n"
    "                    [--json]\n"
    "\n"
    "Start an instance and wait until its services are up and its ports\n"
    "accept, SECONDS (default 30) at most.  NAME is s6-svscan, runsvdir or\n"
    "svscan; without it, the first of these that is found.\n"
    "\n"
    "  culver start --home /var/tmp/mine\n";

/* A service that dies at once is up now and then, so it must last a second. */
static bool
serves(const struct instance *i, const struct service *one)
{
	(void)i;
	return one->state == SERVICE_UP && one->seconds >= 1 &&
	       service_accepts(one);
}

static enum supervisor
choose(const char *name)
{
	enum supervisor s;

	s = name == NULL ? supervisor_find() : supervisor_named(name);
	if (name != NULL && s == SUPERVISOR_NONE)
		die_usage("no supervisor ", name,
		    "; it may be s6-svscan, runsvdir or svscan");
	errno = 0;
	if (s == SUPERVISOR_NONE)
		die_temp("unable to find s6-svscan, runsvdir or svscan in "
			 "$PATH; the package s6 has the first");
	return s;
}

static void
start(struct instance *i, enum supervisor s)
{
	char pid[NUM_SIZE];

	instance_look(i);
	if (i->pid == 0 && supervisor_start(s)) {
		i->supervisor = s;
		return;
	}
	if (i->pid == 0 && errno != EAGAIN)
		die_temp("unable to start ", supervisor_name(s));
	(void)num_format(pid, (uint64_t)i->pid);
	die_usage(home_path(), " is started already, pid ", pid);
}

int
main(int argc, char **argv)
{
	static struct instance i;
	const char *home = NULL, *name = NULL, *wait = "30";
	uint64_t seconds = 0;
	bool json = false;
	const struct option_row rows[] = {
	    {"--home",       NULL,  &home},
	    {"--supervisor", NULL,  &name},
	    {"--wait",       NULL,  &wait},
	    {"--json",       &json, NULL },
	    {NULL,           NULL,  NULL },
	};
	bool up;

	die_name("start");
	usage_answer(argc, argv, usage);
	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	if (!num_parse(str_of(wait), 86400, &seconds))
		die_usage("--wait takes seconds, not ", wait);
	instance_enter(&i, home, true);
	start(&i, choose(name));
	up = instance_wait(&i, seconds, serves);
	instance_print(&i, json);
	if (up)
		return 0;
	errno = 0;
	for (size_t n = 0; n < i.all.count; n++)
		if (!serves(&i, &i.all.rows[n]))
			warn(i.all.rows[n].name, " does not serve: see ",
			    home_path(), "/log/", i.all.rows[n].name,
			    "/current");
	return EXIT_TEMP;
}
