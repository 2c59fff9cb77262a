/* status: show how the services of an instance are.
 *
 * Runs as     the caller; in a private instance HOME's owner where root calls.
 * Started by  a person, culver status.
 * Reads       service/, state/supervisor, state/supervisor.lock;
 *             env CULVER_HOME.
 * Writes      nothing.
 * Talks to    the supervisor, by its own tools (s6-svstat, sv, svstat).
 * Trusts      what those tools print.
 * Exits       0 every service is up; 100 wrong arguments; 111 one is not, or it
 *             cannot be told.
 */
#include "lib/die.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "tools/instance.h"
#include <stddef.h>

static const char usage[] =
    "usage: culver status [--home DIR] [--json]\n"
    "\n"
    "Show every service of an instance: up or down, its pid, for how many\n"
    "seconds, its version and its ports.  Exits 0 when all are up.\n"
    "\n"
    "  culver status --home /var/tmp/mine\n";

int
main(int argc, char **argv)
{
	static struct instance i;
	const char *home = NULL;
	bool json = false;
	const struct option_row rows[] = {
	    {"--home", NULL,  &home},
	    {"--json", &json, NULL },
	    {NULL,     NULL,  NULL },
	};

	die_name("status");
	usage_answer(argc, argv, usage);
	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	instance_enter(&i, home, false);
	instance_look(&i);
	instance_print(&i, json);
	for (size_t n = 0; n < i.all.count; n++)
		if (i.all.rows[n].state != SERVICE_UP)
			return EXIT_TEMP;
	return 0;
}
