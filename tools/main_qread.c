/* qread: every queued message and its recipients, as qmail-qread prints them.
 *
 * Runs as     its caller, who may read the queue: root, or HOME's owner.
 * Started by  a person, or a program that watches a host.
 * Reads       queue/mess, queue/info; control/{me,locals,virtualdomains,
 *             envnoathost,percenthack}; users/rcpt.cdb.
 * Writes      nothing.
 * Talks to    nobody.
 * Trusts      nothing in the queue.
 * Exits       0; 100 asked wrongly; 111 the queue cannot be read.
 */
#include "control/control.h"
#include "control/local.h"
#include "lib/clock.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "tools/queuelist.h"
#include "wire/users.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver qread [--home DIR]\n"
    "       qmail-qread\n"
    "\n"
    "Print each message in the queue: when it came, its number, size and\n"
    "sender; and each recipient, local or remote, with \"done\" where nobody\n"
    "waits for him any more.\n"
    "\n"
    "Example: culver qread\n";

struct reading {
	struct controls *controls;
	struct table *users;
	struct buf address;
	const char *channel; /* of whom the walk prints */
	bool local;
};

/* Bytes of others, so that they move no terminal's cursor. */
static void
print(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		(void)putchar(
		    s.data[i] < ' ' || s.data[i] > '~' ? '?' : s.data[i]);
}

static bool
print_recipient(struct str to, bool done, void *context)
{
	struct reading *r = context;
	enum found f = local_route(r->controls, r->users, to, &r->address);

	if (f == FOUND_ERROR)
		return false;
	if ((f == FOUND_YES) != r->local)
		return true;
	(void)printf("%s\t%s\t", done ? "  done" : "", r->channel);
	print(buf_str(&r->address));
	(void)putchar('\n');
	return true;
}

/* "21 Nov 2026 02:50:20 GMT  #1234  5678  <sender>  bouncing" */
static bool
print_message(const struct queuelist_message *m, void *context)
{
	struct reading *r = context;
	time_t when = (time_t)(m->message.arrived / CLOCK_SECOND);
	char date[64] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm) != NULL)
		(void)strftime(
		    date, sizeof(date), "%e %b %Y %H:%M:%S GMT", &tm);
	(void)printf("%s  #%" PRIu64 "  %" PRIu64 "  <",
	    date + (date[0] == ' '), m->message.ino, m->message.body_len);
	print(m->sender);
	(void)printf("> %s\n", m->bouncing ? " bouncing" : "");
	r->local = true;
	r->channel = "local";
	if (!queuelist_recipients(m, print_recipient, r))
		return errno == EPROTO;
	r->local = false;
	r->channel = "remote";
	return queuelist_recipients(m, print_recipient, r) || errno == EPROTO;
}

static void
open_tables(struct reading *r)
{
	int dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		die_temp("unable to open ", home_path(), "/control");
	r->controls = control_new(dir, CONTROL_TOOLS);
	if (r->controls == NULL)
		die_temp("unable to keep settings");
	errno = 0;
	if (!control_refresh(r->controls))
		die_temp(control_error(r->controls));
	if (!users_open(USERS_RCPT, &r->users))
		die_temp("unable to open " USERS_RCPT);
}

int
main(int argc, char **argv)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};
	static struct reading r;
	const char *home = NULL;
	const struct option_row rows[] = {
	    {"--home", NULL, &home},
	    {NULL,     NULL, NULL },
	};

	die_name("qread");
	usage_answer(argc, argv, usage);
	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	if (home != NULL)
		env_set("CULVER_HOME", home);
	home_enter();
	clock_open();
	drop_to(&stay);
	open_tables(&r);
	if (!queuelist_walk(print_message, &r))
		die_temp("unable to read the queue");
	if (fflush(stdout) != 0)
		die_temp("unable to write to standard output");
	control_free(r.controls);
	table_close(r.users);
	buf_free(&r.address);
	return 0;
}
