/* user: add, change, list and remove virtual mailboxes.
 *
 * Runs as     root; in a private instance its owner.  Maildirs are made and
 *             removed by a child that is culverv.
 * Started by  a person.
 * Reads       users/passwd; control/{morercpthosts,rcpthosts,locals,
 *             quotatrash,virtualdomains}; mailboxes; files to import; a
 *             password from the terminal or fd 0.
 * Writes      users/passwd, users/passwd.cdb, users/rcpt.cdb; domains/, and
 *             maildirsize there; a file to export to.
 * Talks to    nobody.
 * Trusts      its caller; not what lies in domains/.
 * Exits       0; 100 you asked wrongly; 111 the system failed.
 */
#include "control/boxuse.h"
#include "control/choice.h"
#include "control/complaint.h"
#include "control/control.h"
#include "control/export.h"
#include "control/import.h"
#include "control/keeper.h"
#include "control/mailboxes.h"
#include "lib/address.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver user add ADDRESS [PASSWORD] [SETTINGS]\n"
    "       culver user passwd ADDRESS [PASSWORD]\n"
    "       culver user set ADDRESS SETTINGS\n"
    "       culver user quota ADDRESS [--recount] [--json]\n"
    "       culver user quota ADDRESS SIZE\n"
    "       culver user del ADDRESS [--purge]\n"
    "       culver user list [DOMAIN] [--json]\n"
    "       culver user import FILE [--format vpasswd|dovecot|csv]\n"
    "           [--domain DOMAIN] [--strip PATH] [-n]\n"
    "       culver user export [DOMAIN] [--output FILE]\n"
    "\n"
    "PASSWORD is asked for at the terminal, or one of\n"
    "  --password-stdin   the first line of standard input\n"
    "  --random           a random one, printed once\n"
    "  --password TEXT    everybody on this host can see it in ps\n"
    "  --hash HASH        as crypt(3) made it\n"
    "  --no-password      nobody can log in\n"
    "  --method NAME      yescrypt (default), bcrypt, sha512crypt; scram, a "
    "verifier\n"
    "                     of SCRAM-SHA-256; plain keeps it in clear, which "
    "APOP and\n"
    "                     CRAM-MD5 need\n"
    "SETTINGS are\n"
    "  --quota SIZE       bytes, or with k, M, G or T; 0 is no limit; "
    "SIZE,500C:\n"
    "                     and 500 messages at most\n"
    "  --forward LIST     mail goes to these addresses instead; \"\": to the "
    "mailbox\n"
    "  --flags LIST       disabled, nopop3, nosmtp, noplus; keep: mail that "
    "is\n"
    "                     forwarded stays here, too; \"\": none\n"
    "  --place PATH       the Maildir, below domains/; \"\": the default\n"
    "\n"
    "quota without SIZE says how full the mailbox is; with --recount its files "
    "are\n"
    "counted.\n"
    "import says line by line what it took and what it could not; with -n that "
    "is\n"
    "all it does.  FILE is -, a text, or a vpasswd.cdb.\n"
    "export writes a passwd-file of Dovecot, hashes and all; with --output in "
    "place\n"
    "of FILE, whose owner and mode stay.\n"
    "Without --purge, del keeps the mail.  --home DIR names the instance.\n"
    "\n"
    "Example: culver user add alice@example.org --random --quota 2G\n";

enum { OPERANDS = 2 };

struct request {
	struct choice choice;
	const char *home, *output;
	struct import import;
	bool purge, json, recount, failed;
	const char *operands[OPERANDS];
	size_t count;
	struct buf address;          /* in lower case, a C string */
	char place[USERS_PATH_SIZE]; /* of its Maildir */
	struct buf file;             /* the name of one, whole */
	struct buf error;
	struct mailboxes boxes;
};

static void
read_options(struct request *r, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"--password-stdin", &r->choice.from_stdin, NULL               },
	    {"--random",         &r->choice.random,     NULL               },
	    {"--password",       NULL,                  &r->choice.password},
	    {"--hash",           NULL,                  &r->choice.hash    },
	    {"--no-password",    &r->choice.none,       NULL               },
	    {"--method",         NULL,                  &r->choice.method  },
	    {"--quota",          NULL,                  &r->choice.quota   },
	    {"--forward",        NULL,                  &r->choice.forward },
	    {"--flags",          NULL,                  &r->choice.flags   },
	    {"--place",          NULL,                  &r->choice.place   },
	    {"--format",         NULL,                  &r->import.format  },
	    {"--domain",         NULL,                  &r->import.domain  },
	    {"--strip",          NULL,                  &r->import.strip   },
	    {"-n",               &r->import.dry,        NULL               },
	    {"--purge",          &r->purge,             NULL               },
	    {"--recount",        &r->recount,           NULL               },
	    {"--json",           &r->json,              NULL               },
	    {"--output",         NULL,                  &r->output         },
	    {"--home",           NULL,                  &r->home           },
	    {NULL,               NULL,                  NULL               },
	};

	r->count = option_operands(argc, argv, rows, r->operands, OPERANDS);
	choice_check(&r->choice);
}

/* Make *name, a file's, mean the same in HOME as where we were started; whole
 * keeps it. */
static void
name_from_here(const char **name, struct buf *whole)
{
	char here[PATH_MAX];

	if (*name == NULL || **name == '/' || strcmp(*name, "-") == 0)
		return;
	if (getcwd(here, sizeof here) == NULL)
		die_temp("unable to find the current folder");
	whole->max = PATH_MAX;
	if (!buf_append_text(whole, here) || !buf_append_byte(whole, '/') ||
	    !buf_append_text(whole, *name) || !buf_terminate(whole))
		die_temp("unable to name ", *name);
	*name = whole->data;
}

NO_RETURN static void
die_memory(void)
{
	errno = ENOMEM;
	die_temp("unable to go on");
}

/* The first operand as a mailbox is named: in lower case, its local part
 * unquoted, its place below domains/. */
static void
take_address(struct request *r)
{
	struct buf parts = {0};
	struct address a;

	if (r->count == 0)
		die_usage("which address? --help tells more");
	if (address_parse(str_of(r->operands[0]), true, &parts, &a) !=
		ADDRESS_OK ||
	    a.domain.len == 0)
		die_usage("not an address: ", r->operands[0]);
	if (a.literal)
		die_usage("a mailbox wants a domain: ", r->operands[0]);
	if (!buf_append_lower(&r->address, a.local) ||
	    !buf_append_byte(&r->address, '@') ||
	    !buf_append_lower(&r->address, a.domain) ||
	    !buf_terminate(&r->address))
		die_memory();
	if (!users_maildir(buf_str(&r->address), r->place))
		die_usage("no mailbox can have the address ", r->operands[0]);
	buf_free(&parts);
}

/* It says what was wrong by itself. */
NO_RETURN static void
complain(struct buf *error)
{
	errno = 0;
	die_temp(complaint_text(error));
}

static void
open_boxes(struct request *r, bool locked)
{
	errno = 0;
	if (!mailboxes_open(&r->boxes, locked, &r->error))
		complain(&r->error);
}

/* The mailbox that must be there. */
static const struct mailbox *
find(struct request *r)
{
	const struct mailbox *box =
	    mailboxes_find(&r->boxes, buf_str(&r->address));

	if (box == NULL)
		die_usage("there is no mailbox ", r->address.data);
	return box;
}

/* Put the record in, NULL: take the mailbox out.  What the file refuses now
 * came from the command line. */
static void
put(struct request *r, const struct user_record *record)
{
	if (!mailboxes_put(&r->boxes, buf_str(&r->address), record, &r->error))
		die_usage(complaint_text(&r->error));
}

static void
save(struct request *r)
{
	errno = 0;
	if (!mailboxes_save(&r->boxes, &r->error))
		complain(&r->error);
}

/* The settings, as far as they can be read; die without. */
static struct controls *
open_controls(int *dirfd)
{
	struct controls *c;

	*dirfd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c = *dirfd < 0 ? NULL : control_new(*dirfd, CONTROL_TOOLS);
	if (c == NULL)
		die_temp("unable to read control");
	if (!control_refresh(c)) {
		errno = 0;
		warn(control_error(c));
	}
	return c;
}

/* What else the domain of a new mailbox wants. */
static void
say_next(const struct request *r)
{
	int dirfd;
	struct controls *c = open_controls(&dirfd);
	struct str local, domain, whose;

	address_split(buf_str(&r->address), &local, &domain);
	if (control_find(c, C_locals, domain, NULL) == FOUND_YES)
		printf("next: take %s out of %s/control/locals, which gives "
		       "its mail to system users\n",
		    domain.data, home_path());
	if (control_find_domain(c, C_virtualdomains, domain, &whose) ==
		FOUND_YES &&
	    whose.len > 0)
		printf("next: say in %s/control/virtualdomains that %s is an "
		       "exception, by %s: and no more; its mail is %.*s's\n",
		    home_path(), domain.data, domain.data, (int)whose.len,
		    whose.data);
	if (control_find_domain(c, C_rcpthosts, domain, NULL) != FOUND_YES &&
	    control_find_domain(c, C_morercpthosts, domain, NULL) != FOUND_YES)
		printf("next: culver domain add %s, which puts it into "
		       "%s/control/rcpthosts, so that mail for it is "
		       "accepted\n",
		    domain.data, home_path());
	control_free(c);
	(void)close(dirfd);
}

/* Where the mail of a record is, for people. */
static void
note_place(struct request *r, const struct user_record *record)
{
	if (!users_place(record, r->place))
		die_usage("no mailbox can have the address ", r->address.data);
}

static bool
is_below(struct str path, struct str folder)
{
	return str_starts(path, folder) &&
	       (path.len == folder.len || path.data[folder.len] == '/');
}

/* A mailbox that is left has its mail at, below or above what would go: the
 * place, without one of its own the folder around it. */
static bool
is_shared(const struct request *r, bool own)
{
	struct str mine = str_of(r->place);

	if (!own)
		mine.len = str_rfind(mine, '/');

	for (size_t i = 0; i < r->boxes.count; i++) {
		char path[USERS_PATH_SIZE];
		struct str other;

		if (!users_place(&r->boxes.list[i].record, path))
			continue;
		other = str_of(path);
		if (is_below(other, mine) || is_below(mine, other))
			return true;
	}
	return false;
}

/* Hold the lock, and all mailboxes unless one can be added without them. */
static bool
open_for_one(struct request *r)
{
	errno = 0;
	if (!mailboxes_lock(&r->boxes, &r->error))
		complain(&r->error);
	if (mailboxes_may_add(buf_str(&r->address)))
		return true;
	if (!mailboxes_load(&r->boxes, &r->error))
		complain(&r->error);
	if (mailboxes_find(&r->boxes, buf_str(&r->address)) != NULL)
		die_usage("there is a mailbox ", r->address.data, " already");
	return false;
}

/* Before a Maildir is made for it. */
static void
check_record(const struct user_record *record)
{
	struct buf line = {0};
	struct user_record same;
	struct str address;
	const char *what;

	if (!users_format(&line, record->address, record))
		die_memory();
	if (!users_parse(str_slice(buf_str(&line), 0, line.len - 1), &address,
		&same, &what))
		die_usage(USERS_TEXT ": ", what);
	buf_free(&line);
}

static void
do_add(struct request *r)
{
	char hash[CRYPT_OUTPUT_SIZE];
	struct user_record record = {.flags = 0};
	bool made, one;

	take_address(r);
	choice_apply(&r->choice, &record);
	record.address = buf_str(&r->address);
	one = open_for_one(r);
	choice_hash(&r->choice, r->address.data, hash);
	record.hash = str_of(hash);
	check_record(&record);
	if (!one)
		put(r, &record);
	note_place(r, &record);
	errno = 0;
	if (!mailbox_make(&record, &made, &r->error) ||
	    (one && !mailboxes_add(&record, &r->error)))
		complain(&r->error);
	if (!one)
		save(r);
	printf("added %s\n", r->address.data);
	printf("mail is in %s/%s%s\n", home_path(), r->place,
	    made ? "" : ", which was there already and keeps its mail");
	say_next(r);
}

static void
do_passwd(struct request *r)
{
	char hash[CRYPT_OUTPUT_SIZE];
	struct user_record record;

	take_address(r);
	open_boxes(r, true);
	record = find(r)->record;
	choice_hash(&r->choice, r->address.data, hash);
	record.hash = str_of(hash);
	put(r, &record);
	save(r);
	printf("%s %s\n",
	    r->choice.none ? "nobody can log in as" : "changed the password of",
	    r->address.data);
}

static void
do_set(struct request *r)
{
	struct user_record record;

	bool made;

	if (r->choice.quota == NULL && r->choice.forward == NULL &&
	    r->choice.flags == NULL && r->choice.place == NULL)
		die_usage("set what? --quota, --forward, --flags or --place");
	take_address(r);
	open_boxes(r, true);
	record = find(r)->record;
	choice_apply(&r->choice, &record);
	put(r, &record);
	if (r->choice.place != NULL) {
		record = find(r)->record;
		errno = 0;
		if (!mailbox_make(&record, &made, &r->error))
			complain(&r->error);
	}
	save(r);
	record = find(r)->record;
	/* It was counted while there was another quota, or none. */
	errno = 0;
	if (r->choice.quota != NULL && !boxuse_forget(&record, &r->error))
		warn(complaint_text(&r->error));
	printf("changed %s\n", r->address.data);
}

static void
show_quota(struct request *r)
{
	struct user_record record;
	struct controls *c;
	struct quota use;
	int dirfd;

	take_address(r);
	open_boxes(r, false);
	record = find(r)->record;
	record.address = buf_str(&r->address);
	c = open_controls(&dirfd);
	errno = 0;
	if (!boxuse_find(&record, r->recount,
		control_number(c, C_quotatrash) == 1, &use, &r->error))
		complain(&r->error);
	if (!boxuse_print(&record, &use, r->json))
		die_temp("unable to write to standard output");
	control_free(c);
	(void)close(dirfd);
}

static void
do_quota(struct request *r)
{
	if (r->count < OPERANDS) {
		show_quota(r);
		return;
	}
	r->choice.quota = r->operands[1];
	do_set(r);
}

static void
do_del(struct request *r)
{
	char place[USERS_PLACE_MAX + 1];
	struct user_record old = {
	    .address = {"", 0}
        };

	take_address(r);
	open_boxes(r, true);
	old = find(r)->record;
	note_place(r, &old);
	if (!str_copy(place, sizeof place, old.place))
		die_temp("unable to keep the place");
	old = (struct user_record){
	    .address = buf_str(&r->address), .place = str_of(place)};
	put(r, NULL);
	if (r->purge && is_shared(r, place[0] != '\0'))
		die_usage("another mailbox has the same place: ", r->place);
	save(r);
	printf("removed %s\n", r->address.data);
	errno = 0;
	if (r->purge && !mailbox_purge(&old, &r->error))
		complain(&r->error);
	if (r->purge)
		printf("removed its mail\n");
	else
		printf("kept its mail in %s/%s\n", home_path(), r->place);
}

static void
do_list(struct request *r)
{
	const char *domain = r->count == 0 ? NULL : r->operands[0];

	open_boxes(r, false);
	if (!mailboxes_print(&r->boxes, domain, r->json))
		die_temp("unable to write the list");
}

/* Exits 100 where something could not be taken. */
static void
do_import(struct request *r)
{
	struct import *i = &r->import;

	if (r->count == 0)
		die_usage("import what? --help tells more");
	i->boxes = &r->boxes;
	import_read(i, r->operands[0]);
	open_boxes(r, !i->dry);
	import_take(i);
	if (!i->dry && i->taken > 0) {
		errno = 0;
		if (!import_put(i, &r->error))
			complain(&r->error);
		save(r);
	}
	printf("%s %zu, refused %zu\n", i->dry ? "would take" : "took",
	    i->taken, i->refused);
	import_free(i);
	r->failed = i->refused > 0;
}

static void
do_export(struct request *r)
{
	const char *domain = r->count == 0 ? NULL : r->operands[0];

	open_boxes(r, false);
	if (!(r->output == NULL
		    ? export_dovecot(&r->boxes, domain, stdout, &r->error)
		    : export_dovecot_file(
			  &r->boxes, domain, r->output, &r->error))) {
		errno = 0;
		die_temp(complaint_text(&r->error));
	}
}

static const struct {
	const char *name;
	size_t operands; /* at most */
	void (*run)(struct request *r);
} verbs[] = {
    {"add",    1, do_add   },
    {"passwd", 1, do_passwd},
    {"set",    1, do_set   },
    {"quota",  2, do_quota },
    {"del",    1, do_del   },
    {"list",   1, do_list  },
    {"import", 1, do_import},
    {"export", 1, do_export},
};

static void
run(struct request *r, const char *verb)
{
	size_t i = 0;

	while (i < sizeof verbs / sizeof *verbs &&
	       strcmp(verb, verbs[i].name) != 0)
		i++;
	if (i == sizeof verbs / sizeof *verbs)
		die_usage("no command ", verb, "; --help lists them");
	if (r->count > verbs[i].operands)
		die_usage("one argument too many: ", r->operands[r->count - 1]);
	verbs[i].run(r);
	/* Tables that lag behind are another's edit, to be told every time. */
	errno = 0;
	if (mailboxes_stale())
		warn("users/passwd is newer than its tables, which rule; "
		     "run \"culver control build\"");
}

int
main(int argc, char **argv)
{
	struct request r = {0};

	die_name("user");
	usage_answer(argc, argv, usage);
	if (argc < 2)
		die_usage("add, passwd, set, quota, del, list, import or "
			  "export; --help tells more");
	read_options(&r, argc - 1, argv + 1);
	if (r.home != NULL)
		env_set("CULVER_HOME", r.home);
	name_from_here(&r.output, &r.file);
	if (strcmp(argv[1], "import") == 0)
		name_from_here(&r.operands[0], &r.file);
	home_enter();
	drop_to(&(struct drop){.account = keeper_account()});
	run(&r, argv[1]);
	mailboxes_close(&r.boxes);
	buf_free(&r.address);
	buf_free(&r.file);
	buf_free(&r.error);
	if (fflush(stdout) == EOF)
		die_temp("unable to write to standard output");
	return r.failed ? EXIT_USAGE : 0;
}
