/* showctl: the settings in qmail-showctl's words.
 *
 * Runs as     its caller.
 * Started by  a person, or a program that watches a host.
 * Reads       control/.
 * Writes      nothing.
 * Talks to    nobody.
 * Trusts      its caller; nothing of what it reads.
 * Exits       0; 100 asked wrongly; 111 the system failed, or a file of
 *             control/ is malformed.
 */
#include "control/control.h"
#include "control/show.h"
#include "control/value.h"
#include "lib/account.h"
#include "lib/die.h"
#include "lib/drop.h"
#include "lib/env.h"
#include "lib/home.h"
#include "lib/option.h"
#include "lib/usage.h"
#include "wire/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: culver showctl [--home DIR]\n"
			    "       qmail-showctl\n"
			    "\n"
			    "Print the settings in the words of qmail-showctl; "
			    "those that qmail has not\n"
			    "follow with their values.  culver control show "
			    "has a form that can be read\n"
			    "again.\n"
			    "\n"
			    "Example: culver showctl\n";

/* What stands before and behind a value, or each entry of a list; and for a list
 * without a file. */
static const struct words {
	enum control_id id;
	const char *before, *behind, *without;
} words[] = {
    {C_bouncefrom,        "Bounce user name is ",                             ".",                       NULL                        },
    {C_bouncehost,        "Bounce host name is ",                             ".",                       NULL                        },
    {C_concurrencylocal,  "Local concurrency is ",                            ".",                       NULL                        },
    {C_concurrencyremote, "Remote concurrency is ",                           ".",                       NULL                        },
    {C_databytes,         "SMTP DATA limit is ",                              " bytes.",                 NULL                        },
    {C_defaultdomain,     "Default domain name is ",                          ".",                       NULL                        },
    {C_defaulthost,       "Default host name is ",                            ".",                       NULL                        },
    {C_doublebouncehost,  "2B recipient host: ",                              ".",                       NULL                        },
    {C_doublebounceto,    "2B recipient user: ",                              ".",                       NULL                        },
    {C_envnoathost,       "Presumed domain name is ",                         ".",                       NULL                        },
    {C_helohost,          "SMTP client HELO host name is ",                   ".",                       NULL                        },
    {C_idhost,            "Message-ID host name is ",                         ".",                       NULL                        },
    {C_locals,            "Messages for ",				    " are delivered locally.",
     "Messages for me are delivered locally."											},
    {C_me,		"My name is ",				      ".",                       NULL                        },
    {C_percenthack,       "The percent hack is allowed for user%host@",       ".",
     "The percent hack is not allowed."											      },
    {C_plusdomain,        "Plus domain name is ",                             ".",                       NULL                        },
    {C_qmqpservers,       "QMQP server: ",                                    ".",                       "No QMQP servers."          },
    {C_queuelifetime,     "Message lifetime in the queue is ",                " seconds.",               NULL                        },
    {C_rcpthosts,         "SMTP clients may send messages to recipients at ", ".",
     "SMTP clients that may not relay send nothing."										 },
    {C_morercpthosts,     "SMTP clients may send messages to recipients at ", ".",
     "No effect."														    },
    {C_smtpgreeting,      "SMTP greeting: 220 ",                              ".",                       NULL                        },
    {C_smtproutes,        "SMTP route: ",				     "",                        "No artificial SMTP routes."},
    {C_timeoutconnect,    "SMTP client connection timeout is ",               " seconds.",               NULL                        },
    {C_timeoutremote,     "SMTP client data timeout is ",                     " seconds.",               NULL                        },
    {C_timeoutsmtpd,      "SMTP server data timeout is ",                     " seconds.",               NULL                        },
    {C_virtualdomains,    "Virtual domain: ",                                 "",                        "No virtual domains."       },
};

static const struct words *
words_of(enum control_id id)
{
	static const struct words plain = {C_me, "", "", "Nothing."};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].id == id)
			return &words[i];
	return &plain;
}

/* The entries stand behind tabs in show_row's text. */
static void
print_entries(const struct words *w, struct str text)
{
	struct str line;

	(void)putchar('\n');
	while (str_cut(&text, '\n', &line))
		if (str_starts(line, str_of("\t")))
			(void)printf("%s%.*s%s\n", w->before,
			    (int)(line.len - 1), line.data + 1, w->behind);
}

/* One setting; what may be read is its file's mode to say. */
static void
print_row(const struct controls *c, enum control_id id)
{
	const struct control_row *row = control_row(id);
	const struct words *w = words_of(id);
	struct buf text = {.max = VALUE_LIST_FILE};
	struct str line;

	(void)printf("\n%s: ", row->name);
	if (kind_has_lines(row->kind) && control_present(c, id)) {
		if (!show_row(&text, c, id))
			die_temp("unable to read control/", row->name);
		print_entries(w, buf_str(&text));
		buf_free(&text);
		return;
	}
	if (!control_present(c, id))
		(void)printf("(Default.) ");
	if (kind_has_lines(row->kind)) {
		(void)printf("%s\n", w->without);
	} else {
		line = control_line(c, id);
		(void)printf("%s%.*s%s\n", w->before, (int)line.len, line.data,
		    w->behind);
	}
}

static void
print_ids(void)
{
	static const enum account accounts[] = {ACCOUNT_ALIAS, ACCOUNT_SMTPD,
	    ACCOUNT_LOG, ACCOUNT_ROOT, ACCOUNT_USERS, ACCOUNT_QUEUE,
	    ACCOUNT_REMOTE, ACCOUNT_SEND};
	uid_t uid;
	gid_t gid;

	(void)printf("user ids:");
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		if (accounts[i] == ACCOUNT_ROOT)
			(void)printf(", 0");
		else if (account_find(accounts[i], &uid, &gid))
			(void)printf(
			    "%s %lu", i == 0 ? "" : ",", (unsigned long)uid);
	(void)printf(".\n");
}

int
main(int argc, char **argv)
{
	static const struct drop stay = {.account = ACCOUNT_SELF};
	const char *home = NULL;
	const struct option_row rows[] = {
	    {"--home", NULL, &home},
	    {NULL,     NULL, NULL },
	};
	struct controls *c;
	unsigned split;
	int dir;

	die_name("showctl");
	usage_answer(argc, argv, usage);
	if (option_take(argc, argv, rows) != argc)
		die_usage("no argument is expected; --help shows options");
	if (home != NULL)
		env_set("CULVER_HOME", home);
	home_enter();
	drop_to(&stay);
	dir = open("control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c = dir < 0 ? NULL : control_new(dir, CONTROL_TOOLS);
	if (c == NULL)
		die_temp("unable to open ", home_path(), "/control");
	errno = 0;
	if (!control_refresh(c))
		die_temp(control_error(c));
	(void)printf("culver home directory: %s.\nuser-ext delimiter: -.\n",
	    home_path());
	if (queue_split_read(&split))
		(void)printf("subdirectory split: %u.\n", split);
	print_ids();
	for (enum control_id id = 0; id < CONTROL_COUNT; id++)
		print_row(c, id);
	if (fflush(stdout) != 0)
		die_temp("unable to write to standard output");
	control_free(c);
	return 0;
}
