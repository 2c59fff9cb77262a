/* stop: end an instance: its doors, its scheduler, the rest, the supervisor.
 *
 * Runs as     root in a real instance; in a private one its owner, which it
 *             becomes where root calls.
 * Started by  a person, culver stop; a unit of the system's own supervisor.
 * Reads       service/, state/supervisor, state/supervisor.lock;
 *             env CULVER_HOME.
 * Writes      nothing.
 * Talks to    the supervisor, by its own tools and by signals.
 * Trusts      its caller.
 * Exits       0 nothing of it runs any more; 100 wrong arguments; 111 something
 *             still runs.
 */
#include "lib/die.h"
#include "lib/home.h"
#include "lib/num.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "tools/instance.h"
#include <errno.h>
#include <stddef.h>

enum { KILLED_SECONDS = 10, GONE_SECONDS = 20 };

static const char usage[] =
    "usage: culver stop [--home DIR] [--wait SECONDS] [--json]\n"
    "\n"
    "End the services of an instance: first those that take mail and clients,\n"
    "then culver-send, then the rest and the supervisor.  A service that has\n"
    "work in hand after SECONDS (default 30) is killed; nothing is lost.\n"
    "\n"
    "  culver stop --home /var/tmp/mine\n";

static bool
doors_are_down(const struct instance *i, const struct service *one)
{
	(void)i;
	return one->rank > RANK_DOOR || one->state != SERVICE_UP;
}

static bool
send_is_down(const struct instance *i, const struct service *one)
{
	(void)i;
	return one->rank > RANK_SEND || one->state != SERVICE_UP;
}

static bool
is_down(const struct instance *i, const struct service *one)
{
	(void)i;
	return one->state != SERVICE_UP;
}

static bool
is_gone(const struct instance *i, const struct service *one)
{
	return i->pid == 0 && one->state == SERVICE_UNKNOWN;
}

static bool (*const down_to[RANK_COUNT])(const struct instance *i,
    const struct service *one) = {doors_are_down, send_is_down, is_down};

/* Tell those of one rank, by tell; a service that nobody supervises is told
 * nothing. */
static void
tell(const struct instance *i, enum service_rank rank,
    bool (*order)(enum supervisor s, const struct service *one))
{
	for (size_t n = 0; n < i->all.count; n++) {
		const struct service *one = &i->all.rows[n];

		errno = 0;
		if (one->rank == rank && one->state != SERVICE_UNKNOWN &&
		    !order(i->supervisor, one))
			warn("unable to tell ", one->name, " to end");
	}
}

static void
end_services(struct instance *i, uint64_t seconds)
{
	for (enum service_rank rank = RANK_DOOR; rank < RANK_COUNT; rank++) {
		tell(i, rank, service_down);
		if (instance_wait(i, seconds, down_to[rank]))
			continue;
		errno = 0;
		warn("a service has work in hand still; it is killed");
		tell(i, rank, service_kill);
		if (!instance_wait(i, KILLED_SECONDS, down_to[rank]))
			die_temp("unable to end every service");
	}
}

static void
end_supervisor(struct instance *i)
{
	if (!supervisor_end(i->supervisor, i->pid))
		die_temp("unable to end ", supervisor_name(i->supervisor));
	errno = 0;
	if (!instance_wait(i, GONE_SECONDS, is_gone))
		die_temp(supervisor_name(i->supervisor), " does not end");
}

int
main(int argc, char **argv)
{
	static struct instance i;
	const char *home = NULL, *wait = "30";
	bool json = false;
	uint64_t seconds = 0;
	const struct option_row rows[] = {
	    {"--home", NULL,  &home},
	    {"--wait", NULL,  &wait},
	    {"--json", &json, NULL },
	    {NULL,     NULL,  NULL },
	};

	die_name("stop");
	usage_answer(argc, argv, usage);
	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	if (!num_parse(str_of(wait), 86400, &seconds))
		die_usage("--wait takes seconds, not ", wait);
	instance_enter(&i, home, true);
	instance_look(&i);
	if (i.pid > 0) {
		end_services(&i, seconds);
		end_supervisor(&i);
	}
	instance_print(&i, json);
	return 0;
}
