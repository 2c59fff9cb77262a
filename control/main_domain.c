/* domain: add, list and remove the domains that mail is taken for.
 *
 * Runs as     root; in a private instance its owner.
 * Started by  a person.
 * Reads       control/{me,rcpthosts,morercpthosts,locals,virtualdomains};
 *             users/passwd.
 * Writes      control/{rcpthosts,morercpthosts,locals,virtualdomains} and their
 *             tables; users/passwd, users/passwd.cdb, users/rcpt.cdb.
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
#include "lib/num.h"
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
    "  --catch-all LIST   the same; other addresses' mail goes to these; "
    "\"\": none\n"
    "  --alias-of DOMAIN  each address is the one of that domain\n"
    "  --local            this host's system users'\n"
    "  --user NAME        the system user's: NAME-LOCALPART\n"
    "  --relay            another host's; it is only passed on\n"
    "\n"
    "With -n they only say what they would do.  --home DIR names the "
    "instance.\n"
    "\n"
    "Example: culver domain add example.org\n";

/* In the order in which a domain leaves them, so that its mail is refused before
 * it is nobody's; it enters them the other way round.  A run that was ended in
 * between is completed by the next one. */
enum place { RCPTHOSTS, MORERCPTHOSTS, LOCALS, VIRTUALDOMAINS, PLACES };

static const enum control_id place_ids[PLACES] = {
    C_rcpthosts, C_morercpthosts, C_locals, C_virtualdomains};

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

/* What it would mean in a line of virtualdomains. */
static void
check_user(const struct request *r)
{
	bool ok = r->user == NULL || r->user[0] != '\0';

	for (const char *p = r->user; ok && p != NULL && *p != '\0'; p++)
		ok = (unsigned char)*p > ' ' && *p != 0x7f && *p != ':' &&
		     *p != '@';
	if (!ok)
		die_usage("not the name of a user: ", r->user);
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

static const char *
name_of(enum place p)
{
	return control_row(place_ids[p])->name;
}

static void
say(const struct request *r, const char *what, const char *folder,
    const char *file)
{
	printf("%s%s%s: %s %s\n", r->dry ? "would change " : "", folder, file,
	    what, r->domain.data);
}

/* The domain itself is in the list; *value is of a map. */
static bool
stands(const struct request *r, enum place p, struct str *value)
{
	enum found f = listfile_find(&r->lists[p], r->domain, value);

	if (f == FOUND_ERROR)
		die_temp("unable to read control/", name_of(p), ".cdb");
	return f == FOUND_YES;
}

/* It, or what is above it; *key and *value are of a map. */
static bool
covered(
    const struct request *r, enum place p, struct str *key, struct str *value)
{
	enum found f =
	    listfile_find_domain(&r->lists[p], r->domain, key, value);

	if (f == FOUND_ERROR)
		die_temp("unable to read control/", name_of(p), ".cdb");
	return f == FOUND_YES;
}

static void
may_change(struct request *r, enum place p)
{
	if (!listfile_may_change(&r->lists[p], &r->error))
		die_usage(complaint_text(&r->error));
}

/* Without the file locals holds me, and goes on to. */
static void
keep_me(struct request *r)
{
	struct buf me = {0};
	struct str rest, line = {"", 0};

	if (!fd_read_file(r->dirfd, "me", &me) && errno != ENOENT)
		die_temp("unable to read control/me");
	rest = buf_str(&me);
	(void)str_cut(&rest, '\n', &line);
	line = str_trim(line);
	if (line.len > 0 && !str_equal_nocase(line, r->domain))
		must(
		    listfile_add(&r->lists[LOCALS], line, (struct str){"", 0}));
	buf_free(&me);
}

/* The domain, and value for a map, into a list that lacks it. */
static void
enter(struct request *r, enum place p, const char *value)
{
	if (stands(r, p, NULL))
		return;
	may_change(r, p);
	if (p == LOCALS && !r->lists[p].there)
		keep_me(r);
	must(listfile_add(&r->lists[p], r->domain, str_of(value)));
	r->changed[p] = true;
	say(r, "added", "control/", name_of(p));
}

/* A domain above it is somebody's; a line that names nobody is an exception. */
static void
enter_exception(struct request *r)
{
	struct str key, value;

	if (covered(r, VIRTUALDOMAINS, &key, &value) && value.len > 0)
		enter(r, VIRTUALDOMAINS, "");
}

/* In which other list the domain stands, whose mail it would get. */
static void
refuse_others(const struct request *r)
{
	static const char theirs[] = " is in control/";
	struct str whose = {"", 0};

	if (!r->local && stands(r, LOCALS, NULL))
		die_usage(
		    r->domain.data, theirs, "locals already; del it first");
	if (stands(r, VIRTUALDOMAINS, &whose) &&
	    (r->user != NULL ? !str_equal(whose, str_of(r->user))
			     : whose.len > 0))
		die_usage(r->domain.data, theirs,
		    "virtualdomains already, as another's; del it first");
	if ((r->local || r->user != NULL || r->relay) &&
	    domains_has(&r->boxes, r->domain))
		die_usage(r->domain.data, " has mailboxes of its own");
}

static void
take_alias(struct request *r, struct user_record *record)
{
	struct str other = str_of(r->alias_of);

	if (!domains_has(&r->boxes, other))
		die_usage("there are no mailboxes of ", r->alias_of);
	if (domains_mailboxes(&r->boxes, r->domain) > 0)
		die_usage(r->domain.data, " has mailboxes of its own");
	must(buf_append_byte(&r->forward, '@') &&
	     buf_append_lower(&r->forward, other));
	*record = (struct user_record){.forward = buf_str(&r->forward)};
}

/* The record of the domain that was asked for, made of what it has. */
static void
take_record(struct request *r, struct user_record *record)
{
	struct str other;

	if (r->alias_of != NULL)
		take_alias(r, record);
	else if (r->catch_all != NULL)
		record->forward = str_of(r->catch_all);
	else if (users_alias(record, &other))
		die_usage(r->domain.data,
		    " is an alias domain already; del it first");
}

static bool
same_record(const struct user_record *a, const struct user_record *b)
{
	return str_equal_nocase(a->forward, b->forward) &&
	       str_equal(a->place, b->place) && a->flags == b->flags;
}

/* The domain's line of users/passwd. */
static void
enter_users(struct request *r)
{
	const struct mailbox *line =
	    mailboxes_find(&r->boxes, buf_str(&r->name));
	struct user_record record = {.flags = 0};
	bool there = line != NULL;

	if (there)
		record = line->record;
	take_record(r, &record);
	if (there && same_record(&record, &line->record))
		return;
	if (!mailboxes_put(&r->boxes, buf_str(&r->name), &record, &r->error))
		die_usage(complaint_text(&r->error));
	r->users_changed = true;
	say(r, there ? "changed" : "added", "", USERS_TEXT);
}

/* The mailboxes' text and tables; true where something had to be done. */
static bool
save_users(struct request *r)
{
	bool made = false;

	if (r->dry)
		return r->users_changed;
	if (r->users_changed)
		check(r, mailboxes_save(&r->boxes, &r->error));
	else
		check(r, mailboxes_build(&r->boxes, false, &made, &r->error));
	if (made)
		printf("made the tables of %s anew\n", USERS_TEXT);
	return made || r->users_changed;
}

static bool
save_list(struct request *r, enum place p)
{
	struct listfile *l = &r->lists[p];
	bool made = false;

	if (r->dry)
		return r->changed[p];
	if (r->changed[p])
		check(r, listfile_save(l, r->dirfd, &r->error));
	else
		check(r, listfile_settle(l, r->dirfd, &made, &r->error));
	if (made)
		printf("made control/%s.cdb anew\n", name_of(p));
	return made || r->changed[p];
}

/* First whose it is, then that it is taken. */
static void
do_add(struct request *r)
{
	bool any;

	take_domain(r);
	check_user(r);
	open_all(r);
	refuse_others(r);
	if (r->local)
		enter(r, LOCALS, "");
	else if (r->user != NULL)
		enter(r, VIRTUALDOMAINS, r->user);
	else {
		if (!r->relay)
			enter_users(r);
		enter_exception(r);
	}
	if (!stands(r, MORERCPTHOSTS, NULL))
		enter(r, RCPTHOSTS, "");
	any = save_users(r);
	for (size_t i = PLACES; i-- > 0;)
		any = save_list(r, (enum place)i) || any;
	if (!any)
		printf("nothing to do: %s is there\n", r->domain.data);
}

static void
leave(struct request *r, enum place p)
{
	if (!stands(r, p, NULL))
		return;
	may_change(r, p);
	r->changed[p] = listfile_remove(&r->lists[p], r->domain);
	if (r->changed[p])
		say(r, "removed", "control/", name_of(p));
}

/* Its mailboxes are somebody's mail: they go one by one, before. */
static void
leave_users(struct request *r)
{
	char number[NUM_SIZE];
	size_t n = domains_mailboxes(&r->boxes, r->domain);
	const struct mailbox *alias = domains_alias(&r->boxes, r->domain);

	(void)num_format(number, n);
	if (n > 0)
		die_usage("mailboxes of ", r->domain.data,
		    " are left: ", number, "; culver user del removes them");
	if (alias != NULL)
		die_usage("an alias domain means it; del that first");
	if (mailboxes_find(&r->boxes, buf_str(&r->name)) == NULL)
		return;
	check(r, mailboxes_put(&r->boxes, buf_str(&r->name), NULL, &r->error));
	r->users_changed = true;
	say(r, "removed", "", USERS_TEXT);
}

/* What is above the domain speaks of it still. */
static void
say_covered(const struct request *r)
{
	struct str key, value;

	for (size_t i = RCPTHOSTS; i <= MORERCPTHOSTS; i++)
		if (covered(r, (enum place)i, &key, &value))
			printf("note: control/%s has %.*s, so mail for it is "
			       "still accepted\n",
			    name_of((enum place)i), (int)key.len, key.data);
	if (covered(r, VIRTUALDOMAINS, &key, &value) && value.len > 0)
		printf("note: control/virtualdomains has %.*s, so its mail is "
		       "%.*s's now\n",
		    (int)(key.len == 0 ? 1 : key.len),
		    key.len == 0 ? ":" : key.data, (int)value.len, value.data);
}

/* First that it is taken, then whose it is: in between is nobody's mail. */
static void
do_del(struct request *r)
{
	bool any = false;

	take_domain(r);
	open_all(r);
	leave_users(r);
	for (size_t i = 0; i < PLACES; i++)
		leave(r, (enum place)i);
	for (size_t i = 0; i < PLACES; i++)
		any = save_list(r, (enum place)i) || any;
	any = save_users(r) || any;
	if (!any)
		die_usage("there is no domain ", r->domain.data);
	say_covered(r);
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
