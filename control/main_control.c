/* control: is the configuration right, what is in force, compile it.
 *
 * Runs as     its caller; build as root, in a private instance as its owner.
 * Started by  a person.
 * Reads       control/; users/passwd, users/assign; fd 0 for "check -" and
 *             "show -".
 * Writes      control/NAME.cdb, users/passwd.cdb, users/rcpt.cdb, users/cdb
 *             (build only).
 * Talks to    nobody.
 * Trusts      its caller; nothing of what it reads.
 * Exits       0; 100 something is malformed or you asked wrongly; 111 the
 *             system failed.
 */
#include "control/assign.h"
#include "control/check.h"
#include "control/complaint.h"
#include "control/control.h"
#include "control/file.h"
#include "control/keeper.h"
#include "control/mailboxes.h"
#include "control/manual.h"
#include "control/rows.h"
#include "control/show.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/fd.h"
#include "lib/home.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "wire/assign.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: culver control check [-] [--json]\n"
    "       culver control show [-] [NAME ...] [--json]\n"
    "       culver control build [NAME ...] [--force]\n"
    "       culver control list [--json | --mdoc]\n"
    "\n"
    "check says what is wrong, file by file and line by line.\n"
    "show prints what is in force, so that it can be read again;\n"
    "  defaults are comments.\n"
    "build compiles the lists and maps whose text is newer than their cdb,\n"
    "  and the tables of users/passwd and users/assign (NAME users);\n"
    "  --force compiles all.\n"
    "list prints every control there is, with its default.\n"
    "With - the configuration is what show printed, on standard input.\n"
    "--home DIR names the instance.\n"
    "\n"
    "Example: culver control show | culver control check -\n";

enum { OPERANDS = CONTROL_COUNT + 2, TEXT_MAX = 1 << 28 };

struct request {
	bool json, mdoc, force;
	const char *home;
	const char *operands[OPERANDS];
	size_t count;
	struct json j; /* with --json: what is printed at the end */
	struct buf input;
	int dirfd;
};

/* Standard input is the configuration: the operand "-" was given, and goes. */
static bool
from_input(struct request *r)
{
	if (r->count == 0 || strcmp(r->operands[0], "-") != 0)
		return false;
	for (size_t i = 1; i < r->count; i++)
		r->operands[i - 1] = r->operands[i];
	r->count--;
	r->input.max = TEXT_MAX;
	if (!fd_slurp(STDIN_FILENO, &r->input))
		die_temp("unable to read standard input");
	return true;
}

static void
enter(struct request *r)
{
	if (r->home != NULL)
		env_set("CULVER_HOME", r->home);
	home_enter();
	r->dirfd = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0)
		die_temp("unable to open ", home_path(), "/control");
}

/* A line of a finding, its bytes escaped; or a member of the list. */
static void
print_finding(void *context, bool error, struct str text)
{
	struct request *r = context;
	struct log l = {.len = 0};

	if (r->json) {
		json_object(&r->j, NULL);
		json_text(
		    &r->j, "severity", str_of(error ? "error" : "warning"));
		json_text(&r->j, "text", text);
		json_object_end(&r->j);
		return;
	}
	log_words(&l, text.data);
	printf("%s%.*s\n", error ? "" : "warning: ", (int)l.len, l.line);
}

static void
print_json(struct request *r)
{
	if (!json_print(&r->j, STDOUT_FILENO))
		die_temp("unable to write to standard output");
	buf_free(&r->j.out);
}

static int
do_check(struct request *r)
{
	struct check k = {print_finding, r, 0, 0};
	bool input = from_input(r);

	if (r->count > 0)
		die_usage("check takes no names: ", r->operands[0]);
	if (r->json)
		json_list(&r->j, NULL);
	if (input)
		check_text(&k, buf_str(&r->input));
	else {
		enter(r);
		check_controls(&k, r->dirfd);
		check_users(&k);
	}
	if (r->json) {
		json_list_end(&r->j);
		print_json(r);
	} else
		printf("%zu errors, %zu warnings\n", k.errors, k.warnings);
	return k.errors > 0 ? EXIT_USAGE : 0;
}

static struct controls *
load(struct request *r)
{
	bool input = from_input(r);
	struct controls *c;
	struct buf error = {0};
	const char *notice;

	if (!input)
		enter(r);
	c = control_new(r->dirfd, CONTROL_TOOLS);
	if (c == NULL)
		die_temp("unable to show the configuration");
	errno = 0;
	if (input && !show_parse(c, buf_str(&r->input), &error))
		die_usage(complaint_text(&error));
	if (!input && !control_refresh(c))
		die_usage(control_error(c));
	while ((notice = control_notice(c)) != NULL) {
		errno = 0;
		warn(notice);
	}
	return c;
}

static bool
is_asked(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->operands[i], name) == 0)
			return true;
	return r->count == 0;
}

static void
check_names(const struct request *r, bool users)
{
	enum control_id id;

	for (size_t i = 0; i < r->count; i++)
		if (!row_find(str_of(r->operands[i]), &id) &&
		    !(users && strcmp(r->operands[i], "users") == 0))
			die_usage("no control is called ", r->operands[i]);
}

static int
do_show(struct request *r)
{
	struct controls *c = load(r);
	struct buf text = {.max = TEXT_MAX};

	check_names(r, false);
	if (r->json)
		json_object(&r->j, NULL);
	for (enum control_id id = 0; id < CONTROL_COUNT; id++) {
		if (!is_asked(r, control_row(id)->name))
			continue;
		if (!(r->json ? show_json(&r->j, c, id)
			      : show_row(&text, c, id)))
			die_temp("unable to show ", control_row(id)->name);
	}
	if (r->json) {
		json_object_end(&r->j);
		print_json(r);
	} else if (!fd_write_all(STDOUT_FILENO, text.data, text.len))
		die_temp("unable to write to standard output");
	buf_free(&text);
	control_free(c);
	return 0;
}

/* The text of a list parses; where it does not the old table stays. */
static bool
parses(const struct request *r, const struct control_row *row)
{
	struct value v = {0};
	struct buf error = {0};
	struct stat st;
	bool ok;

	if (!file_look(r->dirfd, row->name, &st))
		die_temp("unable to look at control/", row->name);
	ok = !file_there(&st) || file_read(r->dirfd, row, &v, &error);
	if (!ok)
		print_finding(&(struct request){0}, true, buf_str(&error));
	value_free(&v);
	buf_free(&error);
	return ok;
}

static bool
build_row(const struct request *r, enum control_id id)
{
	const struct control_row *row = control_row(id);
	struct buf error = {0};
	bool made;

	if (!kind_is_list(row->kind) || !is_asked(r, row->name))
		return true;
	if (!parses(r, row))
		return false;
	errno = 0;
	if (!control_build(r->dirfd, id, r->force, &made, &error))
		die_temp(complaint_text(&error));
	if (made)
		printf("made control/%s.cdb, which rules over control/%s\n",
		    row->name, row->name);
	buf_free(&error);
	return true;
}

static bool
build_users(const struct request *r)
{
	struct mailboxes m;
	struct buf error = {0};
	bool made = false, ok = true;

	if (!is_asked(r, "users"))
		return true;
	if (!mailboxes_open(&m, true, &error)) {
		print_finding(&(struct request){0}, true, buf_str(&error));
		ok = false;
	}
	errno = 0;
	if (ok && !mailboxes_build(&m, r->force, &made, &error))
		die_temp(complaint_text(&error));
	if (made)
		printf("made users/rcpt.cdb and users/passwd.cdb\n");
	mailboxes_close(&m);
	buf_free(&error);
	return ok;
}

static bool
build_assign(const struct request *r)
{
	struct buf error = {0};
	struct stat st;
	bool malformed = false, ok = true;

	if (!is_asked(r, "users") || stat(ASSIGN_TEXT, &st) != 0 ||
	    (!r->force && !assign_stale()))
		return true;
	errno = 0;
	ok = assign_build(&malformed, &error);
	if (malformed)
		print_finding(&(struct request){0}, true, buf_str(&error));
	else if (!ok)
		die_temp(complaint_text(&error));
	else
		printf("made users/cdb\n");
	buf_free(&error);
	return ok;
}

static int
do_build(struct request *r)
{
	bool ok = true;

	enter(r);
	drop_to(&(struct drop){.account = keeper_account()});
	check_names(r, true);
	for (enum control_id id = 0; id < CONTROL_COUNT; id++)
		ok = build_row(r, id) && ok;
	ok = build_users(r) && ok;
	ok = build_assign(r) && ok;
	return ok ? 0 : EXIT_USAGE;
}

static int
do_list(struct request *r)
{
	struct buf text = {0};

	if (r->json) {
		manual_json(&r->j);
		print_json(r);
		return 0;
	}
	if (!(r->mdoc ? manual_mdoc(&text) : manual_text(&text)) ||
	    !fd_write_all(STDOUT_FILENO, text.data, text.len))
		die_temp("unable to write the list");
	buf_free(&text);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct request *r);
} verbs[] = {
    {"check", do_check},
    {"show",  do_show },
    {"build", do_build},
    {"list",  do_list },
};

int
main(int argc, char **argv)
{
	struct request r = {.dirfd = -1, .j = {.out = {.max = TEXT_MAX}}};
	const struct option_row rows[] = {
	    {"--json",  &r.json,  NULL   },
	    {"--mdoc",  &r.mdoc,  NULL   },
	    {"--force", &r.force, NULL   },
	    {"--home",  NULL,     &r.home},
	    {NULL,      NULL,     NULL   },
	};
	int code;

	die_name("control");
	usage_answer(argc, argv, usage);
	if (argc < 2)
		die_usage("check, show, build or list; --help tells more");
	r.count =
	    option_operands(argc - 1, argv + 1, rows, r.operands, OPERANDS);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		code = verbs[i].run(&r);
		buf_free(&r.input);
		if (fflush(stdout) == EOF)
			die_temp("unable to write to standard output");
		return code;
	}
	die_usage("no command ", argv[1], "; --help lists them");
}
