/* setup: make an instance, or add to one what it lacks.
 *
 * Runs as     root; for a private instance the account whose it will be.
 * Started by  a person; run/demo.
 * Reads       its own folder and the tree around it: programs, run/, hier; with
 *             --from a qmail's control/, users/, alias/ and rc.
 * Writes      HOME and everything below; accounts and groups.
 * Talks to    nobody; runs groupadd, useradd and usermod.
 * Trusts      its caller and its own folder.
 * Exits       0; 100 you asked wrongly; 111 the system failed.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "control/password.h"
#include "control/setup.h"
#include "control/takeover.h"
#include "lib/address.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/home.h"
#include "lib/num.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "wire/queue.h"
#include "wire/users.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver setup --home DIR --domain DOMAIN [OPTIONS]\n"
    "       culver setup --home DIR --from QMAIL [--dry-run] [--json] "
    "[OPTIONS]\n"
    "\n"
    "Make an instance of the mail server in DIR, or add to the one that is\n"
    "there what it lacks; what exists is never changed.\n"
    "\n"
    "  --home DIR              absolute; made if it is not there\n"
    "  --domain DOMAIN         the mail domain of its mailboxes\n"
    "  --me NAME               the server's own name (mail.DOMAIN)\n"
    "  --private               all under one account, on 127.0.0.1, ports\n"
    "                          N+25 and N+110; so it is for anybody but root\n"
    "  --base-port N           N of a private instance (10000)\n"
    "  --account NAME          whose it is, when root makes it (nobody)\n"
    "  --user LOCAL:PASSWORD   a mailbox to try it with; may come often;\n"
    "                          others can see it in ps meanwhile\n"
    "  --split N               folders of a new queue (64)\n"
    "\n"
    "Of a qmail's folder, /var/qmail, it takes control/, users/ and alias/,\n"
    "and says of each file what became of it.  Malformed ones are named, and\n"
    "then nothing is changed.\n"
    "\n"
    "  --from QMAIL            that folder; --domain may be left out\n"
    "  --dry-run               only say what would become of it\n"
    "  --overwrite             files that are there and other than qmail's "
    "are\n"
    "                          replaced\n"
    "  --json                  what became of it as an object\n"
    "\n"
    "Example: culver setup --home /var/tmp/mine --domain example.org \\\n"
    "             --private --user alice:secret\n";

struct options {
	const char *split, *base_port;
	const char *from;
	bool dry, json, overwrite;
	const char *users[SETUP_USERS];
	size_t user_count;
};

/* Collect --user, which may come often, and close the gaps in argv. */
static int
take_users(struct options *o, int argc, char **argv)
{
	static const char name[] = "--user";
	int kept = 1;

	for (int i = 1; i < argc; i++) {
		const char *value = NULL;

		if (strncmp(argv[i], "--user=", sizeof name) == 0)
			value = argv[i] + sizeof name;
		else if (strcmp(argv[i], name) != 0) {
			argv[kept++] = argv[i];
			continue;
		} else if (i + 1 < argc)
			value = argv[++i];
		if (value == NULL)
			die_usage("option --user needs a value");
		if (o->user_count == SETUP_USERS)
			die_usage("too many --user; use culver user add");
		o->users[o->user_count++] = value;
	}
	return kept;
}

static uint64_t
number(const char *option, const char *text, uint64_t least, uint64_t most)
{
	uint64_t n;

	if (!num_parse(str_of(text), most, &n) || n < least)
		die_usage("not a number for ", option, ": ", text);
	return n;
}

static void
check_user(const struct setup *s, const char *text)
{
	char address[SETUP_NAME * 2], place[USERS_PATH_SIZE];
	struct str password = str_of(text), local;
	struct buf parts = {0};
	struct address a;
	const char *fault;

	if (!str_cut(&password, ':', &local))
		local = (struct str){0};
	(void)snprintf(address, sizeof address, "%.*s@%s", (int)local.len,
	    local.data, s->domain);
	if (address_parse(str_of(address), false, &parts, &a) != ADDRESS_OK ||
	    !users_maildir(str_of(address), place))
		die_usage("not LOCAL:PASSWORD: ", text);
	fault = password_fault(password);
	if (fault != NULL)
		die_usage(fault, ": ", text);
	buf_free(&parts);
}

/* The server's own name, where --me does not say it. */
static void
choose_name(struct setup *s)
{
	static char name[SETUP_NAME];

	if (s->me == NULL && (size_t)snprintf(name, sizeof name, "mail.%s",
				 s->domain) < sizeof name)
		s->me = name;
	if (s->me == NULL || !address_domain_ok(str_of(s->me), false))
		die_usage("not a host name: ", s->me == NULL ? "" : s->me);
}

static void
check_options(struct setup *s, const struct options *o)
{
	if (s->home == NULL || (s->domain == NULL && o->from == NULL))
		die_usage("give --home and --domain; --help tells more");
	if (o->from == NULL && (o->dry || o->json || o->overwrite))
		die_usage("--dry-run, --json and --overwrite go with --from");
	if (s->domain == NULL && o->user_count > 0)
		die_usage("--user wants --domain");
	if (s->home[0] != '/' || s->home[1] == '\0')
		die_usage("--home must be an absolute path: ", s->home);
	if (strlen(s->home) >= PATH_MAX / 2)
		die_usage("--home is too long");
	if (s->domain != NULL && !address_domain_ok(str_of(s->domain), false))
		die_usage("not a domain: ", s->domain);
	if (o->from == NULL)
		choose_name(s);
	s->split = (unsigned)number("--split", o->split, 1, QUEUE_SPLIT_MAX);
	s->wants_private = s->wants_private || geteuid() != 0;
	if (s->wants_private)
		s->base_port = number("--base-port", o->base_port, 1000,
		    UINT16_MAX - SETUP_POP3 - 1000);
	for (size_t i = 0; i < o->user_count; i++)
		check_user(s, o->users[i]);
}

static void
read_options(struct setup *s, struct options *o, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"--home",      NULL,              &s->home     },
	    {"--domain",    NULL,              &s->domain   },
	    {"--me",        NULL,              &s->me       },
	    {"--private",   &s->wants_private, NULL         },
	    {"--base-port", NULL,              &o->base_port},
	    {"--account",   NULL,              &s->account  },
	    {"--split",     NULL,              &o->split    },
	    {"--from",      NULL,              &o->from     },
	    {"--dry-run",   &o->dry,           NULL         },
	    {"--overwrite", &o->overwrite,     NULL         },
	    {"--json",      &o->json,          NULL         },
	    {NULL,          NULL,              NULL         },
	};

	argc = take_users(o, argc, argv);
	if (option_take(argc, argv, rows) < argc)
		die_usage("no arguments besides options; --help tells more");
	check_options(s, o);
}

static void
say_end(const struct setup *s)
{
	if (s->kept > 0)
		printf("%zu things were there already and are as they were\n",
		    s->kept);
	printf(
	    "next: %s/bin/culver start --home %s\n", home_path(), home_path());
}

/* What a qmail's folder holds, judged; *json_fd is where the object goes, and
 * what else is said goes to standard error then. */
static void
look_at_other(const struct setup *s, const struct options *o,
    struct takeover *t, int *json_fd)
{
	static char from[PATH_MAX];

	if (realpath(o->from, from) == NULL)
		die_temp("unable to find ", o->from);
	t->from = from;
	t->home = s->home;
	t->overwrite = o->overwrite;
	if (o->json) {
		*json_fd = dup(STDOUT_FILENO);
		if (*json_fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			die_temp("unable to keep standard output");
	}
	takeover_read(t);
	if (o->json && (o->dry || t->refused > 0))
		takeover_say_json(t, *json_fd);
	else if (!o->json)
		takeover_say(t);
	if (fflush(stdout) == EOF)
		die_temp("unable to write to standard output");
	if (t->refused > 0)
		die_usage("what is refused is to be put right first; nothing "
			  "was changed");
}

/* All that makes an instance; HOME is entered on the way. */
static void
make(struct setup *s, const struct options *o, struct takeover *t)
{
	(void)umask(0); /* hier says every mode */
	source_open(&s->source);
	setup_home(s);
	if (!home_private())
		setup_accounts();
	if (!home_private() && t != NULL) {
		takeover_free(t); /* now the accounts have numbers */
		takeover_read(t);
	}
	drop_to(&(struct drop){
	    .account = home_private() ? ACCOUNT_USERS : ACCOUNT_ROOT});
	if (chdir(home_path()) < 0)
		die_usage("a folder above ", home_path(),
		    " is closed to its account");
	setup_tree(s);
	setup_services(s);
	if (t != NULL)
		takeover_write(t, s);
	else
		setup_controls(s);
	setup_users(s, o->users, o->user_count);
	setup_postmaster(s, o->users, o->user_count);
	say_end(s);
	buf_free(&s->source.hier);
}

int
main(int argc, char **argv)
{
	struct setup s = {.account = "nobody"};
	struct options o = {.split = "64", .base_port = "10000"};
	struct takeover t = {.from_fd = -1, .home_fd = -1};
	int json_fd = -1;

	die_name("setup");
	usage_answer(argc, argv, usage);
	read_options(&s, &o, argc, argv);
	if (o.from != NULL)
		look_at_other(&s, &o, &t, &json_fd);
	if (!o.dry)
		make(&s, &o, o.from != NULL ? &t : NULL);
	if (o.json && !o.dry)
		takeover_say_json(&t, json_fd);
	takeover_free(&t);
	if (fflush(stdout) == EOF)
		die_temp("unable to write to standard output");
	return 0;
}
