/* qstat: how many messages are queued, as qmail-qstat says it.
 *
 * Runs as     its caller, who may read the queue: root, or HOME's owner.
 * Started by  a person, or a program that watches a host.
 * Reads       queue/mess, queue/info.
 * Writes      nothing.
 * Talks to    nobody.
 * Trusts      nothing in the queue.
 * Exits       0; 100 asked wrongly; 111 the queue cannot be read.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/json.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "tools/queuelist.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver qstat [--home DIR] [--json]\n"
    "       qmail-qstat\n"
    "\n"
    "Print how many messages are in the queue, and how many of them no "
    "attempt\n"
    "is recorded of yet, which qmail calls not yet preprocessed.\n"
    "\n"
    "Example: culver qstat\n";

struct counts {
	uint64_t all, untried;
};

static bool
count(const struct queuelist_message *m, void *context)
{
	struct counts *c = context;

	c->all++;
	c->untried += !m->tried;
	return true;
}

static void
print_json(const struct counts *c)
{
	struct json j = {.comma = false};

	json_object(&j, NULL);
	json_number(&j, "messages", c->all);
	json_number(&j, "untried", c->untried);
	json_object_end(&j);
	if (!json_print(&j, STDOUT_FILENO))
		die_temp("unable to write to standard output");
	buf_free(&j.out);
}

int
main(int argc, char **argv)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};
	struct counts c = {0, 0};
	const char *home = NULL;
	bool json = false;
	const struct option_row rows[] = {
	    {"--home", NULL,  &home},
	    {"--json", &json, NULL },
	    {NULL,     NULL,  NULL },
	};

	die_name("qstat");
	usage_answer(argc, argv, usage);
	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	if (home != NULL)
		env_set("CULVER_HOME", home);
	home_enter();
	clock_open();
	drop_to(&stay);
	if (!queuelist_walk(count, &c))
		die_temp("unable to read the queue");
	if (json) {
		print_json(&c);
		return 0;
	}
	(void)printf("messages in queue: %" PRIu64
		     "\nmessages in queue but not yet preprocessed: %" PRIu64
		     "\n",
	    c.all, c.untried);
	if (fflush(stdout) != 0)
		die_temp("unable to write to standard output");
	return 0;
}
