/* newu: make users/cdb of users/assign, as qmail-newu does.
 *
 * Runs as     root; in a private instance its owner.
 * Started by  a person, or the programs of a host's panel.
 * Reads       users/assign.
 * Writes      users/cdb.
 * Talks to    nobody.
 * Trusts      its caller.
 * Exits       0; 100 you asked wrongly; 111 users/assign is malformed, or the
 *             system failed: the old table stays.
 */
#include "control/assign.h"
#include "control/complaint.h"
#include "control/keeper.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/home.h"
#include "lib/usage.h"
#include <errno.h>

static const char usage[] =
    "usage: culver-newu [--help | --version]\n"
    "\n"
    "It compiles users/assign below $CULVER_HOME to users/cdb, which rules\n"
    "from then on.\n"
    "\n"
    "Example: culver newu\n";

int
main(int argc, char **argv)
{
	struct buf error = {0};
	bool malformed;

	die_name("newu");
	usage_answer(argc, argv, usage);
	if (argc != 1)
		die_usage("culver-newu takes no arguments");
	home_enter();
	drop_to(&(struct drop){.account = keeper_account()});
	errno = 0;
	if (!assign_build(&malformed, &error)) {
		errno = 0;
		die_temp(complaint_text(&error));
	}
	buf_free(&error);
	return 0;
}
