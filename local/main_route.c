/* route: what becomes of mail for an address, step by step; nothing is sent.
 *
 * Runs as     its caller; of root a child becomes the owner of each .qmail file
 *             before it is read.
 * Started by  a person.
 * Reads       control/; users/; .qmail files; the system's users.
 * Writes      nothing.
 * Talks to    nobody.
 * Trusts      its caller; nothing of what it reads.
 * Exits       0 there is a way for each; 100 mail for one would be bounced, or
 *             you asked wrongly; 111 mail for one would wait, or the system
 *             failed.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "local/routing.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver route [--from SENDER] [--home DIR] [--json] ADDRESS ...\n"
    "\n"
    "Say what becomes of mail for each address, by the tables as they are "
    "now:\n"
    "how it is rewritten, which list makes it local, whose it is, by which\n"
    ".qmail file and what that does; or to which host it goes.  Nothing is\n"
    "sent.  As root it tells of everybody's .qmail files.\n"
    "\n"
    "  --from SENDER  mail of that sender (authsenders, outgoingip)\n"
    "  --home DIR     the instance ($CULVER_HOME)\n"
    "  --json         print a list of objects\n"
    "\n"
    "Example: culver route postmaster@example.org anna-list@example.org\n";

enum { OPERANDS = 1 << 16, OUT = 1 << 28 };

struct options {
	const char *home, *from;
	bool json;
};

static size_t
read_options(struct options *o, int argc, char **argv, const char **operands)
{
	const struct option_row rows[] = {
	    {"--from", NULL,     &o->from},
	    {"--home", NULL,     &o->home},
	    {"--json", &o->json, NULL    },
	    {NULL,     NULL,     NULL    },
	};
	size_t n = option_operands(argc, argv, rows, operands, OPERANDS);

	if (n == 0)
		die_usage("give an address; --help tells more");
	if (o->home != NULL)
		env_set("CULVER_HOME", o->home);
	return n;
}

static void
open_tables(struct routing *r)
{
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		die_temp("unable to open ", home_path(), "/control");
	r->controls = control_new(dir, CONTROL_TOOLS);
	if (r->controls == NULL)
		die_temp("unable to keep settings");
	errno = 0;
	if (!control_refresh(r->controls))
		die_usage(control_error(r->controls));
	owner_open(&r->owners);
	if (!users_open(USERS_RCPT, &r->owners.rcpt.table))
		die_temp("unable to open " USERS_RCPT);
}

int
main(int argc, char **argv)
{
	static struct routing r;
	static const char *operands[OPERANDS];
	static const struct drop stay = {.account = ACCOUNT_SELF};
	struct options o = {.from = ""};
	enum routing_end end, worst = ROUTING_DELIVERED;
	size_t n;

	die_name("route");
	usage_answer(argc, argv, usage);
	n = read_options(&o, argc, argv, operands);
	home_enter();
	clock_open();
	drop_to(&stay);
	open_tables(&r);
	r.sender = str_of(o.from);
	r.as_json = o.json;
	r.json.out.max = OUT;
	json_list(&r.json, NULL);
	for (size_t i = 0; i < n; i++) {
		end = routing_of(&r, str_of(operands[i]));
		worst = end > worst ? end : worst;
	}
	json_list_end(&r.json);
	if (o.json ? !json_print(&r.json, STDOUT_FILENO) : fflush(stdout) != 0)
		die_temp("unable to write to standard output");
	return worst == ROUTING_DELIVERED ? 0
	       : worst == ROUTING_REFUSED ? EXIT_USAGE
					  : EXIT_TEMP;
}
