/* check: is the queue as it should be?  With --repair, make it so.
 *
 * Runs as     root in a real instance, jailed; HOME's owner in a private one.
 * Started by  a person, culver queue check.
 * Reads       queue/, all of it; doc/hier; env CULVER_HOME.
 * Writes      nothing; with --repair names, journals, owners and modes in
 *             queue/, and queue/repairing.
 * Talks to    nobody; with --repair culver-send is kept out by queue/lock.
 * Trusts      nothing in the queue but a message's head, and that after its
 *             crc32.
 * Exits       0 all is well (now); 100 it is not, or asked wrongly; 111 the
 *             system failed, or culver-send runs.
 */
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "queue/findings.h"
#include "queue/inspect.h"
#include "queue/mend.h"
#include "wire/queue.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver queue check [--repair] [--home DIR] [--json]\n"
    "\n"
    "Look at every message and journal: heads, lengths and crc32 sums, names,\n"
    "owners and modes.  It only reads, and may run at any time.\n"
    "\n"
    "  --repair    after a restore: give messages the names of their inodes,\n"
    "              bring their journals, make what is missing, put owners\n"
    "              and modes right; end culver-send before\n"
    "  --home DIR  the instance ($CULVER_HOME)\n"
    "  --json      print an object instead of a table\n"
    "\n"
    "Exits 0 when all is well, 100 when something is left to do.\n"
    "\n"
    "  culver stop && culver queue check --repair && culver start\n";

static void
enter_jail(bool mend)
{
	const struct drop_path paths[] = {
	    {"queue", PATH_READ |
			  (mend ? PATH_WRITE | PATH_CREATE | PATH_REMOVE : 0U)},
	    {NULL,    0									    },
	};
	const struct drop jail = {
	    .account = home_private() ? ACCOUNT_QUEUE : ACCOUNT_ROOT,
	    .jailed = true,
	    .promises = PROMISE_READ | (mend ? PROMISE_WRITE : 0U),
	    .paths = paths,
	};

	drop_to(&jail);
}

static void
open_queue(struct survey *s)
{
	if (!survey_open(s))
		die_temp("unable to open queue/ (culver setup makes it)");
	if (!queue_split_read(&s->split))
		die_temp("unable to read " QUEUE_FORMAT_FILE
			 " (culver setup makes it; give it --split with the "
			 "number of folders in queue/mess)");
}

/* What was found is mended, as far as it can be. */
static void
repair(struct survey *s, const struct modes *m, const struct findings *f)
{
	bool blocked = findings_blocking(f) > 0;

	if (findings_curable(f, CURE_MAKE) + findings_curable(f, CURE_MODES) >
		0 &&
	    !modes_rows(m, s, NULL))
		die_temp("unable to make or change a folder of the queue");
	survey_close(s);
	open_queue(s);
	errno = 0;
	if (findings_curable(f, CURE_NAMES) > 0) {
		if (blocked)
			warn("no name is changed while things are in the way");
		else
			mend_names(s, m);
	}
	if (findings_curable(f, CURE_MODES) > 0 ||
	    findings_curable(f, CURE_NAMES) > 0)
		mend_modes(s, m);
	if (!blocked)
		mend_finish(s);
}

/* How much is left: what cannot be seen again without reading all bodies, and
 * what can. */
static uint64_t
count_left(const struct survey *s, const struct modes *m,
    const struct findings *before)
{
	struct findings now = {.silent = true};

	inspect(s, m, &now, false);
	return findings_count(&now) + before->counts[FAULT_ENVELOPE] +
	       before->counts[FAULT_BODY];
}

struct options {
	const char *home;
	bool mend, json;
};

static void
read_options(struct options *o, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"--repair", &o->mend, NULL    },
	    {"--home",   NULL,     &o->home},
	    {"--json",   &o->json, NULL    },
	    {NULL,       NULL,     NULL    },
	};

	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	if (o->home != NULL)
		env_set("CULVER_HOME", o->home);
}

/* The accounts are looked up before the jail, which has no table of them. */
static void
enter(const struct options *o, struct modes *m)
{
	home_enter();
	clock_open();
	if (!home_private() && geteuid() != 0)
		die_usage("only root can read this queue");
	drop_to(&(struct drop){
	    .account = home_private() ? ACCOUNT_QUEUE : ACCOUNT_ROOT});
	if (!modes_open(m))
		die_temp("unable to read doc/hier or find the accounts (culver "
			 "setup makes them)");
	enter_jail(o->mend);
	(void)umask(0);
}

int
main(int argc, char **argv)
{
	static struct findings f;
	static struct modes m;
	struct options o = {.home = NULL};
	struct survey s;
	uint64_t left;

	die_name("check");
	usage_answer(argc, argv, usage);
	read_options(&o, argc, argv);
	enter(&o, &m);
	open_queue(&s);
	if (o.mend)
		mend_lock(&s, &m);
	findings_begin(&f, o.json);
	inspect(&s, &m, &f, true);
	left = findings_count(&f);
	if (o.mend && left > 0) {
		repair(&s, &m, &f);
		left = count_left(&s, &m, &f);
	}
	findings_end(&f, o.mend, left);
	survey_close(&s);
	return left > 0 ? EXIT_USAGE : 0;
}
