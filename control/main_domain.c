/* domain: add, list and remove the domains that mail is taken for.
 *
 * Runs as     root; in a private instance its owner.
 * Started by  a person.
 * Reads       control/{me,rcpthosts,morercpthosts,locals,virtualdomains};
 *             users/passwd.
 * Writes      control/{rcpthosts,locals,virtualdomains} and their tables;
 *             users/passwd, users/passwd.cdb, users/rcpt.cdb.
 * Talks to    nobody.
 * Trusts      its caller.
 * Exits       0; 100 you asked wrongly; 111 the system failed.
 */
#include "control/complaint.h"
#include "control/control.h"
#include "control/domains.h"
#include "control/keeper.h"
#include "control/listfile.h"
#include "control/mailboxes.h"
#include "lib/address.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver domain add DOMAIN [KIND] [-n]\n"
    "       culver domain del DOMAIN [-n]\n"
    "       culver domain list [--json]\n"
    "\n"
    "Mail for the domain is accepted, and KIND says whose it is:\n"
    "  (none)             its mailboxes', which culver user adds\n"
    "  --catch-all LIST   the same; other addresses' mail goes to these\n"
    "  --alias-of DOMAIN  each address is the one of that domain\n"
    "  --local            this host's system users'\n"
    "  --user NAME        the system user's: NAME-LOCALPART\n"
    "  --relay            another host's; it is only passed on\n"
    "\n"
    "With -n they only say what they would do.  --home DIR names the "
    "instance.\n"
    "\n"
    "Example: culver domain add example.org\n";

enum place { RCPTHOSTS, LOCALS, VIRTUALDOMAINS, PLACES };

static const enum control_id place_ids[PLACES] = {
    C_rcpthosts, C_locals, C_virtualdomains};

struct request {
	const char *home, *alias_of, *catch_all, *user;
	bool local, relay, dry, json;
	const char *operand;
	size_t count;
	int dirfd;
	struct buf name; /* the domain in lower case, behind an '@' */
	struct str domain;
	struct buf forward;
	struct buf error;
	struct mailboxes boxes;
	struct listfile lists[PLACES];
	bool changed[PLACES], users_changed;
};

static void
read_options(struct request *r, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"--alias-of",  NULL,      &r->alias_of },
	    {"--catch-all", NULL,      &r->catch_all},
	    {"--user",      NULL,      &r->user     },
	    {"--local",     &r->local, NULL         },
	    {"--relay",     &r->relay, NULL         },
	    {"-n",          &r->dry,   NULL         },
	    {"--json",      &r->json,  NULL         },
	    {"--home",      NULL,      &r->home     },
	    {NULL,          NULL,      NULL         },
	};

	r->count = option_operands(argc, argv, rows, &r->operand, 1);
	if (r->local + r->relay + (r->alias_of != NULL) +
		(r->catch_all != NULL) + (r->user != NULL) >
	    1)
		die_usage("a domain is of one kind");
}

static void
must(bool ok)
{
	if (!ok) {
		errno = ENOMEM;
		die_temp("unable to go on");
	}
}

static void
check(struct request *r, bool ok)
{
	if (!ok) {
		errno = 0;
		die_temp(complaint_text(&r->error));
	}
}

static void
take_domain(struct request *r)
{
	if (r->count == 0)
		die_usage("which domain? --help tells more");
	if (!address_domain_ok(str_of(r->operand), true))
		die_usage("not a domain: ", r->operand);
	must(buf_append_byte(&r->name, '@') &&
	     buf_append_lower(&r->name, str_of(r->operand)) &&
	     buf_terminate(&r->name));
	r->domain = (struct str){r->name.data + 1, r->name.len - 1};
}

static void
open_all(struct request *r)
{
	r->dirfd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0)
		die_temp("unable to open control");
	check(r, mailboxes_open(&r->boxes, !r->dry, &r->error));
	for (size_t i = 0; i < PLACES; i++)
		check(r, listfile_open(
			     &r->lists[i], r->dirfd, place_ids[i], &r->error));
}

static void
say(const struct request *r, const char *what, const char *where)
{
	printf("%s%s: %s %s\n", r->dry ? "would change " : "", where, what,
	    r->domain.data);
}

/* The domain, and value for a map, into a list that lacks it. */
static void
enter(struct request *r, enum place p, const char *value)
{
	struct listfile *l = &r->lists[p];
	const char *name = control_row(place_ids[p])->name;
	char where[64];

	if (listfile_find(l, r->domain, NULL))
		return;
	/* Without the file locals holds me, and goes on to. */
	if (p == LOCALS && !l->there) {
		struct buf me = {0};
		struct str rest, line = {"", 0};

		if (!fd_read_file(r->dirfd, "me", &me) && errno != ENOENT)
			die_temp("unable to read control/me");
		rest = buf_str(&me);
		(void)str_cut(&rest, '\n', &line);
		line = str_trim(line);
		if (line.len > 0 && !str_equal_nocase(line, r->domain))
			must(listfile_add(l, line, (struct str){"", 0}));
		buf_free(&me);
	}
	must(listfile_add(l, r->domain, str_of(value)));
	r->changed[p] = true;
	(void)snprintf(where, sizeof where, "control/%s", name);
	say(r, "added", where);
}

/* In which other list the domain stands, whose mail it would get. */
static void
refuse_others(const struct request *r)
{
	static const char *const words[PLACES] = {
	    NULL, "control/locals", "control/virtualdomains"};
	bool mine[PLACES] = {true, r->local, r->user != NULL};

	for (size_t i = LOCALS; i < PLACES; i++)
		if (!mine[i] && listfile_find(&r->lists[i], r->domain, NULL))
			die_usage(r->domain.data, " is in ", words[i],
			    " already; del it first");
	if ((r->local || r->user != NULL || r->relay) &&
	    domains_has(&r->boxes, r->domain))
		die_usage(r->domain.data, " has mailboxes of its own");
}

/* The domain's line of users/passwd. */
static void
enter_users(struct request *r)
{
	struct user_record record = {.flags = 0};
	struct str other = {r->alias_of, 0};

	if (r->alias_of != NULL) {
		other.len = strlen(r->alias_of);
		if (!domains_has(&r->boxes, other))
			die_usage("there are no mailboxes of ", r->alias_of);
		if (domains_mailboxes(&r->boxes, r->domain) > 0)
			die_usage(r->domain.data, " has mailboxes of its own");
		must(buf_append_byte(&r->forward, '@') &&
		     buf_append_lower(&r->forward, other));
	} else if (r->catch_all != NULL)
		must(buf_append_text(&r->forward, r->catch_all));
	record.forward = buf_str(&r->forward);
	if (mailboxes_find(&r->boxes, buf_str(&r->name)) != NULL &&
	    r->forward.len == 0)
		return;
	if (!mailboxes_put(&r->boxes, buf_str(&r->name), &record, &r->error))
		die_usage(complaint_text(&r->error));
	r->users_changed = true;
	say(r, "added", USERS_TEXT);
}

/* First whose it is, then that it is taken. */
static void
save(struct request *r)
{
	if (r->dry)
		return;
	if (r->users_changed)
		check(r, mailboxes_save(&r->boxes, &r->error));
	for (size_t i = PLACES; i-- > 0;)
		if (r->changed[i])
			check(r,
			    listfile_save(&r->lists[i], r->dirfd, &r->error));
}

static void
do_add(struct request *r)
{
	take_domain(r);
	open_all(r);
	refuse_others(r);
	if (r->local)
		enter(r, LOCALS, "");
	else if (r->user != NULL)
		enter(r, VIRTUALDOMAINS, r->user);
	else if (!r->relay)
		enter_users(r);
	enter(r, RCPTHOSTS, "");
	save(r);
	if (!r->users_changed && !r->changed[RCPTHOSTS] &&
	    !r->changed[LOCALS] && !r->changed[VIRTUALDOMAINS])
		printf("nothing to do: %s is there\n", r->domain.data);
}

static void
leave(struct request *r, enum place p)
{
	static const char *const words[PLACES] = {
	    "control/rcpthosts", "control/locals", "control/virtualdomains"};

	r->changed[p] = listfile_remove(&r->lists[p], r->domain);
	if (r->changed[p])
		say(r, "removed", words[p]);
}

/* Its mailboxes are somebody's mail: they go one by one, before. */
static void
leave_users(struct request *r)
{
	char number[32];
	size_t n = domains_mailboxes(&r->boxes, r->domain);
	const struct mailbox *alias = domains_alias(&r->boxes, r->domain);

	(void)snprintf(number, sizeof number, "%zu", n);
	if (n > 0)
		die_usage("mailboxes of ", r->domain.data,
		    " are left: ", number, "; culver user del removes them");
	if (alias != NULL)
		die_usage("an alias domain means it; del that first");
	if (mailboxes_find(&r->boxes, buf_str(&r->name)) == NULL)
		return;
	check(r, mailboxes_put(&r->boxes, buf_str(&r->name), NULL, &r->error));
	r->users_changed = true;
	say(r, "removed", USERS_TEXT);
}

/* First that it is taken, then whose it is: in between is nobody's mail. */
static void
do_del(struct request *r)
{
	bool any = false;

	take_domain(r);
	open_all(r);
	leave_users(r);
	for (size_t i = 0; i < PLACES; i++) {
		leave(r, (enum place)i);
		any = any || r->changed[i];
	}
	if (!any && !r->users_changed)
		die_usage("there is no domain ", r->domain.data);
	for (size_t i = 0; i < PLACES && !r->dry; i++)
		if (r->changed[i])
			check(r,
			    listfile_save(&r->lists[i], r->dirfd, &r->error));
	if (r->users_changed && !r->dry)
		check(r, mailboxes_save(&r->boxes, &r->error));
}

static void
do_list(struct request *r)
{
	if (r->count > 0)
		die_usage("one argument too many: ", r->operand);
	r->dry = true;
	open_all(r);
	check(r, domains_print(&r->boxes, r->dirfd, r->json, &r->error));
}

static void
run(struct request *r, const char *verb)
{
	if (strcmp(verb, "add") == 0)
		do_add(r);
	else if (strcmp(verb, "del") == 0)
		do_del(r);
	else if (strcmp(verb, "list") == 0)
		do_list(r);
	else
		die_usage("no command ", verb, "; --help lists them");
}

int
main(int argc, char **argv)
{
	struct request r = {.dirfd = -1};

	die_name("domain");
	usage_answer(argc, argv, usage);
	if (argc < 2)
		die_usage("add, del or list; --help tells more");
	read_options(&r, argc - 1, argv + 1);
	if (r.home != NULL)
		env_set("CULVER_HOME", r.home);
	home_enter();
	drop_to(&(struct drop){.account = keeper_account()});
	run(&r, argv[1]);
	for (size_t i = 0; i < PLACES; i++)
		listfile_close(&r.lists[i]);
	mailboxes_close(&r.boxes);
	buf_free(&r.name);
	buf_free(&r.forward);
	buf_free(&r.error);
	fd_close(&r.dirfd);
	if (fflush(stdout) == EOF)
		die_temp("unable to write to standard output");
	return 0;
}
